/*
 * Puts files of the host into a root that was joined and does not have them. They are taken along as detached mounts,
 * made where the files can be seen, and are put into a directory of a new `/`. Everything in the old `/` is bound to
 * its place in the new one. So nothing has to exist there to be mounted on, and nothing is written anywhere.
 * open_tree(2), move_mount(2), fsmount(2)
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>
#include <asm/statfs.h>

#define ST_NOSUID 2 /* statfs(2) */
#define ST_NOEXEC 8

void step_trees(const struct step_trees *step) {
  const struct plan_field *paths = &step->paths;
  struct plan_reader items = {paths->bytes, task.plan + task.plan_size};
  if (paths->size > MOST_TREES) {
    fail("open_tree", -E2BIG, NULL);
  }
  for (task.tree_count = 0; task.tree_count < paths->size; task.tree_count++) {
    const char *path = plan_list_string(&items);
    task.trees[task.tree_count] =
        (int)must(sys3(__NR_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "open_tree", path);
  }
}

static void make_mount_point(int directory, const char *name) {
  must(sys4(__NR_mknodat, directory, name, S_IFREG | 0444, 0), "mknod", name);
}

static void put(int tree, int directory, const char *name) {
  must(sys5(__NR_move_mount, tree, "", directory, name, MOVE_MOUNT_F_EMPTY_PATH), "move_mount", name);
  sys_close(tree);
}

static void copy_link(int link, int to, const char *name) {
  static char target[PATH_MAX];
  long size = must(sys4(__NR_readlinkat, link, "", target, sizeof(target) - 1), "readlink", name);
  target[size] = '\0';
  must(sys3(__NR_symlinkat, target, to, name), "symlink", name);
}

/* Others may exchange entries of the old root, so each is opened once. One that has gone meanwhile is left out. */
static void bind_entry(int from, int to, const char *name) {
  long entry = sys4(__NR_openat, from, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0);
  if (entry == -ENOENT) {
    return;
  }
  must(entry, "open", name);
  uint32_t type = type_of((int)entry);
  if (type == S_IFLNK) {
    copy_link((int)entry, to, name);
    sys_close(entry);
    return;
  }
  const long flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
  long tree = must(sys3(__NR_open_tree, entry, "", flags), "open_tree", name);
  sys_close(entry);
  if (type == S_IFDIR) {
    must(sys3(__NR_mkdirat, to, name, 0755), "mkdir", name);
  } else {
    make_mount_point(to, name);
  }
  put((int)tree, to, name);
}

static bool same_text(const char *a, const char *b) {
  size_t size = text_length(a);
  return size == text_length(b) && text_equal(a, b, size);
}

static void bind_entries(int from, int to, const char *except) {
  static char entries[8192] __attribute__((aligned(8)));
  for (;;) {
    long got = must(sys3(__NR_getdents64, from, entries, sizeof(entries)), "getdents64", "/");
    if (got == 0) {
      return;
    }
    for (long at = 0; at < got;) {
      const struct entry *entry = (const struct entry *)(entries + at);
      at += entry->size;
      if (!is_dot(entry->name) && !same_text(entry->name, except)) {
        bind_entry(from, to, entry->name);
      }
    }
  }
}

/* Flags of a mount may be locked: then a remount has to name them again. mount_namespaces(7) */
static void make_read_only(const char *path) {
  struct statfs status;
  uint64_t flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
  must(sys2(__NR_statfs, path, &status), "statfs", path);
  if ((status.f_flags & ST_NOEXEC) != 0) {
    flags |= MS_NOEXEC;
  }
  must(sys5(__NR_mount, 0, path, 0, flags, 0), "mount", path);
}

static int open_directory(int at, const char *path) {
  return (int)must(sys4(__NR_openat, at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), "open", path);
}

static void put_trees(const struct plan_field *names, const char *directory) {
  struct plan_reader items = {names->bytes, task.plan + task.plan_size};
  must(sys1(__NR_chdir, directory), "chdir", directory);
  for (uint32_t i = 0; i < task.tree_count; i++) {
    const char *name = plan_list_string(&items);
    make_mount_point(AT_FDCWD, name);
    put(task.trees[i], AT_FDCWD, name);
    make_read_only(name);
  }
  task.tree_count = 0;
}

/* Runs in a mount namespace of this task's own, whose root does not propagate mounts. */
void step_host_files(const struct step_host_files *step) {
  const char *directory = step->directory.bytes;
  const char *name = directory + 1;
  if (step->names.size != task.tree_count || directory[0] != '/' || *text_find(name, '/') != '\0') {
    fail("move_mount", -EINVAL, directory);
  }
  int old = open_directory(AT_FDCWD, "/");
  int root = new_tmpfs("0755", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  must(sys5(__NR_move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), "move_mount", "/");
  bind_entries(old, root, name);
  must(sys3(__NR_mkdirat, root, name, 0755), "mkdir", directory);
  change_root(root);
  sys_close(old);
  sys_close(root);
  put_trees(&step->names, directory);
  must(sys1(__NR_chdir, "/"), "chdir", "/");
  make_read_only("/");
}
