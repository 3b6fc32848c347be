/*
 * Lists the changes in an overlay's upper layer to the layers below it: the kernel's
 * Documentation/filesystems/overlayfs.rst, "Non-directories", "whiteouts and opaque directories". Somebody hostile may
 * have written the layer: names are long, trees are deep, and things move while they are looked at. So no link is
 * followed, one directory of each side is open at a time, and each way back up is checked.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/stat.h>

#define PATH_ROOM (1ul << 20)
#define MOST_LEVELS (1ul << 18)
#define OUTPUT_BYTES (PLAN_PACKET_BYTES / 4)
#define ENTRIES_BYTES 8192

/* A directory on the way to the one that is looked at, and the position at which to go on in it. */
struct level {
  uint64_t inode;
  uint64_t lower_inode;
  int64_t offset;
  uint32_t path_size;
  bool hidden; /* what the lower layers have there is not seen */
};

struct walk {
  bool shared; /* only contents and permissions count, and details are told: PLAN_PROJECT */
  bool gone;   /* all that is below has been deleted */
  int upper;
  int lower;       /* the directory of the same path, or the last on the way to it that there is */
  size_t unpaired; /* how many levels ago that was */
  bool hidden;
  char *path;
  size_t path_size;
  struct level *levels;
  size_t depth;
  uint64_t bytes_left;
  uint64_t entries_left;
  size_t output_size;
  char output[OUTPUT_BYTES];
};

/* The file under a name, if there is one. */
struct found {
  bool exists;
  struct statx status;
};

static int lower_of(const struct walk *walk) { return walk->unpaired > 0 ? -1 : walk->lower; }

static void flush(struct walk *walk) {
  if (walk->output_size > 0) {
    report_data(walk->output, walk->output_size);
    walk->output_size = 0;
  }
}

static void put(struct walk *walk, const char *bytes, size_t size) {
  if (size > walk->bytes_left) {
    fail_with("getdents64", -EFBIG, NULL, "bytes");
  }
  walk->bytes_left -= size;
  while (size > 0) {
    size_t part = OUTPUT_BYTES - walk->output_size < size ? OUTPUT_BYTES - walk->output_size : size;
    __builtin_memcpy(walk->output + walk->output_size, bytes, part);
    walk->output_size += part;
    bytes += part;
    size -= part;
    if (walk->output_size == OUTPUT_BYTES) {
      flush(walk);
    }
  }
}

/* What there is to say of a file that is not there: all numbers are zero. */
static const struct statx none;

/* Sends what Node compares a file by, later. Nothing is above or below where that is NULL. */
static void put_details(struct walk *walk, const struct statx *above, const struct statx *below) {
  const struct statx *here = above == NULL ? &none : above;
  const struct statx *there = below == NULL ? &none : below;
  const uint64_t details[] = {
      here->stx_mode,           here->stx_nlink, here->stx_ino,   here->stx_size,
      there->stx_mode,          there->stx_ino,  there->stx_size, (uint64_t)there->stx_ctime.tv_sec,
      there->stx_ctime.tv_nsec,
  };
  put(walk, (const char *)details, sizeof(details));
}

/* Sends one change: a letter, the type as in the mode, details, the path with the name, and a NUL. */
static void tell(struct walk *walk, char change, const struct statx *here, const struct statx *below,
                 const char *name) {
  const struct statx *there = below == NULL ? &none : below;
  const char head[2] = {change, (char)((here == NULL ? there : here)->stx_mode >> 12)};
  if (walk->entries_left-- == 0) {
    fail_with("getdents64", -EFBIG, NULL, "entries");
  }
  put(walk, head, sizeof(head));
  if (walk->shared) {
    put_details(walk, here, below);
  }
  put(walk, walk->path, walk->path_size);
  put(walk, "/", 1);
  put(walk, name, text_length(name) + 1);
}

/*
 * True for the errors of a name that does not exist, or not any more, or that could never be seen in a lower layer
 * (EACCES, ENAMETOOLONG). Any other error fails the step: an incomplete list of changes would be wrong.
 */
