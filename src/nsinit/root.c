/*
 * Paths in the root that mounts are put together in: this task's own, until a step makes a new one, which becomes its
 * own with pivot_root. They are resolved by descriptor, and no link leads out of it, whoever has made the links:
 * openat2(2).
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#define MOST_LINKS 40   /* as the kernel: path_resolution(7) */
#define MOST_TRIES 1024 /* before it is given up against somebody who changes the tree meanwhile */
#define MOUNT_POINT_FILE (S_IFREG | 0644)
#define MOUNT_POINT_DIRECTORY 0755
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000u
#endif
#define STATX_MNT_ID_OFFSET 144 /* of stx_mnt_id, which older headers don't have */

static int root(void) {
  if (task.root < 0) {
    task.root = (int)must(sys4(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", "/");
  }
  return task.root;
}

/* The root that paths are resolved in from here on; the descriptor is taken over. */
void set_root(int fd) {
  forget_root();
  task.root = fd;
}

/* It is to be looked up anew: the task has another. */
void forget_root(void) {
  if (task.root >= 0) {
    sys1(__NR_close, task.root);
    task.root = -1;
  }
}

/* A descriptor, or -errno. EAGAIN: something was renamed on the way, so that it may have led out. */
long open_in_root(const char *path, uint64_t flags, uint64_t mode) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode};
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  long fd = -EAGAIN;
  for (int i = 0; fd == -EAGAIN && i < MOST_TRIES; i++) {
    fd = sys4(__NR_openat2, root(), path, &how, sizeof(how));
  }
  return fd;
}

/* S_IFDIR, S_IFREG, ... */
uint32_t type_of(int fd) {
  struct statx status;
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status), "statx", NULL);
  return status.stx_mode & S_IFMT;
}

/* Which mount a path leads to, or a descriptor: the uppermost, of those that lie on each other. Linux 5.8 */
uint64_t mount_id(int at, const char *path) {
  struct statx status;
  uint64_t id;
  must(sys5(__NR_statx, at, path, *path == '\0' ? AT_EMPTY_PATH : 0, STATX_MNT_ID, &status), "statx", path);
  __builtin_memcpy(&id, (const char *)&status + STATX_MNT_ID_OFFSET, sizeof(id));
  return id;
}

/* The first so many letters of a path, which end in a slash, or none: then it is the root. */
static long open_prefix(char *path, size_t length) {
  char next = path[length];
  path[length] = '\0';
  long fd = open_in_root(length == 0 ? "." : path, O_PATH | O_DIRECTORY, 0);
  path[length] = next;
  return fd;
}

/* A component of a path: from `start` on, up to `end`. */
struct component {
  size_t start;
  size_t end;
};

static struct component last_component(const char *path, size_t length) {
  struct component last = {0, length};
  while (last.end > 0 && path[last.end - 1] == '/') {
    last.end--;
  }
  last.start = last.end;
  while (last.start > 0 && path[last.start - 1] != '/') {
    last.start--;
  }
  return last;
}

/* Puts what a link says in the place of its name; the rest of the path stays. */
static void follow(char *path, struct component link, const char *to, size_t size, const char *asked) {
  char rest[PATH_MAX];
  size_t rest_size = text_length(path + link.end) + 1;
  size_t start = to[0] == '/' ? 0 : link.start;
  if (start + size + rest_size > PATH_MAX) {
    fail("readlink", -ENAMETOOLONG, asked);
  }
  __builtin_memcpy(rest, path + link.end, rest_size);
  __builtin_memcpy(path + start, to, size);
  __builtin_memcpy(path + start + size, rest, rest_size);
}

/* Nothing is where this component leads, but the name is taken: by a link to nowhere, which is gone along with. */
static void follow_dangling(char *path, struct component name, int parent, const char *asked) {
  char to[PATH_MAX];
  char next = path[name.end];
  path[name.end] = '\0';
  long size = sys4(__NR_readlinkat, parent, path + name.start, to, sizeof(to));
  path[name.end] = next;
  if (size != -EINVAL && size != -ENOENT) { /* it is no link, or none any more: others are at work here, too */
    follow(path, name, to, (size_t)must(size, "readlink", asked), asked);
  }
}

