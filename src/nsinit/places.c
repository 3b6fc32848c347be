/*
 * Finds the places that paths lead to in the root in which mounts are put together. It is this task's own root until a
 * step makes a new one, which becomes its own with pivot_root.
 *
 * Others may write in a directory that mounts are put on, and exchange names there between one step and the next
 * (renameat2(2)). So a path is resolved once for each step, by descriptor, and a mount of a step is known by the path
 * that was asked for. A later path that leads through it starts at the descriptor of that mount, whatever has become of
 * the name. In the end (check_places) the plan fails if a path leads to something else than was mounted there.
 *
 * No link leads out of the root, whoever has made it. Links are followed here, one name after another, so that it is
 * known which of the mounts a path leads through.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#define MOST_LINKS 40 /* as the kernel: path_resolution(7) */
#define FIRST_MOUNTS 64
#define ARENA_BYTES (64ul << 10)

/* A mount that this plan has put somewhere. */
struct mounted {
  const char *path; /* without links, and without a slash at its start or its end; not ended by a NUL */
  size_t size;
  int fd;      /* its root; -1 where nobody else can change the names that lead to it, so that they will do */
  bool shared; /* others can change names in it */
};

/* A path that is followed name by name. */
struct walk {
  const char *asked;
  const struct making *making;
  char rest[2 * PATH_MAX]; /* what is still to be followed */
  size_t rest_size;
  char path[PATH_MAX]; /* what has been followed, without links */
  size_t size;
  int directory; /* O_PATH on that */
  visitor *visit;
  int links;
  const char *in_the_way;
};

static struct mounted *mounts;
static uint32_t mount_count;
static uint32_t mount_room;
static char *arena;
static size_t arena_left;
static struct walk walk;

/* The root itself is the first of all. Others may be in it already, unless it is new and only this task knows it. */
static const struct mounted *root(void) {
  if (mount_count == 0) {
    int fd = (int)must(sys4(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", "/");
    set_root(fd, true);
  }
  return &mounts[0];
}

static void add(const struct mounted *mounted) {
  if (mount_count == mount_room) {
    uint32_t room = mount_room == 0 ? FIRST_MOUNTS : 2 * mount_room;
    struct mounted *larger = new_memory(room * sizeof(*larger), 0);
    if (mount_room > 0) {
      __builtin_memcpy(larger, mounts, mount_count * sizeof(*mounts));
      must(sys2(__NR_munmap, mounts, mount_room * sizeof(*mounts)), "munmap", NULL);
    }
    mounts = larger;
    mount_room = room;
  }
  mounts[mount_count++] = *mounted;
}

/* The root that paths are resolved in from here on; the descriptor is taken over. */
void set_root(int fd, bool shared) {
  forget_root();
  add(&(struct mounted){"", 0, fd, shared});
}

/* Forgets the root, because the task has another one now. */
void forget_root(void) {
  while (mount_count > 0) {
    sys_close(mounts[--mount_count].fd);
  }
}

/* True where b is a, or lies below it. */
static bool is_at_or_below(const char *b, size_t b_size, const char *a, size_t a_size) {
  return a_size == 0 || (b_size >= a_size && text_equal(a, b, a_size) && (b_size == a_size || b[a_size] == '/'));
}

/* The lowest of the mounts that a path leads through; with_fd: only of those that are known by a descriptor. */
static const struct mounted *nearest(const char *path, size_t size, bool with_fd) {
  const struct mounted *found = root();
  for (uint32_t i = 1; i < mount_count; i++) {
    const struct mounted *each = &mounts[i];
    if ((each->fd >= 0 || !with_fd) && each->size >= found->size &&
        is_at_or_below(path, size, each->path, each->size)) {
      found = each;
    }
  }
  return found;
}

/* The uppermost mount at exactly this path, or NULL. */
static struct mounted *mounted_at(const char *path, size_t size) {
  struct mounted *found = (struct mounted *)nearest(path, size, false);
  return found->size == size ? found : NULL;
}

static long duplicate(int fd) { return sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, PLAN_FIRST_FD); }

/* The path without slashes at its start and end. */
static const char *trimmed(const char *path, size_t *size) {
  while (*path == '/') {
    path++;
  }
  *size = text_length(path);
  while (*size > 0 && path[*size - 1] == '/') {
    (*size)--;
  }
  return path;
}

/* True for a path of names only: no "." or "..", and no slash too many. */
static bool is_plain(const char *path, size_t size) {
  for (size_t start = 0; start < size;) {
    size_t end = start;
    while (end < size && path[end] != '/') {
      end++;
    }
    size_t length = end - start;
    if (length == 0 || (path[start] == '.' && (length == 1 || (length == 2 && path[start + 1] == '.')))) {
      return false;
    }
    start = end + 1;
  }
  return true;
}

static const char *ended(const char *path, size_t size, char *room) {
  if (size >= PATH_MAX) {
    return NULL;
  }
  __builtin_memcpy(room, path, size);
  room[size] = '\0';
  return room;
}

/* Opens a path of names only, from a descriptor on. */
long open_names(int from, const char *path, size_t size, uint64_t flags) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
  char room[PATH_MAX];
  return ended(path, size, room) == NULL ? -ENAMETOOLONG : sys4(__NR_openat2, from, room, &how, sizeof(how));
}

