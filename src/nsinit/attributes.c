/* Attributes of mounts: mount_setattr(2). */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif

static bool no_attributes(const struct attributes *attributes) {
  return attributes->set == 0 && attributes->clear == 0 && attributes->propagation == 0;
}

/* The kernel's answer; before Linux 5.12: ENOSYS. */
long try_attributes(int mount, bool recursive, const struct attributes *attributes) {
  if (no_attributes(attributes)) {
    return 0;
  }
  long flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return sys5(__NR_mount_setattr, mount, "", flags, attributes, sizeof(*attributes));
}

/* Changes the attributes of a mount that has its place. Before Linux 5.12 this is done by remounts. */
void change_attributes(int mount, bool recursive, const struct attributes *attributes, const char *path) {
  long error = try_attributes(mount, recursive, attributes);
  if (error == -ENOSYS) {
    remount_each(mount, recursive, attributes, path);
  } else {
    must(error, "mount_setattr", path);
  }
}
