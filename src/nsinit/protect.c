/*
 * Paths that programs cannot change, nor walk around. What the path leads to is mounted on itself, read-only, and each
 * name on the way is mounted on itself, too, as it is: the kernel renames and removes no mount point (EBUSY) of the
 * mount namespace that the caller is in. So no program of the sandbox can put something else in its place. Links on the
 * way are mounted on as directories are: a path that is looked up goes through the mount on a link, too.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

/* Later mounts of the host do not spread to here: mount_namespaces(7) */
static const struct attributes pinned = {0, 0, MS_PRIVATE, 0};
static const struct attributes protected = {MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, 0};

static bool in_the_way; /* what has been visited last, as nothing can be below it */

/* Keeps a name where it is. */
static int pin(const struct place *place, int directory) {
  uint32_t type = type_of(place->fd);
  in_the_way = type != S_IFDIR && type != S_IFLNK;
  if (is_mount(place->fd, place->asked) || is_read_only(directory, place->asked)) {
    return place->fd;
  }
  int mount = bind_on_itself(place, false, &pinned);
  sys_close(place->fd);
  return mount;
}

/* A file that has another name can be changed by that. */
static void refuse_other_names(const struct place *place) {
  struct statx status;
  must(sys5(__NR_statx, place->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status), "statx", place->asked);
  if ((status.stx_mode & S_IFMT) == S_IFREG && status.stx_nlink > 1) {
    fail("link", -EMLINK, place->asked);
  }
}

/* Tells Node of a mount, and of a path in it: "ID path", and a NUL. */
static void tell(uint64_t mount, const struct place *place) {
  char room[PATH_MAX + 32];
  char *text = room + 24;
  if (place->size >= PATH_MAX) {
    fail("openat2", -ENAMETOOLONG, place->asked);
  }
  __builtin_memcpy(text, place->path, place->size);
  text[place->size] = '\0';
  text[-1] = '/';
  text[-2] = ' ';
  const char *first = text_number(text - 2, mount);
  report_data(first, (size_t)(text - first) + place->size + 1);
}

/* Tells of something that is missing: the mount that it would be on, which is read-only. */
static void tell_missing(const struct place *place) {
  size_t size = place->size;
  do {
    while (size > 0 && place->path[--size] != '/') {
    }
    long above = open_names(root_descriptor(), place->path, size, O_PATH);
    if (above >= 0) {
      tell(mount_id((int)above, ""), place);
      sys_close(above);
      return;
    }
  } while (size > 0);
}

void step_protect(const struct step_protect *step) {
  const char *path = step->target.bytes;
  const struct making making = {PLAN_UNCHANGED, -1, (uint32_t)step->type.number, true};
  in_the_way = false;
  struct place place = visit_place(path, &making, pin);
  if (place.fd == -EROFS) {
    tell_missing(&place);
    return;
  }
  if (place.fd == -ENOTDIR && in_the_way) {
    report_data("", 1); /* what is in the way stays there */
    return;
  }
  must_lead(place.fd, path);
  if (!is_read_only(place.fd, path)) {
    refuse_other_names(&place);
  }
  int mount = place.fd;
  if (is_mount(place.fd, path)) {
    change_attributes(place.fd, true, &protected, path);
  } else {
    mount = bind_on_itself(&place, true, &protected);
    sys_close(place.fd);
  }
  tell(mount_id(mount, ""), &place);
  sys_close(mount);
}