/* Opens a path in one call, if there is no link on the way; -ELOOP where there is one. */
static long open_straight(const char *path, size_t size, uint64_t flags) {
  const struct mounted *from = nearest(path, size, true);
  if (from->size == size) {
    return (flags & O_PATH) != 0 ? duplicate(from->fd) : reopen(from->fd, flags);
  }
  size_t skipped = from->size == 0 ? 0 : from->size + 1;
  return open_names(from->fd, path + skipped, size - skipped, flags);
}

/*
 * Takes the next name from the rest of the path; NULL where there is none. last: set to true if no name comes after it.
 */
static const char *take_name(bool *last) {
  static char name[PATH_MAX];
  const char *at = walk.rest;
  while (*at == '/') {
    at++;
  }
  const char *end = text_find(at, '/');
  size_t size = (size_t)(end - at);
  if (size == 0) {
    return NULL;
  }
  if (ended(at, size, name) == NULL) {
    fail("openat2", -ENAMETOOLONG, walk.asked);
  }
  while (*end == '/') {
    end++;
  }
  *last = *end == '\0';
  size_t left = text_length(end) + 1;
  for (size_t i = 0; i < left; i++) {
    walk.rest[i] = end[i];
  }
  walk.rest_size = left;
  return name;
}

/* Puts the target of a link in front of the rest of the path. */
static void follow(const char *to, size_t size) {
  if (++walk.links > MOST_LINKS) {
    fail("openat2", -ELOOP, walk.asked);
  }
  if (size + 1 + walk.rest_size > sizeof(walk.rest)) {
    fail("openat2", -ENAMETOOLONG, walk.asked);
  }
  for (size_t i = walk.rest_size; i > 0; i--) {
    walk.rest[size + i] = walk.rest[i - 1];
  }
  __builtin_memcpy(walk.rest, to, size);
  walk.rest[size] = '/';
  walk.rest_size += size + 1;
}

/* Closes the descriptor of the directory, unless it is the root's own. */
static void leave_directory(void) {
  if (walk.directory != root()->fd) {
    sys_close(walk.directory);
  }
}

/* Goes on in another directory, and takes its descriptor over. */
static void go_to(long directory) {
  leave_directory();
  walk.directory = (int)must(directory, "openat2", walk.asked);
}

static void go_to_root(void) {
  walk.size = 0;
  go_to(root()->fd);
}

/*
 * Goes up by following the names from the root again, because ".." may be another directory by now. At the root it
 * stays there.
 */
static void go_up(void) {
  while (walk.size > 0 && walk.path[--walk.size] != '/') {
  }
  go_to(open_straight(walk.path, walk.size, O_PATH | O_DIRECTORY));
}

static size_t append_name(const char *name) {
  size_t before = walk.size;
  size_t length = text_length(name);
  if (walk.size + 1 + length >= sizeof(walk.path)) {
    fail("openat2", -ENAMETOOLONG, walk.asked);
  }
  if (walk.size > 0) {
    walk.path[walk.size++] = '/';
  }
  __builtin_memcpy(walk.path + walk.size, name, length + 1);
  walk.size += length;
  return before;
}

