/* Single files and directories: what they are, and how new ones are made. inode(7) */
#include "nsinit.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#define MODE_DIRECTORY 0755
#define ST_RDONLY 1 /* statfs(2) */
#define UNREADABLE_BY_GROUP 0050
#define UNREADABLE_BY_OTHERS 0005
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000u
#endif
#define STATX_MNT_ID_OFFSET 144 /* of stx_mnt_id, which older headers don't have */

/* S_IFDIR, S_IFREG, ... */
uint32_t type_of(int fd) {
  struct statx status;
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status), "statx", NULL);
  return status.stx_mode & S_IFMT;
}

/* True for what is on a read-only mount, or on a read-only filesystem. */
bool is_read_only(int fd, const char *path) {
  struct statfs mount;
  must(sys2(__NR_fstatfs, fd, &mount), "fstatfs", path);
  return (mount.f_flags & ST_RDONLY) != 0;
}

/*
 * The ID of the mount that a path or a descriptor leads to: the uppermost one, where several lie on each other. Linux
 * 5.8
 */
uint64_t mount_id(int at, const char *path) {
  struct statx status;
  uint64_t id;
  must(sys5(__NR_statx, at, path, *path == '\0' ? AT_EMPTY_PATH : 0, STATX_MNT_ID, &status), "statx", path);
  __builtin_memcpy(&id, (const char *)&status + STATX_MNT_ID_OFFSET, sizeof(id));
  return id;
}

/* Opens the file of an O_PATH descriptor again, with other flags. */
long reopen(int fd, uint64_t flags) {
  char link[FD_PATH_BYTES];
  long opened = sys4(__NR_openat, fd, ".", flags | O_CLOEXEC, 0);
  return opened == -ENOTDIR ? sys4(__NR_openat, AT_FDCWD, fd_path(fd, link), flags | O_CLOEXEC, 0) : opened;
}

/*
 * Clears the umask, so that files get exactly the modes that were asked for. It is restored when the root is done, for
 * the steps that follow.
 */
static void clear_umask(void) {
  if (!task.umask_cleared) {
    task.umask = (uint32_t)must(sys1(__NR_umask, 0), "umask", NULL);
    task.umask_cleared = true;
  }
}

void restore_umask(void) {
  if (task.umask_cleared) {
    must(sys1(__NR_umask, task.umask), "umask", NULL);
    task.umask_cleared = false;
  }
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

/* True for an empty directory; false also where it cannot be read. */
bool is_empty(int directory, const char *path) {
  char entries[128] __attribute__((aligned(8)));
  long got;
  long fd = sys4(__NR_openat, directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd == -EACCES) {
    return false;
  }
  must(fd, "open", path);
  do {
    got = must(sys3(__NR_getdents64, fd, entries, sizeof(entries)), "getdents64", path);
  } while (got > 0 && are_dots(entries, got));
  sys_close(fd);
  return got == 0;
}

/*
 * A user that can write in the directory can put another file of ours under the name before it is given away. So we
 * only give away files that this user could make as well: empty ones, and links.
 */
void give_new(int fd, const char *path) {
  struct statx status;
  if (task.owner_uid == PLAN_UNCHANGED && task.owner_gid == PLAN_UNCHANGED) {
    return;
  }
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status), "statx", path);
  uint32_t type = status.stx_mode & S_IFMT;
  bool empty_file = type == S_IFREG && status.stx_size == 0 && status.stx_nlink == 1;
  bool harmless = type == S_IFLNK || empty_file || (type == S_IFDIR && is_empty(fd, path));
  if (harmless && status.stx_uid == (uint32_t)must(sys0(__NR_geteuid), "geteuid", NULL)) {
    give_to_owner(fd, "", path);
  }
}

long open_here(int directory, const char *name, uint64_t flags) {
  return sys4(__NR_openat, directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | flags, 0);
}

/* Directories on the way to something private are as private: others cannot see names in them, as with bwrap(1). */
static uint64_t mode_on_the_way(uint64_t mode) {
  if (mode == PLAN_UNCHANGED) {
    return MODE_DIRECTORY;
  }
  uint64_t closed = (mode & 0070) == 0 ? UNREADABLE_BY_GROUP : 0;
  closed |= (mode & 0007) == 0 ? UNREADABLE_BY_OTHERS : 0;
  return MODE_DIRECTORY & ~closed;
}

/*
 * Makes the missing file under a name: an empty file, or a directory. Returns a descriptor of it: O_PATH. If somebody
 * else has made it first, that is as good (made: false), except for a link, which leads to a place that nobody has
 * checked.
 */
int make_name(int directory, const char *name, uint32_t type, const struct making *making, const char *path,
              bool *made) {
  clear_umask();
  long error = type == S_IFDIR ? sys3(__NR_mkdirat, directory, name, mode_on_the_way(making->mode))
                               : sys4(__NR_mknodat, directory, name, S_IFREG | MOUNT_POINT_MODE, 0);
  if (error != -EEXIST) {
    must(error, type == S_IFDIR ? "mkdir" : "mknod", path);
  }
  int fd = (int)must(open_here(directory, name, type == S_IFDIR ? O_DIRECTORY : 0), "open", path);
  if (type != S_IFDIR && type_of(fd) == S_IFLNK) {
    fail("open", -ELOOP, path);
  }
  *made = error == 0;
  if (*made) {
    give_new(fd, path);
  }
  return fd;
}
