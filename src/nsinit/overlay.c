/* Overlays: the kernel's Documentation/filesystems/overlayfs.rst. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

#define LOCK_EXCLUSIVE_NOW 6 /* LOCK_EX | LOCK_NB */
#define MOST_STRING 255      /* of a parameter: fsconfig(2) */
#define FSCONFIG_SET_FD 5    /* enum fsconfig_command, which older headers don't have as macros */

/* A text that is put together in memory of its own. */
struct list {
  char text[MOST_STRING + 1];
  size_t size;
};

static bool append(struct list *list, const char *text) {
  size_t size = text_length(text);
  if (list->size + size > MOST_STRING) {
    return false;
  }
  __builtin_memcpy(list->text + list->size, text, size + 1);
  list->size += size;
  return true;
}

static int open_layer(const char *path, uint64_t flags) {
  return (int)must(open_source(path, O_PATH | O_DIRECTORY | flags), "open", path);
}

/* The lower layers, the uppermost first. by_path: this task's working directory is /proc meanwhile. */
struct layers {
  int *fds;
  uint32_t count;
  bool by_path;
};

/* Each layer is opened once, and stays open until the end: its path may lead to something else a moment later. */
static int *open_layers(const struct plan_field *paths) {
  struct plan_reader items = {paths->bytes, task.plan + task.plan_size};
  int *fds = new_memory((paths->size + 1) * sizeof(*fds), 0);
  for (uint32_t i = 0; i < paths->size; i++) {
    const char *path = plan_list_string(&items);
    fds[i] = open_layer(path, 0);
  }
  return fds;
}

/*
 * Gives a layer by its descriptor, which overlays accept since Linux 6.13, and with O_PATH since 6.15: mountinfo then
 * shows the path.
 */
static long try_layer(long context, const char *key, int layer) {
  return sys5(__NR_fsconfig, context, FSCONFIG_SET_FD, key, 0, layer);
}

/* For older kernels: gives a layer by a path in /proc that leads to the descriptor. */
static long try_layer_path(long context, const char *key, int layer) {
  char room[FD_PATH_BYTES];
  return try_string(context, key, fd_path_in_proc(layer, room));
}

static void set_layer(long context, const char *key, int layer, bool by_path, const char *path) {
  long error = by_path ? try_layer_path(context, key, layer) : try_layer(context, key, layer);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
}

/* Puts all layers in one parameter, if there is room for them. */
static bool join_layers(const struct layers *lower, struct list *list) {
  list->size = 0;
  for (uint32_t i = 0; i < lower->count; i++) {
    char room[FD_PATH_BYTES];
    if ((i > 0 && !append(list, ":")) || !append(list, fd_path_in_proc(lower->fds[i], room))) {
      return false;
    }
  }
  return true;
}

/*
 * Uses a parameter for each layer, which Linux has since 6.7. Older kernels take one string for all, of limited length.
 */
static void set_lower(long context, const struct layers *lower, const char *path) {
  struct list list;
  uint32_t first = 0;
  if (lower->by_path) {
    if (join_layers(lower, &list)) {
      set_string(context, "lowerdir", list.text, path);
      return;
    }
    long error = try_layer_path(context, "lowerdir+", lower->fds[first++]);
    must(error == -EINVAL ? -E2BIG : error, "fsconfig", path);
  }
  for (uint32_t i = first; i < lower->count; i++) {
    set_layer(context, "lowerdir+", lower->fds[i], lower->by_path, path);
  }
}

/* True where this kernel takes paths and no descriptors. A context that is used for nothing else is asked. */
static bool takes_paths_only(int layer, const char *path) {
  long context = open_fs("overlay", path);
  long error = try_layer(context, "lowerdir+", layer);
  sys_close(context);
  return error < 0;
}

/* An upper layer in memory, and the directory that the kernel works in: they have to be on one mount. */
static int discarded_upper(int *work, const char *path) {
  char name[24];
  int upper = (int)make_staged(S_IFDIR, name);
  give_to_owner(upper, "", path);
  *work = (int)make_staged(S_IFDIR, name);
  return upper;
}

/*
 * Two overlays that write to one upper layer damage it, and the kernel only warns of it. The lock lasts as long as the
 * descriptor, which is sent to Node, is open anywhere: flock(2).
 */
static int lock_upper(const char *path) {
  long upper = must(open_source(path, O_RDONLY | O_DIRECTORY), "open", path);
  long error = sys2(__NR_flock, upper, LOCK_EXCLUSIVE_NOW);
  if (error == -EAGAIN) {
    fail("flock", -EBUSY, path);
  }
  must(error, "flock", path);
  return (int)upper;
}

/* A view of all the lower layers as one, not mounted anywhere; for a single layer, the layer itself. */
static long lower_view(const struct layers *lower, const struct plan_field *parameters, const char *path) {
  if (lower->count == 1) {
    return lower->fds[0];
  }
  long context = open_fs("overlay", path);
  set_lower(context, lower, path);
  set_parameters(context, parameters, path);
  return create_fs(context, MOUNT_ATTR_RDONLY, path);
}

static void tell(long fd) {
  report(REPORT_FD, 0, (int)fd);
  sys_close(fd);
}

void step_overlay(const struct step_overlay *step) {
  const char *path = step->target.bytes;
  uint64_t flags = step->flags.number;
  int upper = -1;
  int work = -1;
  struct layers lower = {open_layers(&step->lower), step->lower.size, false};
  if ((flags & PLAN_DISCARD) != 0) {
    upper = discarded_upper(&work, path);
  } else if (step->upper.bytes != NULL) {
    upper = lock_upper(step->upper.bytes);
    work =
        step->work.bytes == NULL ? upper : open_layer(step->work.bytes, (flags & PLAN_OWN_WORK) != 0 ? O_NOFOLLOW : 0);
  }
  lower.by_path = takes_paths_only(lower.fds[0], path);
  int cwd = lower.by_path ? enter_proc() : -1;
  long context = open_fs("overlay", path);
  set_lower(context, &lower, path);
  if (upper >= 0) {
    set_layer(context, "upperdir", upper, lower.by_path, path);
    set_layer(context, "workdir", work, lower.by_path, path);
  }
  set_string(context, "source", "overlay", path);
  set_parameters(context, &step->parameters, path);
  int mount = create_fs(context, step->attributes.number, path);
  if ((flags & PLAN_TELL_LAYERS) != 0) {
    tell(upper);
    tell(lower_view(&lower, &step->parameters, path));
    report(REPORT_FD, 0, mount);
  }
  if (cwd >= 0) {
    leave_proc(cwd);
  }
  place_mount(mount, path, flags, false);
}