/* Opens the file under the name in the directory, or the mount on it, following no link. walk.path has the name. */
static long open_name(const char *name, uint64_t flags) {
  const struct mounted *at = mounted_at(walk.path, walk.size);
  if (at == NULL || at->fd < 0) {
    return open_here(walk.directory, name, flags);
  }
  return (flags & O_DIRECTORY) != 0 && type_of(at->fd) != S_IFDIR ? -ENOTDIR : duplicate(at->fd);
}

/*
 * Follows a link. Links of /proc that lead to open files of a process cannot be followed by a path, and are refused:
 * RESOLVE_NO_MAGICLINKS, openat2(2).
 */
static void follow_link(const char *name, int link, size_t before) {
  struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
  char to[PATH_MAX];
  long tried = sys4(__NR_openat2, walk.directory, name, &how, sizeof(how));
  if (tried >= 0) {
    sys_close(tried);
  } else if (tried == -ELOOP) {
    fail("openat2", tried, walk.asked);
  }
  size_t size = (size_t)must(sys4(__NR_readlinkat, link, "", to, sizeof(to)), "readlink", walk.asked);
  walk.size = before;
  follow(to, size);
  if (size > 0 && to[0] == '/') {
    go_to_root();
  }
}

/* The words for the thing that is in the way, for Node: "file /a/b". NULL where there is nothing to say. */
static const char *describe(const char *where, int there) {
  static const char *const names[] = {
      [S_IFIFO >> 12] = "fifo", [S_IFCHR >> 12] = "character", [S_IFDIR >> 12] = "directory", [S_IFBLK >> 12] = "block",
      [S_IFREG >> 12] = "file", [S_IFLNK >> 12] = "symlink",   [S_IFSOCK >> 12] = "socket"};
  static char detail[PATH_MAX + 16];
  const char *name = names[type_of(there) >> 12];
  size_t length = name == NULL ? 0 : text_length(name);
  size_t size = text_length(where);
  if (length == 0 || length + 2 + size >= sizeof(detail)) {
    return NULL;
  }
  __builtin_memcpy(detail, name, length);
  detail[length] = ' ';
  detail[length + 1] = '/';
  __builtin_memcpy(detail + length + 2, where, size + 1);
  return detail;
}

_Noreturn void fail_in_the_way(const char *syscall, long error, const char *asked, const char *where, int there) {
  fail_with(syscall, error, asked, describe(where, there));
}

/* Returns the descriptor that a path has led to. For an error it fails, and names the thing that was in the way. */
int must_lead(long fd, const char *asked) {
  if (fd < 0) {
    fail_with("openat2", fd, asked, fd == -ENOTDIR ? walk.in_the_way : NULL);
  }
  return (int)fd;
}

/*
 * Makes the missing file or directory under a name, and notes it if it is a mount point on the host. Who visits names
 * is told where that cannot be: EROFS.
 */
static long make_here(const char *name, uint32_t type) {
  bool made;
  if (walk.visit != NULL && is_read_only(walk.directory, walk.asked)) {
    return -EROFS;
  }
  int fd = make_name(walk.directory, name, type, walk.making, walk.asked, &made);
  if (made && task.base >= 0 && walk.making->mounts && nearest(walk.path, walk.size, false)->shared) {
    keep_new_point(walk.directory, fd);
  }
  return fd;
}

/* A copy of a text that stays until the end of the plan. */
static const char *kept_text(const char *text, size_t size) {
  if (size > arena_left) {
    arena = new_memory(ARENA_BYTES, 0);
    arena_left = ARENA_BYTES;
  }
  char *to = arena + ARENA_BYTES - arena_left;
  __builtin_memcpy(to, text, size);
  arena_left -= size;
  return to;
}

/* Has the name on the way visited. Returns the descriptor to go on with. */
static long visited(long found) {
  if (walk.visit == NULL) {
    return found;
  }
  struct place place = {walk.asked, kept_text(walk.path, walk.size), walk.size, (int)found, false};
  return walk.visit(&place, walk.directory);
}

/*
 * Goes into the directory under a name on the way. A missing one is made, if that is asked for. Returns 0, or an error.
 */
