/* Mounts in the mount namespace this task is in: mount_namespaces(7). */
#include "nsinit.h"

#include <linux/fcntl.h>
#include <linux/mount.h>

void step_propagation(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  must(sys5(__NR_mount, 0, path, 0, step->field[1].number, 0), "mount", path);
}

/* By descriptor on the one side, and without following a link on the other: open_tree(2), move_mount(2), Linux 5.2. */
void step_bind(const struct plan_step *step) {
  const char *target = step->field[1].bytes;
  long tree = must(sys3(__NR_open_tree, step->field[0].number, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH),
                   "open_tree", target);
  long error = sys5(__NR_move_mount, tree, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH);
  sys1(__NR_close, tree);
  if (error < 0) {
    fail("move_mount", error, target);
  }
}

void step_umount(const struct plan_step *step) {
  const char *target = step->field[0].bytes;
  must(sys2(__NR_umount2, target, step->field[1].number), "umount2", target);
}
