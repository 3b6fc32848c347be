/* Network namespaces with a name, a file in /run/netns that each is mounted on: as ip-netns(8) makes them. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

#define LOCK_EX 2 /* flock(2) */
#define UMOUNT_NOFOLLOW 8

/*
 * Makes the directory a shared mount, so that what is mounted and unmounted in it reaches the copies in other mount
 * namespaces, and no namespace is kept by one of those alone. Two that do it at once would bind it onto itself over and
 * over: whoever holds the lock does, iproute2 (since 5.9) among them. The lock ends with this task. A file system that
 * has no locks is used without.
 */
void step_netns_directory(const struct step_netns_directory *step) {
  const char *path = step->path.bytes;
  long error = sys3(__NR_mkdirat, AT_FDCWD, path, 0755);
  if (error < 0 && error != -EEXIST) {
    fail("mkdir", error, path);
  }
  long directory = must(sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), "open", path);
  do {
    error = sys2(__NR_flock, directory, LOCK_EX);
  } while (error == -EINTR);
  if (error != -ENOLCK && error != -EOPNOTSUPP) {
    must(error, "flock", path);
  }
  error = sys5(__NR_mount, "", path, "none", MS_SHARED | MS_REC, 0);
  if (error == -EINVAL) { /* no mount point yet */
    error = sys5(__NR_mount, path, path, "none", MS_BIND | MS_REC, 0);
    error = error < 0 ? error : sys5(__NR_mount, "", path, "none", MS_SHARED | MS_REC, 0);
  }
  sys_close(directory);
  if (error < 0) {
    fail("mount", error, path);
  }
}

/*
 * The mode of a file that waits for its mount. On a file the sticky bit means nothing, and nobody else makes one that
 * has only this: so one that was left by whoever was killed before the mount, or after the unmount, is known for what
 * it is.
 */
#define WAITING 01000

/*
 * Locks the directory that a file is in, until this task ends: a file that waits there while somebody has the lock has
 * been left. Without a lock (a directory that may not be read, a file system that has none) nothing is taken for left.
 */
static bool lock_directory_of(const char *path) {
  static char directory[PATH_MAX];
  size_t end = 0;
  for (size_t at = 0; at < PATH_MAX - 1 && path[at] != 0; at++) {
    directory[at] = path[at];
    end = path[at] == '/' ? at + 1 : end;
  }
  directory[end] = 0;
  long fd = sys4(__NR_openat, AT_FDCWD, end == 0 ? "." : directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  long error = fd;
  do {
    error = fd < 0 ? fd : sys2(__NR_flock, fd, LOCK_EX);
  } while (error == -EINTR);
  return error == 0;
}

/* Of this user's: another's file would be another's to remove, mount and all. */
static bool is_left(const char *path) {
  struct statx status;
  long error = sys5(__NR_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &status);
  return error == 0 && status.stx_mode == (S_IFREG | WAITING) && status.stx_size == 0 &&
         status.stx_uid == (uint64_t)sys0(__NR_geteuid);
}

/* The file that this plan has mounted a namespace on, or NULL. */
static const char *named;

/*
 * The plan fails all the same, for its last report cannot be sent: then there is to be no name. The directory is still
 * locked, so that nobody has taken the name over.
 */
static void take_name_back(void) {
  const char *path = named;
  named = NULL;
  if (path != NULL && sys2(__NR_umount2, path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) {
    ignored(sys3(__NR_unlinkat, AT_FDCWD, path, 0), "without a mount it is a file that was left");
  }
}

/* Mounts this task's network namespace, or the one behind a descriptor, on a new file; on failure there is none. */
void step_netns_add(const struct step_netns_add *step) {
  const char *path = step->path.bytes;
  const struct plan_field *given = &step->net;
  bool locked = lock_directory_of(path);
  long file = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, WAITING);
  if (file < 0 && !(file == -EEXIST && locked && is_left(path))) {
    fail("open", file, path);
  }
  if (file >= 0) {
    sys_close(file);
  }
  long net = given->size > 0 ? (long)plan_list_number(given, 0)
                             : sys4(__NR_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
  long tree = net < 0 ? net : sys3(__NR_open_tree, net, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  long error = tree < 0 ? tree : sys5(__NR_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
  if (error < 0) {
    ignored(sys3(__NR_unlinkat, AT_FDCWD, path, 0), "why there is no namespace on it is what has to be told");
    fail(net < 0 ? "open" : tree < 0 ? "open_tree" : "move_mount", error, path);
  }
  sys_close(tree);
  named = path;
  undo_on_failure(take_name_back);
}

/* Takes a file away that was left; nothing else. */
void step_netns_clear(const struct step_netns_clear *step) {
  const char *path = step->path.bytes;
  if (lock_directory_of(path) && is_left(path)) {
    must(sys3(__NR_unlinkat, AT_FDCWD, path, 0), "unlink", path);
  }
}

/* A file that nothing is mounted on, as one who was interrupted leaves it, goes as well. */
void step_netns_remove(const struct step_netns_remove *step) {
  const char *path = step->path.bytes;
  long error = sys2(__NR_umount2, path, MNT_DETACH | UMOUNT_NOFOLLOW);
  if (error < 0 && error != -EINVAL) {
    fail("umount2", error, path);
  }
  must(sys3(__NR_unlinkat, AT_FDCWD, path, 0), "unlink", path);
}

/*
 * A file of the host over one that is there in the root, read-only: as ip-netns(8) has those of /etc/netns/NAME over
 * those of /etc. What the root does not have stands for nothing, and one that has gone since it was listed for itself.
 */
void step_cover(const struct step_cover *step) {
  const char *source = step->source.bytes;
  const char *path = step->target.bytes;
  const struct attributes attributes = {MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, 0, 0, 0};
  long target = open_in_root(path, O_PATH, 0);
  if (target == -ENOENT || target == -ENOTDIR) {
    return;
  }
  must(target, "openat2", path);
  long tree = sys3(__NR_open_tree, AT_FDCWD, source, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
  if (tree != -ENOENT) {
    must(tree, "open_tree", source);
    put_mount((int)tree, (int)target, path);
    change_attributes((int)tree, true, &attributes, path);
    sys_close(tree);
  }
  sys_close(target);
}
