/* Mounts in the mount namespace this task is in: mount_namespaces(7). */
#include "nsinit.h"

#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

/*
 * In another root the path is looked up as all others are. A link of /proc in it would lead to a mount of another mount
 * namespace, which mount(2) changed as well before Linux 6.16 (CVE-2025-38498). "/" is no link.
 */
void step_propagation(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  uint64_t flags = step->field[1].number;
  if (!task.other_root || text_equal(path, "/", 2)) {
    must(sys5(__NR_mount, 0, path, 0, flags, 0), "mount", path);
    return;
  }
  const struct attributes attributes = {0, 0, flags & ~(uint64_t)MS_REC, 0};
  int mount = must_find_place(path, NULL).fd;
  change_attributes(mount, (flags & MS_REC) != 0, &attributes, path);
  sys_close(mount);
}

void step_umount(const struct plan_step *step) {
  const char *target = step->field[0].bytes;
  must(sys2(__NR_umount2, target, step->field[1].number), "umount2", target);
}