static long go_into(const char *name, long found, size_t before) {
  if (found == -ENOENT && walk.making != NULL) {
    found = make_here(name, S_IFDIR);
  }
  if (found < 0) {
    return found;
  }
  found = visited(found);
  switch (type_of((int)found)) {
    case S_IFLNK:
      follow_link(name, (int)found, before);
      sys_close(found);
      return 0;
    case S_IFDIR:
      go_to(found);
      return 0;
    default:
      walk.in_the_way = describe(walk.path, (int)found);
      sys_close(found);
      return -ENOTDIR;
  }
}

/*
 * Follows a path up to its last name, and follows that one too if it is a link and `follows` is true. `fd` gets the
 * descriptor of the last name, or the error. Returns that name; no name where the path is the root, ends in "..", or
 * did not lead so far.
 */
static const char *walk_path(const char *asked, const struct making *making, bool follows, long *fd) {
  bool last = false;
  const char *name;
  walk.asked = asked;
  walk.making = making;
  walk.links = 0;
  walk.in_the_way = NULL;
  walk.rest_size = text_length(asked) + 1;
  if (walk.rest_size > PATH_MAX) {
    fail("openat2", -ENAMETOOLONG, asked);
  }
  __builtin_memcpy(walk.rest, asked, walk.rest_size);
  walk.directory = root()->fd;
  walk.size = 0;
  while ((name = take_name(&last)) != NULL) {
    if (is_dot(name)) {
      if (name[1] == '.') {
        go_up();
      }
      continue;
    }
    size_t before = append_name(name);
    long found = open_name(name, last ? 0 : O_DIRECTORY);
    if (!last && found >= 0) {
      go_to(visited(found));
      continue;
    }
    if (!last && found == -ENOTDIR) {
      found = open_name(name, 0); /* a link, or what is in the way */
    }
    if (last && (!follows || found < 0 || type_of((int)found) != S_IFLNK)) {
      *fd = found;
      return name;
    }
    if ((*fd = go_into(name, found, before)) < 0) {
      return NULL;
    }
  }
  *fd = duplicate(walk.directory);
  return NULL;
}

static void end_walk(void) { leave_directory(); }

/* Follows a path name by name. With `making`, missing parts of it are made. */
static struct place walk_to(const char *asked, const struct making *making) {
  struct place place = {.asked = asked};
  long fd = -ELOOP;
  const char *name = walk_path(asked, making, true, &fd);
  if (fd == -ENOENT && name != NULL && making != NULL) {
    fd = make_here(name, making->like < 0 ? making->type : type_of(making->like));
    place.made = true;
  }
  place.fd = (int)fd;
  place.path = kept_text(walk.path, walk.size);
  place.size = walk.size;
  end_walk();
  return place;
}

/* Finds the place that a path leads to, following it once. With `making`, missing parts of the path are made. */
struct place find_place(const char *asked, const struct making *making) {
  struct place place = {.asked = asked};
  long fd = -ELOOP;
  place.path = trimmed(asked, &place.size);
  if (is_plain(place.path, place.size)) {
    fd = open_straight(place.path, place.size, O_PATH);
  }
  bool missing = fd == -ENOENT && making == NULL && place.size > 0;
  if (fd >= 0 || missing) {
    place.fd = (int)fd;
    return place;
  }
  return walk_to(asked, making);
}

/*
 * The same, and each name on the way is visited: directories, links, also under the last name, and what is in the way
 * (ENOTDIR).
 */
struct place visit_place(const char *asked, const struct making *making, visitor *visit) {
  walk.visit = visit;
  struct place place = walk_to(asked, making);
  walk.visit = NULL;
  return place;
}

/* The same for a place that has to exist. */
struct place must_find_place(const char *asked, const struct making *making) {
  struct place place = find_place(asked, making);
  must_lead(place.fd, asked);
  return place;
}

/* Opens an existing file at a place: open(2). */
long open_placed(const char *asked, uint64_t flags) {
  struct place place = find_place(asked, NULL);
  if (place.fd < 0) {
    return place.fd;
  }
  long fd = reopen(place.fd, flags);
  sys_close(place.fd);
  return fd;
}

int root_descriptor(void) { return root()->fd; }

/*
 * Finds the directory that a path is in, making missing ones, and the name in it. `there` gets a descriptor of the file
 * with that name, or an error. `follows`: a link under the last name is followed. Without a name it is that directory
 * itself.
 */
int find_name(const char *asked, const struct making *making, bool follows, const char **name, long *there) {
  *name = walk_path(asked, making, follows, there);
  return walk.directory == root()->fd ? (int)must(duplicate(walk.directory), "fcntl", asked) : walk.directory;
}

