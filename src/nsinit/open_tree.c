/* Opens the source of a mount as a detached copy: open_tree(2). */
#include "nsinit.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>

/*
 * A file that Node has opened lies on a mount of Node's mount namespace, of which this namespace has a copy. So it is
 * found here by its path, and it still has to be the same file.
 */
static long copy_by_path(long fd, long copy) {
  char link[FD_PATH_BYTES];
  char path[PATH_MAX];
  struct statx is;
  struct statx was;
  long size = sys4(__NR_readlinkat, AT_FDCWD, fd_path(fd, link), path, sizeof(path) - 1);
  if (size < 0) {
    return size;
  }
  path[size] = '\0';
  long tree = sys3(__NR_open_tree, AT_FDCWD, path, copy | AT_SYMLINK_NOFOLLOW);
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_INO, &was), "statx", path);
  if (tree >= 0 && sys5(__NR_statx, tree, "", AT_EMPTY_PATH, STATX_INO, &is) == 0 && is.stx_ino == was.stx_ino &&
      is.stx_dev_major == was.stx_dev_major && is.stx_dev_minor == was.stx_dev_minor) {
    return tree;
  }
  return tree < 0 ? tree : -ESTALE;
}

bool is_of_filesystem(long fd, long magic) {
  struct statfs status;
  return sys2(__NR_fstatfs, fd, &status) == 0 && status.f_type == magic;
}

/*
 * The files of /proc/PID/ns are links of the kind that open_source() refuses. In a real /proc, and if they lead to a
 * namespace, they can be mounted from another root as well: nsfs has no files of other users.
 */
static long open_namespace(const char *path) {
  char directory[PATH_MAX];
  size_t length = text_length(path);
  while (length > 0 && path[length - 1] != '/') {
    length--;
  }
  if (length == 0 || length >= sizeof(directory)) {
    return -ELOOP;
  }
  __builtin_memcpy(directory, path, length);
  directory[length] = '\0';
  long parent = open_source(directory, O_PATH | O_DIRECTORY);
  if (parent < 0) {
    return parent;
  }
  long fd = -ELOOP;
  if (is_of_filesystem(parent, PROC_SUPER_MAGIC)) {
    fd = sys4(__NR_openat, parent, path + length, O_PATH | O_CLOEXEC, 0);
  }
  sys_close(parent);
  if (fd >= 0 && !is_of_filesystem(fd, NSFS_MAGIC)) {
    sys_close(fd);
    return -ELOOP;
  }
  return fd;
}

/* A copy of the tree at a path or a descriptor; -ENOENT where there is nothing. */
long copy_tree(const struct plan_field *source, const struct plan_field *fds, uint64_t flags) {
  long copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | ((flags & PLAN_RECURSIVE) != 0 ? AT_RECURSIVE : 0);
  if (fds->size > 0) {
    long fd = (long)plan_list_number(fds, 0);
    if ((flags & PLAN_NO_COPY) != 0) {
      return fd;
    }
    long tree = sys3(__NR_open_tree, fd, "", copy | AT_EMPTY_PATH);
    return tree == -EINVAL ? copy_by_path(fd, copy) : tree;
  }
  if (!task.other_root) {
    return sys3(__NR_open_tree, AT_FDCWD, source->bytes, copy);
  }
  long fd = open_source(source->bytes, O_PATH);
  if (fd == -ELOOP) {
    fd = open_namespace(source->bytes);
  }
  if (fd < 0) {
    return fd;
  }
  long tree = sys3(__NR_open_tree, fd, "", copy | AT_EMPTY_PATH);
  sys_close(fd);
  return tree;
}