static bool is_gone(long error) {
  return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -ESTALE || error == -EACCES ||
         error == -ENAMETOOLONG;
}

static struct found look(int directory, const char *name) {
  struct found found = {.exists = false};
  if (directory >= 0) {
    long flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
    long error = sys5(__NR_statx, directory, name, flags, STATX_BASIC_STATS, &found.status);
    found.exists = error == 0;
    if (!is_gone(error)) {
      must(error, "statx", NULL);
    }
  }
  return found;
}

static bool is_directory(const struct found *found) {
  return found->exists && (found->status.stx_mode & S_IFMT) == S_IFDIR;
}

/*
 * True where the attribute has one letter, as the kernel writes it. ERANGE: it is longer, so somebody else has written
 * it. fgetxattr(2)
 */
static bool has_one(int fd, const char *name, char *value) {
  long size = sys4(__NR_fgetxattr, fd, name, value, 1);
  if (size == -ENODATA || size == -EOPNOTSUPP || size == -ERANGE) {
    return false;
  }
  must(size, "fgetxattr", NULL);
  return true;
}

static bool has_attribute(int fd, const char *in_user, const char *trusted, char *value) {
  return has_one(fd, in_user, value) || has_one(fd, trusted, value);
}

/* True for a device 0:0, or, where a device cannot be made, for an empty file with an attribute that marks it. */
static bool is_whiteout(int directory, const char *name, const struct found *found) {
  const struct statx *status = &found->status;
  char value;
  if ((status->stx_mode & S_IFMT) == S_IFCHR) {
    return status->stx_rdev_major == 0 && status->stx_rdev_minor == 0;
  }
  if ((status->stx_mode & S_IFMT) != S_IFREG || status->stx_size != 0) {
    return false;
  }
  long fd = sys4(__NR_openat, directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0);
  if (is_gone(fd)) {
    return false;
  }
  must(fd, "openat", NULL);
  bool is = has_attribute((int)fd, "user.overlay.whiteout", "trusted.overlay.whiteout", &value);
  sys_close(fd);
  return is;
}

/* True for "y"; an "x" only says that there are whiteouts of the second kind. */
static bool is_opaque(int directory) {
  char value = '\0';
  return has_attribute(directory, "user.overlay.opaque", "trusted.overlay.opaque", &value) && value == 'y';
}

