/*
 * A new root is put together in a file system in memory that lies somewhere on the old root.
 *
 * - old: a copy of the previous root, which is this task's own root meanwhile (chroot(2)), so that sources have their
 *   usual paths;
 * - new: the new root;
 * - staging: files that are made from data, and upper layers of overlays, which need a place to be mounted from.
 *
 * The file system is removed, with the old root, when the new root has become this task's own; mounts that were made
 * from it stay. Nothing lies on top of the copy and of the new root: a ".." that comes to "/", in a link for example,
 * would lead to the thing that lies there. (To have the old root itself there would take one more pivot_root, which
 * looks at each task of the machine.)
 */
#include "nsinit.h"

#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

static int open_path(int at, const char *path) {
  return (int)must(sys4(__NR_openat, at, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", path);
}

static int make_directory(const char *name) {
  must(sys3(__NR_mkdirat, task.base, name, 0700), "mkdir", name);
  return open_path(task.base, name);
}

/*
 * Mounts it on a mount point below "/" if there is one: a mount on "/" itself would have to be removed by an umount2 of
 * its own, and each of these waits for all CPUs.
 */
static void mount_base(void) {
  long target = sys4(__NR_openat, task.old_root, "proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  task.base = new_tmpfs("0700", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  put_mount(task.base, target < 0 ? task.old_root : (int)target, "/");
  if (target >= 0) {
    sys_close(target);
  }
}

static void make_base(void) {
  const long flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
  task.old_root = open_path(AT_FDCWD, "/");
  int copy = (int)must(sys3(__NR_open_tree, task.old_root, "", flags), "open_tree", "/");
  mount_base();
  int target = make_directory("old");
  put_mount(copy, target, "/");
  change_root(copy);
  sys_close(copy);
  sys_close(target);
  task.staging = make_directory("staging");
}

/* Makes a detached mount the new root, and takes its descriptor over. shared: others can change names in it. */
void begin_root(int mount, bool shared) {
  if (task.base < 0) {
    make_base();
  }
  int target = make_directory("new");
  put_mount(mount, target, "/");
  sys_close(target);
  set_root(mount, shared);
}

/* The task is about to have the new root as its own, in place of the one that it had first. */
void leave_staging(void) {
  if (task.base < 0) {
    return;
  }
  change_root(task.old_root);
  sys_close(task.old_root);
  sys_close(task.base);
  sys_close(task.staging);
  task.base = -1;
  task.staging = -1;
}

int staging_directory(void) {
  if (task.base < 0) {
    make_base();
  }
  return task.staging;
}

/* A new file, open for writing, or a new directory; its name takes 24 bytes. */
long make_staged(uint32_t type, char *name) {
  int directory = staging_directory();
  char digits[24];
  digits[sizeof(digits) - 1] = '\0';
  const char *first = text_number(digits + sizeof(digits) - 1, task.staged++);
  __builtin_memcpy(name, first, text_length(first) + 1);
  if (type == S_IFDIR) {
    must(sys3(__NR_mkdirat, directory, name, 0755), "mkdir", name);
    return must(sys4(__NR_openat, directory, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), "open", name);
  }
  return must(sys4(__NR_openat, directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "open", name);
}