/* The path that find_name() has come to. */
const char *found_path(void) { return walk.path; }

/* True where others can change which name leads to a place. */
bool is_shared(const struct place *place) {
  const struct mounted *at = nearest(place->path, place->size, false);
  return at->size == place->size && at->size > 0 ? at->fd >= 0 : at->shared;
}

/* Something is about to be mounted on a place, which may have been made for that by another plan. */
void use_place(const struct place *place) {
  if (task.base >= 0 && !place->made && is_shared(place)) {
    keep_used_point(place->fd, place->asked);
  }
}

static void forget_below(const char *path, size_t size) {
  for (uint32_t i = mount_count - 1; i > 0; i--) {
    if (mounts[i].size > size && is_at_or_below(mounts[i].path, mounts[i].size, path, size)) {
      sys_close(mounts[i].fd);
      mounts[i] = mounts[--mount_count];
    }
  }
}

/* Something is put on a place: it covers the mounts below, and no path leads to those any more. */
void cover_place(const struct place *place) {
  if (place->size > 0) {
    forget_below(place->path, place->size);
  }
}

/* A mount has been put on a place. A mount on the root is not noted: this task's paths do not lead to it. */
void remember_mount(const struct place *place, int mount, bool shared) {
  if (place->size == 0) {
    return;
  }
  int kept = is_shared(place) ? (int)must(duplicate(mount), "fcntl", place->asked) : -1;
  struct mounted *at = mounted_at(place->path, place->size);
  if (at == NULL) {
    add(&(struct mounted){place->path, place->size, kept, shared});
    return;
  }
  sys_close(at->fd);
  at->fd = kept;
  at->shared = shared;
}

bool same_inode(int a, int b) {
  struct statx first;
  struct statx second;
  must(sys5(__NR_statx, a, "", AT_EMPTY_PATH, STATX_INO, &first), "statx", NULL);
  must(sys5(__NR_statx, b, "", AT_EMPTY_PATH, STATX_INO, &second), "statx", NULL);
  return first.stx_ino == second.stx_ino && first.stx_dev_major == second.stx_dev_major &&
         first.stx_dev_minor == second.stx_dev_minor;
}

/*
 * A copy of the tree at a place, with the mounts in it, will be put there: from here on these mounts are known by the
 * copies.
 */
void remember_copies(const struct place *place, int copy) {
  for (uint32_t i = 1; i < mount_count; i++) {
    struct mounted *each = &mounts[i];
    if (each->fd < 0 || each->size <= place->size ||
        !is_at_or_below(each->path, each->size, place->path, place->size)) {
      continue;
    }
    size_t skipped = place->size == 0 ? 0 : place->size + 1;
    long fd = open_names(copy, each->path + skipped, each->size - skipped, O_PATH);
    must(fd, "openat2", place->asked);
    if (!same_inode((int)fd, each->fd)) {
      fail("openat2", -ESTALE, place->asked);
    }
    sys_close(each->fd);
    each->fd = (int)fd;
  }
}

/* The mounts at one path, and below it, are at another path now. */
void remember_move(const struct place *from, const struct place *to, int mount) {
  bool shared = nearest(from->path, from->size, false)->shared;
  forget_below(to->path, to->size);
  forget_below(from->path, from->size);
  struct mounted *at = mounted_at(from->path, from->size);
  if (at != NULL && at->size > 0) {
    sys_close(at->fd);
    *at = mounts[--mount_count];
  }
  remember_mount(to, mount, shared);
}

/*
 * The plan fails unless each path leads to the mount that was put there: otherwise somebody has renamed it, or a
 * directory on the way.
 */
void check_places(void) {
  for (uint32_t i = 1; i < mount_count; i++) {
    const struct mounted *each = &mounts[i];
    if (each->fd < 0) {
      continue;
    }
    char room[PATH_MAX];
    const char *path = ended(each->path, each->size, room);
    long fd = must(open_names(root()->fd, each->path, each->size, O_PATH | O_NOFOLLOW), "openat2", path);
    if (mount_id((int)fd, "") != mount_id(each->fd, "")) {
      fail("openat2", -ESTALE, path);
    }
    sys_close(fd);
  }
}
