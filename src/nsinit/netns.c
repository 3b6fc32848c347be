/* Named network namespaces: each is mounted on a file in /run/netns, as ip-netns(8) makes them. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>

#define LOCK_EXCLUSIVE_NOW 6 /* LOCK_EX | LOCK_NB: flock(2) */
#define UMOUNT_NOFOLLOW 8    /* umount(2) */
#define NAP_NANOSECONDS 10000000
#define MOST_NAPS 500 /* five seconds, when those that mount here take milliseconds */

static void nap(void) {
  struct {
    long seconds, nanoseconds;
  } time = {0, NAP_NANOSECONDS};
  ignored(sys5(__NR_ppoll, 0, 0, &time, 0, 0), "a signal ends it early");
}

/*
 * Everybody who can open a directory can lock it, and never unlock it. So this waits only as long as an honest holder
 * may take on a busy machine.
 */
static long lock(long directory) {
  long error;
  for (int naps = 0;; naps++) {
    error = sys2(__NR_flock, directory, LOCK_EXCLUSIVE_NOW);
    if ((error != -EAGAIN && error != -EINTR) || naps == MOST_NAPS) {
      return error;
    }
    nap();
  }
}

/*
 * Makes the directory a shared mount, so that mounts and unmounts in it reach the copies in other mount namespaces, and
 * no namespace is kept alive by one of those alone. Two processes that do this at once would bind it onto itself again
 * and again. So only the one that holds the lock does it, and iproute2 since 5.9 takes the same lock. The lock ends
 * with this task. If the file system has no locks, or somebody keeps the lock, it is done without.
 */