/* Opens a directory; -1 for one that has gone meanwhile. */
static int open_child(int directory, const char *name) {
  long fd =
      directory < 0 ? -ENOENT : sys4(__NR_openat, directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  return is_gone(fd) ? -1 : (int)must(fd, "openat", NULL);
}

static void tell_gone(struct walk *walk, const char *name, const struct found *below);

/* Tells the names that are hidden because this directory replaces the one of the same name below, and is not merged. */
static void tell_hidden(struct walk *walk) {
  char entries[ENTRIES_BYTES] __attribute__((aligned(8)));
  if (walk->unpaired > 0) {
    return;
  }
  must(sys3(__NR_lseek, walk->lower, 0, 0), "lseek", NULL);
  for (;;) {
    long got = must(sys3(__NR_getdents64, walk->lower, entries, sizeof(entries)), "getdents64", NULL);
    if (got == 0) {
      return;
    }
    for (long at = 0; at < got;) {
      const struct entry *entry = (const struct entry *)(entries + at);
      at += entry->size;
      struct found below = look(walk->lower, entry->name);
      if (!is_dot(entry->name) && below.exists && !look(walk->upper, entry->name).exists) {
        tell(walk, 'D', NULL, &below.status, entry->name);
        tell_gone(walk, entry->name, &below);
      }
    }
  }
}

static void append_name(struct walk *walk, const char *name) {
  size_t length = text_length(name);
  if (walk->path_size + 1 + length >= PATH_ROOM) {
    fail("openat", -ENAMETOOLONG, NULL);
  }
  walk->path[walk->path_size] = '/';
  __builtin_memcpy(walk->path + walk->path_size + 1, name, length);
  walk->path_size += 1 + length;
}

static void push(struct walk *walk, int64_t offset, const char *name) {
  if (walk->depth == MOST_LEVELS) {
    fail("openat", -ENAMETOOLONG, NULL);
  }
  struct level *level = &walk->levels[walk->depth++];
  level->inode = look(walk->upper, "").status.stx_ino;
  level->lower_inode = look(walk->lower, "").status.stx_ino;
  level->offset = offset;
  level->path_size = (uint32_t)walk->path_size;
  level->hidden = walk->hidden;
  append_name(walk, name);
}

/* Goes into a directory; false where it has gone. paired: the lower layers have a directory there, too. */
static bool enter(struct walk *walk, const char *name, int64_t offset, bool paired) {
  int upper = open_child(walk->upper, name);
  int lower = paired ? open_child(lower_of(walk), name) : -1;
  if (upper < 0) {
    sys_close(lower);
    return false;
  }
  push(walk, offset, name);
  sys_close(walk->upper);
  walk->upper = upper;
  if (lower >= 0) {
    sys_close(walk->lower);
    walk->lower = lower;
  } else {
    walk->unpaired++;
  }
  walk->hidden = lower >= 0 && (walk->hidden || is_opaque(upper));
  return true;
}

/*
 * Goes back up. A directory that was moved meanwhile lies below another one now, and its names mean nothing any more.
 */
static int parent_of(int directory, uint64_t inode) {
  long parent = must(sys4(__NR_openat, directory, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), "openat", NULL);
  sys_close(directory);
  if (look((int)parent, "").status.stx_ino != inode) {
    fail("openat", -ESTALE, NULL);
  }
  return (int)parent;
}

static void leave(struct walk *walk) {
  const struct level *level = &walk->levels[--walk->depth];
  walk->upper = parent_of(walk->upper, level->inode);
  if (walk->unpaired > 0) {
    walk->unpaired--;
  } else {
    walk->lower = parent_of(walk->lower, level->lower_inode);
  }
  walk->path_size = level->path_size;
  walk->hidden = level->hidden;
  must(sys3(__NR_lseek, walk->upper, level->offset, 0), "lseek", NULL);
}

static bool same_permissions(const struct found *a, const struct found *b) {
  return ((a->status.stx_mode ^ b->status.stx_mode) & (S_IFMT | 0777)) == 0;
}

static bool same_link(int here, int below, const char *name) {
  char a[PATH_MAX];
  char b[PATH_MAX];
  long size = sys4(__NR_readlinkat, here, name, a, sizeof(a));
  return size >= 0 && sys4(__NR_readlinkat, below, name, b, sizeof(b)) == size && text_equal(a, b, (size_t)size);
}

static bool same_file(int here, int below, const char *name, uint64_t size) {
  const uint64_t flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
  long a = sys4(__NR_openat, here, name, flags, 0);
  long b = sys4(__NR_openat, below, name, flags, 0);
  bool same = a >= 0 && b >= 0 && same_bytes((int)a, (int)b, size);
  sys_close(a);
  sys_close(b);
  return same;
}

/* True where applying the one to the other would change nothing. What a directory hides is told by itself. */
static bool is_equal(const struct walk *walk, const char *name, const struct found *here, const struct found *below) {
  if (!same_permissions(here, below)) {
    return false;
  }
  switch (here->status.stx_mode & S_IFMT) {
    case S_IFDIR:
      return true;
    case S_IFLNK:
      return same_link(walk->upper, walk->lower, name);
    case S_IFREG:
      return here->status.stx_size == below->status.stx_size &&
             same_file(walk->upper, walk->lower, name, here->status.stx_size);
    default:
      return false;
  }
}

static bool same_attributes(const struct found *a, const struct found *b) {
  return a->status.stx_mode == b->status.stx_mode && a->status.stx_uid == b->status.stx_uid &&
         a->status.stx_gid == b->status.stx_gid;
}

/* True for a directory that both sides have and that hides nothing, if its attributes are the same as well. */
static bool is_unchanged(const struct walk *walk, const char *name, const struct found *here,
                         const struct found *below) {
  if (walk->shared) {
    return is_equal(walk, name, here, below);
  }
  if (!is_directory(here) || !is_directory(below) || !same_attributes(here, below)) {
    return false;
  }
  int fd = walk->hidden ? -1 : open_child(walk->upper, name);
  bool merged = fd >= 0 && !is_opaque(fd);
  sys_close(fd);
  return merged || walk->hidden;
}

/* True where a directory was entered, which is to be looked at next. */
static bool visit(struct walk *walk, const struct entry *entry) {
  const char *name = entry->name;
  if (is_dot(name)) {
    return false;
  }
  struct found here = look(walk->upper, name);
  struct found below = look(lower_of(walk), name);
  if (!here.exists) {
    return false;
  }
  if (walk->gone) {
    tell(walk, 'G', NULL, &here.status, name);
    return is_directory(&here) && enter(walk, name, entry->offset, false);
  }
  if (is_whiteout(walk->upper, name, &here)) {
    if (below.exists) {
      tell(walk, 'D', NULL, &below.status, name);
      tell_gone(walk, name, &below);
    }
    return false;
  }
  if (!below.exists) {
    tell(walk, 'A', &here.status, NULL, name);
  } else if (!is_unchanged(walk, name, &here, &below)) {
    tell(walk, 'M', &here.status, &below.status, name);
  }
  if (!is_directory(&here)) {
    tell_gone(walk, name, &below);
  }
  return is_directory(&here) && enter(walk, name, entry->offset, is_directory(&below));
}

/* Looks at the entries up to the first directory that is entered. False at the end of this directory. */
static bool look_on(struct walk *walk) {
  char entries[ENTRIES_BYTES] __attribute__((aligned(8)));
  for (;;) {
    long got = sys3(__NR_getdents64, walk->upper, entries, sizeof(entries));
    /* ENOENT: it was removed after it was opened. */
    if (got == 0 || got == -ENOENT) {
      return false;
    }
    must(got, "getdents64", NULL);
    for (long at = 0; at < got;) {
      const struct entry *entry = (const struct entry *)(entries + at);
      at += entry->size;
      if (visit(walk, entry)) {
        return true;
      }
    }
  }
}

static void walk_down(struct walk *walk) {
  size_t top = walk->depth;
  for (;;) {
    if (look_on(walk)) {
      continue;
    }
    if (walk->hidden) {
      tell_hidden(walk);
    }
    if (walk->depth == top) {
      return;
    }
    leave(walk);
  }
}

/* Tells what a directory of the lower layers has, which is not there any more. */
static void tell_gone(struct walk *walk, const char *name, const struct found *below) {
  int directory = walk->shared && is_directory(below) ? open_child(lower_of(walk), name) : -1;
  if (directory < 0) {
    return;
  }
  int upper = walk->upper;
  bool hidden = walk->hidden;
  size_t path_size = walk->path_size;
  append_name(walk, name);
  walk->upper = directory;
  walk->hidden = false;
  walk->gone = true;
  walk->unpaired++;
  walk_down(walk);
  sys_close(walk->upper);
  walk->upper = upper;
  walk->hidden = hidden;
  walk->gone = false;
  walk->unpaired--;
  walk->path_size = path_size;
}

/* lower: all the layers below as one directory. The descriptors may have been read before. */
void step_changes(const struct step_changes *step) {
  struct walk walk = {.bytes_left = step->max_bytes.number, .entries_left = step->max_entries.number};
  walk.upper =
      (int)must(sys4(__NR_openat, step->upper.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), "openat", NULL);
  walk.lower =
      (int)must(sys4(__NR_openat, step->lower.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), "openat", NULL);
  walk.path = new_memory(PATH_ROOM, MAP_NORESERVE);
  walk.levels = new_memory(MOST_LEVELS * sizeof(struct level), MAP_NORESERVE);
  walk.hidden = is_opaque(walk.upper);
  walk.shared = (step->flags.number & PLAN_PROJECT) != 0;
  walk_down(&walk);
  flush(&walk);
}
