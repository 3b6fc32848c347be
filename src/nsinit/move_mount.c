/* Puts a detached mount in its place: move_mount(2). */
#include "nsinit.h"

#include <linux/mount.h>
#include <linux/stat.h>

/*
 * Mounts on the target, on top of all that is mounted there already. A directory can only be mounted on a directory,
 * and any other file only on one that is no directory.
 */
void put_mount(int mount, int target, const char *path) {
  long error = sys5(__NR_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  if (error < 0 && (type_of(mount) == S_IFDIR) != (type_of(target) == S_IFDIR)) {
    fail_in_the_way("move_mount", error, path, path + (*path == '/'), target);
  }
  must(error, "move_mount", path);
}