/* Modes are meant as they are said. Put back when the root is done, for whoever goes on in this task. */
static void clear_umask(void) {
  if (!task.umask_cleared) {
    task.umask = (uint32_t)sys1(__NR_umask, 0);
    task.umask_cleared = true;
  }
}

void restore_umask(void) {
  if (task.umask_cleared) {
    sys1(__NR_umask, task.umask);
    task.umask_cleared = false;
  }
}

static long make_named(int parent, const char *name, bool directory) {
  clear_umask();
  return directory ? sys3(__NR_mkdirat, parent, name, MOUNT_POINT_DIRECTORY)
                   : sys4(__NR_mknodat, parent, name, MOUNT_POINT_FILE, 0);
}

static bool are_dots(const char *entries, long size) {
  for (long at = 0; at < size;) {
    const struct entry *entry = (const struct entry *)(entries + at);
    at += entry->size;
    if (!is_dot(entry->name)) {
      return false;
    }
  }
  return true;
}

/* False also where it cannot be read. */
static bool is_empty(int directory) {
  char entries[128] __attribute__((aligned(8)));
  long got;
  long fd = sys4(__NR_openat, directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  do {
    got = sys3(__NR_getdents64, fd, entries, sizeof(entries));
  } while (got > 0 && are_dots(entries, got));
  sys1(__NR_close, fd);
  return got == 0;
}

/*
 * Whoever can write in the directory can put something else of ours under the name before it is given away. So nothing
 * is that he could not make himself: what is empty, and a link.
 */
static void give_new(int parent, const char *name, const char *path) {
  struct statx status;
  if (task.owner_uid == PLAN_UNCHANGED && task.owner_gid == PLAN_UNCHANGED) {
    return;
  }
  long fd = sys4(__NR_openat, parent, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (fd < 0 || sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) < 0) {
    sys1(__NR_close, fd);
    return;
  }
  uint32_t type = status.stx_mode & S_IFMT;
  bool empty_file = type == S_IFREG && status.stx_size == 0 && status.stx_nlink == 1;
  bool harmless = type == S_IFLNK || empty_file || (type == S_IFDIR && is_empty((int)fd));
  if (harmless && status.stx_uid == (uint32_t)sys0(__NR_geteuid)) {
    give_to_owner((int)fd, "", path);
  }
  sys1(__NR_close, fd);
}

/* Makes the first component that is missing; false where that was a link to nowhere, and the path is another now. */
static bool make_next(char *path, uint32_t type, const char *asked) {
  struct component missing = {0, text_length(path)};
  size_t length = missing.end;
  long parent;
  do {
    missing = last_component(path, length);
    length = missing.start;
    parent = open_prefix(path, length);
  } while (parent == -ENOENT && length > 0);
  must(parent, "openat2", asked);
  bool last = *(path + missing.end + (path[missing.end] == '/')) == '\0';
  char next = path[missing.end];
  path[missing.end] = '\0';
  long error = make_named((int)parent, path + missing.start, !last || type == S_IFDIR);
  if (error == 0) {
    give_new((int)parent, path + missing.start, asked);
  }
  path[missing.end] = next;
  if (error == -EEXIST) {
    follow_dangling(path, missing, (int)parent, asked);
  } else {
    must(error, last && type != S_IFDIR ? "mknod" : "mkdir", asked);
  }
  sys1(__NR_close, parent);
  return error == 0;
}

/*
 * O_PATH on a path in the root. What is missing of it is made, if asked for: directories, and a file at its end where
 * type is not S_IFDIR.
 */
int open_place(const char *path, uint32_t type, bool make_missing) {
  char way[PATH_MAX];
  size_t size = text_length(path) + 1;
  int links = 0;
  long fd = open_in_root(path, O_PATH, 0);
  if (fd != -ENOENT || !make_missing || size == 1) {
    return (int)must(fd, "openat2", path);
  }
  if (size > sizeof(way)) {
    fail("openat2", -ENAMETOOLONG, path);
  }
  __builtin_memcpy(way, path, size);
  for (int i = 0; fd == -ENOENT && i < MOST_TRIES; i++) {
    links += make_next(way, type, path) ? 0 : 1;
    if (links > MOST_LINKS) {
      fail("openat2", -ELOOP, path);
    }
    fd = open_in_root(way, O_PATH, 0);
  }
  return (int)must(fd, "openat2", path);
}

/* The directory of a path, made if missing and wanted, and the name in it, in a room of PATH_MAX. */
static int open_parent(const char *path, char *room, bool make_missing, const char **name) {
  size_t size = text_length(path) + 1;
  if (size > PATH_MAX) {
    fail("openat2", -ENAMETOOLONG, path);
  }
  __builtin_memcpy(room, path, size);
  struct component last = last_component(room, size - 1);
  if (last.start == last.end) {
    fail("openat2", -EEXIST, path);
  }
  int parent = open_place("/", S_IFDIR, false);
  if (last.start > 0) {
    char first = room[last.start];
    room[last.start] = '\0';
    sys1(__NR_close, parent);
    parent = open_place(room, S_IFDIR, make_missing);
    room[last.start] = first;
  }
  room[last.end] = '\0';
  *name = room + last.start;
  return parent;
}

static void set_mode(long fd, uint64_t mode, const char *path) { must(sys2(__NR_fchmod, fd, mode), "fchmod", path); }

/* mkdir(2), where the links on the way stay in the root. */
static void make_one(const char *path) {
  char room[PATH_MAX];
  const char *name;
  int parent = open_parent(path, room, false, &name);
  must(make_named(parent, name, true), "mkdir", path);
  give_new(parent, name, path);
  sys1(__NR_close, parent);
}

/* A directory that is there already is taken as it is, but for a mode that is asked for. */
void step_make_dir(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  if (step->field[2].number != 0) {
    make_one(path);
  } else {
    sys1(__NR_close, open_place(path, S_IFDIR, true));
  }
  long fd = must(open_in_root(path, O_RDONLY | O_DIRECTORY, 0), "openat2", path);
  if (step->field[1].number != PLAN_UNCHANGED) {
    set_mode(fd, step->field[1].number, path);
  }
  sys1(__NR_close, fd);
}

/* One that says the same already will do. */
void step_make_link(const struct plan_step *step) {
  char room[PATH_MAX];
  char is[PATH_MAX];
  const char *name;
  const char *path = step->field[0].bytes;
  const struct plan_field *to = &step->field[1];
  int parent = open_parent(path, room, true, &name);
  long error = sys3(__NR_symlinkat, to->bytes, parent, name);
  if (error == -EEXIST && sys4(__NR_readlinkat, parent, name, is, sizeof(is)) == (long)to->size &&
      text_equal(is, to->bytes, to->size)) {
    error = 0;
  } else if (error == 0) {
    give_new(parent, name, path);
  }
  must(error, "symlink", path);
  sys1(__NR_close, parent);
}

/* O_NONBLOCK: what is there may be a FIFO. */
static long open_regular(const char *path, uint64_t flags, uint64_t mode) {
  long fd = must(open_in_root(path, flags | O_NONBLOCK | O_NOCTTY, mode), "openat2", path);
  if (type_of((int)fd) != S_IFREG) {
    fail("openat2", -EEXIST, path);
  }
  return fd;
}

void step_make_file(const struct plan_step *step) {
  char room[PATH_MAX];
  const char *name;
  const char *path = step->field[0].bytes;
  sys1(__NR_close, open_parent(path, room, true, &name));
  long fd = open_regular(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  fill_file(fd, &step->field[2], &step->field[3], path);
  set_mode(fd, step->field[1].number, path);
  give_to_owner((int)fd, "", path);
  sys1(__NR_close, fd);
}

void step_chmod(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  long fd = must(open_in_root(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0), "openat2", path);
  set_mode(fd, step->field[1].number, path);
  sys1(__NR_close, fd);
}