void step_netns_directory(const struct step_netns_directory *step) {
  const char *path = step->path.bytes;
  long error = sys3(__NR_mkdirat, AT_FDCWD, path, 0755);
  if (error < 0 && error != -EEXIST) {
    fail("mkdir", error, path);
  }
  long directory = must(sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), "open", path);
  error = lock(directory);
  if (error != -ENOLCK && error != -EOPNOTSUPP && error != -EAGAIN) {
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
 * The mode of a file that waits for its mount. The sticky bit means nothing on a file, and nobody else makes a file
 * with this bit only. So a file that was left by a process which was killed before the mount, or after the unmount, can
 * be recognised.
 */
#define WAITING 01000

/*
 * A name in a directory in which others may write. They may exchange the file under the name, or the directory, between
 * two calls: their file must not be mounted on, unmounted or removed. So the directory is opened once. The name has no
 * slash, and no link under it is followed.
 */
struct entry_of {
  int directory; /* O_PATH */
  const char *name;
  bool locked;
};

/*
 * Opens the directory, and locks it until this task ends: a file that waits there while this task has the lock has been
 * left. Without a lock (a directory that may not be read, a file system without locks) no file is taken for left.
 */
static struct entry_of open_entry(const char *path) {
  static char directory[PATH_MAX];
  struct entry_of entry = {.name = path};
  size_t end = 0;
  for (size_t at = 0; path[at] != '\0'; at++) {
    end = path[at] == '/' ? at + 1 : end;
  }
  if (end >= sizeof(directory)) {
    fail("open", -ENAMETOOLONG, path);
  }
  __builtin_memcpy(directory, path, end);
  directory[end] = '\0';
  entry.name = path + end;
  const char *at = end == 0 ? "." : directory;
  entry.directory = (int)must(sys4(__NR_openat, AT_FDCWD, at, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", path);
  long readable = sys4(__NR_openat, entry.directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  entry.locked = readable >= 0 && lock(readable) == 0;
  return entry;
}

/* Opens the file under the name, or what is mounted on it: O_PATH, or -errno. */
static long look_at(const struct entry_of *entry) {
  return sys4(__NR_openat, entry->directory, entry->name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
}

static long remove_file(const struct entry_of *entry) { return sys3(__NR_unlinkat, entry->directory, entry->name, 0); }

/* True for a file that an interrupted call has left. It has to be this user's: others remove their own. */
static bool is_left(long file) {
  struct statx status;
  long error = sys5(__NR_statx, file, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
  return error == 0 && status.stx_mode == (S_IFREG | WAITING) && status.stx_size == 0 &&
         status.stx_uid == (uint64_t)sys0(__NR_geteuid);
}

static uint64_t inode_of(long fd) {
  struct statx status;
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &status), "statx", NULL);
  return status.stx_ino;
}

/* The inode of the namespace that is mounted there; 0: none. All of them are files of one file system, nsfs. */
static uint64_t namespace_at(const struct entry_of *entry) {
  long there = look_at(entry);
  if (there < 0) {
    return 0;
  }
  uint64_t inode = is_of_filesystem(there, NSFS_MAGIC) ? inode_of(there) : 0;
  sys_close(there);
  return inode;
}

/* Unmounts in the directory that was opened, wherever its path leads by now. */
static long unmount(const struct entry_of *entry) {
  long error = sys1(__NR_fchdir, entry->directory);
  return error < 0 ? error : sys2(__NR_umount2, entry->name, MNT_DETACH | UMOUNT_NOFOLLOW);
}

/* The file that this plan has mounted a namespace on; one without a name stands for none. */
static struct entry_of named;

/*
 * Called where the plan fails although the namespace is mounted, for example because its last report cannot be sent:
 * then the name is removed. The directory is still locked, so nobody has taken the name over.
 */
static void take_name_back(void) {
  struct entry_of entry = named;
  named.name = NULL;
  if (entry.name != NULL && unmount(&entry) == 0) {
    ignored(remove_file(&entry), "without a mount it is a file that was left");
  }
}

/* Makes the file to mount on, or takes one that was left. */
static long make_file(const struct entry_of *entry, const char *path) {
  const uint64_t flags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  long file = sys4(__NR_openat, entry->directory, entry->name, flags, WAITING);
  if (file == -EEXIST && entry->locked) {
    long left = look_at(entry);
    if (left >= 0 && is_left(left)) {
      return left;
    }
  }
  return must(file, "open", path);
}

/*
 * Mounts this task's network namespace, or that of a descriptor, on a new file; on failure there is no file. It is
 * mounted on the file that was opened: somebody who has moved that file, and put a link under its name, only gets the
 * mount on his own file.
 */
void step_netns_add(const struct step_netns_add *step) {
  const char *path = step->path.bytes;
  const struct plan_field *given = &step->net;
  struct entry_of entry = open_entry(path);
  long file = make_file(&entry, path);
  long net = given->size > 0 ? (long)plan_list_number(given, 0)
                             : sys4(__NR_openat, AT_FDCWD, "/proc/self/ns/net", O_RDONLY | O_CLOEXEC, 0);
  long tree = net < 0 ? net : sys3(__NR_open_tree, net, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
  const uint64_t both = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  long error = tree < 0 ? tree : sys5(__NR_move_mount, tree, "", file, "", both);
  if (error < 0) {
    ignored(remove_file(&entry), "why there is no namespace on it is what has to be told");
    fail(net < 0 ? "open" : tree < 0 ? "open_tree" : "move_mount", error, path);
  }
  named = entry;
  undo_on_failure(take_name_back);
  if (namespace_at(&entry) != inode_of(tree)) {
    named.name = NULL;
    char link[FD_PATH_BYTES];
    ignored(sys2(__NR_umount2, fd_path(tree, link), MNT_DETACH), "it is mounted where nobody looks for it");
    fail("move_mount", -ESTALE, path);
  }
  sys_close(tree);
}

/* Removes a file that was left, and nothing else. */
void step_netns_clear(const struct step_netns_clear *step) {
  const char *path = step->path.bytes;
  struct entry_of entry = open_entry(path);
  long file = look_at(&entry);
  if (file >= 0 && entry.locked && is_left(file)) {
    must(remove_file(&entry), "unlink", path);
  }
}

/*
 * Removes a name. If the inode of a namespace is expected, and another namespace or none is there, it fails with
 * ESTALE. Without an expected inode it also removes a file on which nothing is mounted, as an interrupted call leaves
 * it. The lock keeps others of this package from taking the file for left, and mounting on it, before it is removed.
 */
void step_netns_remove(const struct step_netns_remove *step) {
  const char *path = step->path.bytes;
  const struct plan_field *expected = &step->inode;
  struct entry_of entry = open_entry(path);
  if (expected->size > 0) {
    sys_close(must(look_at(&entry), "open", path));
    if (namespace_at(&entry) != plan_list_number(expected, 0)) {
      fail("statx", -ESTALE, path);
    }
  }
  long error = unmount(&entry);
  if (error < 0 && (error != -EINVAL || expected->size > 0)) {
    fail("umount2", error, path);
  }
  must(remove_file(&entry), "unlink", path);
}

/*
 * Mounts a file of the host over one that exists in the root, read-only, as ip-netns(8) mounts those of /etc/netns/NAME
 * over those of /etc. A file that the root does not have is skipped, and so is one of the host that has gone since it
 * was listed.
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
