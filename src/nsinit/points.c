/*
 * Mount points that a plan had to make in directories of the host. They are removed again when the sandbox ends, unless
 * somebody has put something into them, or another sandbox uses them. Removing a mount point removes the mounts on it,
 * in all mount namespaces. So a sandbox that uses one holds a shared lock on it (flock(2)), and removing it takes an
 * exclusive one.
 *
 * Node keeps a pair of descriptors for each: the directory that it is in, and the mount point itself. For one that
 * existed already both are the mount point itself, and it stays. Node is told as soon as a mount point is there,
 * because this task may be killed at any time.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

#define MOST_POINTS 128 /* more stay where they are */
#define SHARED_NOW 5    /* LOCK_SH | LOCK_NB */
#define EXCLUSIVE_NOW 6 /* LOCK_EX | LOCK_NB */

static uint32_t point_count;

/* True for a file or directory that is as make_name() makes them, and still empty. */
static bool is_unused(const struct statx *status) {
  return (status->stx_mode & S_IFMT) == S_IFDIR ||
         (status->stx_mode == (S_IFREG | MOUNT_POINT_MODE) && status->stx_size == 0 && status->stx_nlink == 1);
}

/* The same for what is open. */
bool is_unused_point(int fd, const char *path) {
  struct statx status;
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status), "statx", path);
  return is_unused(&status) && ((status.stx_mode & S_IFMT) == S_IFREG || is_empty(fd, path));
}

/* Locks it, for one who uses it. False where somebody is taking it away, or has done so. */
bool lock_point(int itself) {
  struct statx status;
  return sys2(__NR_flock, itself, SHARED_NOW) != -EAGAIN &&
         sys5(__NR_statx, itself, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) >= 0 && status.stx_nlink > 0;
}

/*
 * Opens a copy of the directory, without the mounts that will be made in it, and as writable as it is now. If mounts
 * below are locked, the copy has to include them: mount_namespaces(7).
 */
static long copy_of(int directory) {
  const long flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH;
  long copy = sys3(__NR_open_tree, directory, "", flags);
  return copy == -EINVAL ? sys3(__NR_open_tree, directory, "", flags | AT_RECURSIVE) : copy;
}

static long tell(int fd) {
  const struct plan_report head = {.kind = REPORT_POINT, .step = task.step};
  return try_report(&head, fd);
}

/*
 * Tells Node of a mount point. One that may not be read stays, and Node is not told. One that cannot be told is taken
 * away at once, and the plan fails.
 */
static void keep(int directory, int point) {
  if (point_count == MOST_POINTS) {
    return;
  }
  long itself = reopen(point, O_RDONLY | O_NONBLOCK);
  if (itself < 0) {
    return;
  }
  long copy = directory < 0 ? itself : copy_of(directory);
  if (copy < 0) {
    sys_close(itself);
    return;
  }
  ignored(sys2(__NR_flock, itself, SHARED_NOW), "somebody who has locked it takes nothing away");
  point_count++;
  long told = tell((int)copy);
  told = told < 0 ? told : tell((int)itself);
  if (told < 0) {
    take_away((int)copy, (int)itself);
    fail("sendmsg", told, NULL);
  }
  if (copy != itself) {
    sys_close(copy);
  }
  sys_close(itself);
}

/* A mount point was made in a directory that others see, too. */
void keep_new_point(int directory, int point) { keep(directory, point); }

/* Something is mounted on a point that another sandbox may have made for this. */
void keep_used_point(int point, const char *path) {
  if (is_unused_point(point, path)) {
    keep(-1, point);
  }
}

/* The present name of a file, in a room of PATH_MAX. */
static const char *name_of(int fd, char *room) {
  char link[FD_PATH_BYTES];
  long size = sys4(__NR_readlinkat, AT_FDCWD, fd_path(fd, link), room, PATH_MAX - 1);
  room[size < 0 ? 0 : size] = '\0';
  const char *name = room;
  for (const char *at = room; *at != '\0'; at++) {
    name = *at == '/' ? at + 1 : name;
  }
  return name;
}

/* Locks it against others. False where another one uses it. */
bool lock_for_removal(int itself) { return sys2(__NR_flock, itself, EXCLUSIVE_NOW) >= 0; }

/* Takes a mount point away. One that cannot be is used by somebody now, or is on a read-only mount: it stays. */
void take_away(int directory, int itself) {
  char room[PATH_MAX];
  struct statx is;
  struct statx was;
  const char *name = name_of(itself, room);
  if (*name == '\0' || !lock_for_removal(itself) ||
      sys5(__NR_statx, itself, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &was) < 0 ||
      sys5(__NR_statx, directory, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &is) < 0) {
    return;
  }
  bool same =
      is.stx_ino == was.stx_ino && is.stx_dev_major == was.stx_dev_major && is.stx_dev_minor == was.stx_dev_minor;
  if (same && is_unused(&is)) {
    ignored(sys3(__NR_unlinkat, directory, name, (is.stx_mode & S_IFMT) == S_IFDIR ? AT_REMOVEDIR : 0), "it stays");
  }
}

/* The last one that was made comes first, as it may be inside another. */
void step_unmake(const struct step_unmake *step) {
  const struct plan_field *fds = &step->points;
  for (uint32_t i = fds->size / 2; i > 0; i--) {
    take_away((int)plan_list_number(fds, 2 * i - 2), (int)plan_list_number(fds, 2 * i - 1));
  }
}
