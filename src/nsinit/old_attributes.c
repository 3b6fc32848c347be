/*
 * Changes attributes of mounts before mount_setattr(2), Linux 5.12: one remount for each mount, as listed in
 * /proc/self/mountinfo. Id-mapped mounts cannot be made in this way. mount(2), proc_pid_mountinfo(5)
 */
#include "nsinit.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>

#define FIRST_ROOM (64ul << 10)
#define ATIME 0x70             /* MOUNT_ATTR__ATIME */
#define NOSYMFOLLOW 0x00200000 /* MOUNT_ATTR_NOSYMFOLLOW, Linux 5.14 */
#define MS_NOSYMFOLLOW_ 256    /* Linux 5.10 */
#define BY_REMOUNT                                                                                                     \
  (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | ATIME | MOUNT_ATTR_NODIRATIME |      \
   NOSYMFOLLOW)

/* One line of mountinfo. */
struct line {
  uint64_t id;
  uint64_t parent;
  char *path;
  bool concerned;
};

/* Memory of its own, and its size. */
struct room {
  char *bytes;
  size_t size;
};

/* A flag in the forms of statfs(2), mount_setattr(2) and mount(2). */
static const struct {
  uint64_t shown;
  uint64_t attribute;
  uint64_t flag;
} switches[] = {
    {0x1, MOUNT_ATTR_RDONLY, MS_RDONLY},
    {0x2, MOUNT_ATTR_NOSUID, MS_NOSUID},
    {0x4, MOUNT_ATTR_NODEV, MS_NODEV},
    {0x8, MOUNT_ATTR_NOEXEC, MS_NOEXEC},
    {0x800, MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
    {0x2000, NOSYMFOLLOW, MS_NOSYMFOLLOW_},
};

static struct room make_room(size_t size) { return (struct room){new_memory(size, 0), size}; }

/*
 * Opens the list of the mounts below view_root(). The file shows only the mounts below the root that the task has when
 * it opens the file.
 */
static long open_mountinfo(void) {
  int proc = proc_directory();
  if (task.base < 0) {
    return sys4(__NR_openat, proc, "self/mountinfo", O_RDONLY | O_CLOEXEC, 0);
  }
  int own = (int)must(sys4(__NR_openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", "/");
  change_root(task.base);
  long fd = sys4(__NR_openat, proc, "self/mountinfo", O_RDONLY | O_CLOEXEC, 0);
  change_root(own);
  sys_close(own);
  return fd;
}

/* The root that mountinfo is read below. A new root is not below the task's own one yet: see staging.c. */
static int view_root(void) { return task.base < 0 ? root_descriptor() : task.base; }

/* The whole file, ended by a NUL. */
static struct room read_mountinfo(size_t *size) {
  static const char path[] = "/proc/self/mountinfo";
  long fd = must(open_mountinfo(), "open", path);
  struct room room = make_room(FIRST_ROOM);
  *size = 0;
  for (;;) {
    long got = must(sys3(__NR_read, fd, room.bytes + *size, room.size - *size - 1), "read", path);
    *size += (size_t)got;
    if (got == 0) {
      break;
    }
    if (room.size - *size < FIRST_ROOM / 2) {
      struct room larger = make_room(2 * room.size);
      __builtin_memcpy(larger.bytes, room.bytes, *size);
      must(sys2(__NR_munmap, room.bytes, room.size), "munmap", NULL);
      room = larger;
    }
  }
  room.bytes[*size] = '\0';
  sys_close(fd);
  return room;
}

static uint64_t number_at(const char **at) {
  uint64_t number = 0;
  while (**at >= '0' && **at <= '9') {
    number = number * 10 + (uint64_t)(*(*at)++ - '0');
  }
  return number;
}

static bool is_octal(const char *at) {
  return at[0] >= '0' && at[0] <= '3' && at[1] >= '0' && at[1] <= '7' && at[2] >= '0' && at[2] <= '7';
}

/*
 * Unescapes a path in place: blanks and the like are written as \040. It ends the text at the next blank, which is
 * overwritten.
 */
static char *unescape(char *path) {
  char *to = path;
  const char *from = path;
  while (*from != ' ' && *from != '\n' && *from != '\0') {
    bool octal = from[0] == '\\' && is_octal(from + 1);
    *to++ = octal ? (char)((from[1] - '0') << 6 | (from[2] - '0') << 3 | (from[3] - '0')) : *from;
    from += octal ? 4 : 1;
  }
  *to = '\0';
  return path;
}

static char *skip_fields(char *at, int count) {
  for (; count > 0; count--) {
    at = (char *)text_find(at, ' ');
    at += *at == ' ';
  }
  return at;
}

/* 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw */
static struct line parse_line(char *text) {
  struct line line = {.concerned = false};
  const char *at = text;
  line.id = number_at(&at);
  at++;
  line.parent = number_at(&at);
  line.path = unescape(skip_fields(text, 4));
  return line;
}

static uint32_t count_lines(const char *text) {
  uint32_t count = 0;
  for (; *(text = text_find(text, '\n')) != '\0'; text++) {
    count++;
  }
  return count;
}

static void mark_children(struct line *lines, uint32_t count, uint64_t parent) {
  for (uint32_t i = 0; i < count; i++) {
    if (lines[i].parent == parent && lines[i].id != parent && !lines[i].concerned) {
      lines[i].concerned = true;
      mark_children(lines, count, lines[i].id);
    }
  }
}

/*
 * The flags after the change. Flags that the mount has may be locked, and then have to be named again:
 * mount_namespaces(7).
 */
static uint64_t flags_after(uint64_t shown, const struct attributes *attributes) {
  uint64_t all = 0;
  for (size_t i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
    bool on = (shown & switches[i].shown) != 0 && (attributes->clear & switches[i].attribute) == 0;
    all |= on || (attributes->set & switches[i].attribute) != 0 ? switches[i].flag : 0;
  }
  if ((attributes->clear & ATIME) == 0) {
    return all | ((shown & 0x400) != 0 ? MS_NOATIME : (shown & 0x1000) != 0 ? MS_RELATIME : MS_STRICTATIME);
  }
  uint64_t atime = attributes->set & ATIME;
  return all | (atime == MOUNT_ATTR_NOATIME ? MS_NOATIME : atime == 0 ? MS_RELATIME : MS_STRICTATIME);
}

/* Remounts by the descriptor. */
static void mount_again(int fd, uint64_t flags, const char *path) {
  char link[FD_PATH_BYTES];
  int cwd = enter_proc();
  must(sys5(__NR_mount, 0, fd_path_in_proc(fd, link), 0, flags, 0), "mount", path);
  leave_proc(cwd);
}

static void remount(int fd, const struct attributes *attributes, const char *path) {
  struct statfs status;
  must(sys2(__NR_fstatfs, fd, &status), "fstatfs", path);
  if ((attributes->set | attributes->clear) != 0) {
    uint64_t flags = flags_after((uint64_t)status.f_flags, attributes);
    mount_again(fd, MS_REMOUNT | MS_BIND | flags, path);
  }
  if (attributes->propagation != 0) {
    mount_again(fd, attributes->propagation, path);
  }
}

static bool is_ancestor(const struct line *lines, uint32_t count, uint64_t id, const struct line *of) {
  for (uint64_t parent = of->parent; parent != 0;) {
    if (parent == id) {
      return true;
    }
    uint64_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
      next = lines[i].id == parent && lines[i].parent != parent ? lines[i].parent : next;
    }
    parent = next;
  }
  return false;
}

static bool is_at_or_above(const char *above, const char *path) {
  size_t size = text_length(above);
  return text_length(path) >= size && text_equal(above, path, size) &&
         (path[size] == '\0' || path[size] == '/' || size == 1);
}

/* True where another mount lies on its path, and this mount is not inside that one. */
static bool is_covered(const struct line *lines, uint32_t count, const struct line *line) {
  for (uint32_t i = 0; i < count; i++) {
    if (&lines[i] != line && is_at_or_above(lines[i].path, line->path) &&
        !is_ancestor(lines, count, lines[i].id, line)) {
      return true;
    }
  }
  return false;
}

/*
 * No path leads to a mount that another one covers, and so nobody inside can use it. A mount that is not covered has to
 * be found: if it is not, somebody has renamed a directory on the way.
 */
static void remount_line(const struct line *lines, uint32_t count, const struct line *line,
                         const struct attributes *attributes) {
  const char *path = line->path + (line->path[0] == '/');
  long fd = open_names(view_root(), path, text_length(path), O_PATH);
  if (fd >= 0 && mount_id((int)fd, "") == line->id) {
    remount((int)fd, attributes, line->path);
  } else if (!is_covered(lines, count, line)) {
    fail("openat2", -ESTALE, line->path);
  }
  sys_close(fd);
}

static void remount_below(uint64_t id, const struct attributes *attributes) {
  size_t size;
  struct room text = read_mountinfo(&size);
  uint32_t count = count_lines(text.bytes);
  struct room memory = make_room((count + 1) * sizeof(struct line));
  struct line *lines = (struct line *)memory.bytes;
  char *at = text.bytes;
  for (uint32_t i = 0; i < count; i++) {
    char *end = (char *)text_find(at, '\n');
    lines[i] = parse_line(at);
    at = end + 1;
  }
  mark_children(lines, count, id);
  for (uint32_t i = 0; i < count; i++) {
    if (lines[i].concerned) {
      remount_line(lines, count, &lines[i], attributes);
    }
  }
  must(sys2(__NR_munmap, memory.bytes, memory.size), "munmap", NULL);
  must(sys2(__NR_munmap, text.bytes, text.size), "munmap", NULL);
}

void remount_each(int mount, bool recursive, const struct attributes *attributes, const char *path) {
  if (((attributes->set | attributes->clear) & ~(uint64_t)BY_REMOUNT) != 0) {
    fail("mount_setattr", -ENOSYS, path);
  }
  remount(mount, attributes, path);
  if (recursive) {
    remount_below(mount_id(mount, ""), attributes);
  }
}
