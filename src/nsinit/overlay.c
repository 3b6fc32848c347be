/* Overlays: the kernel's Documentation/filesystems/overlayfs.rst. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

#define LOCK_EXCLUSIVE_NOW 6 /* LOCK_EX | LOCK_NB */
#define MOST_STRING 255      /* of a parameter: fsconfig(2) */

/* Text that is put together in a room of its own. */
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

/* Colons separate layers, commas options, and backslashes escape them: in some versions of the kernel, and some places.
 */
static bool is_plain(const char *path) {
  for (; *path != '\0'; path++) {
    if (*path == ':' || *path == ',' || *path == '\\') {
      return false;
    }
  }
  return true;
}

static long open_layer(const char *path) {
  return must(sys4(__NR_openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", path);
}

/*
 * The path itself, as mountinfo is to show it, or one that leads there, which is short and has nothing in it that would
 * have to be escaped. The descriptor stays open until the end.
 */
static const char *layer(const char *path, bool plain, char *room) {
  return plain ? path : fd_path(open_layer(path), room);
}

static bool join_layers(const struct plan_field *lower, bool plain, struct list *list) {
  struct plan_reader items = {lower->bytes, task.plan + task.plan_size};
  list->size = 0;
  for (uint32_t i = 0; i < lower->size; i++) {
    char room[FD_PATH_BYTES];
    const char *path = plan_list_string(&items);
    if (plain && !is_plain(path)) {
      return false;
    }
    if ((i > 0 && !append(list, ":")) || !append(list, layer(path, plain, room))) {
      return false;
    }
  }
  return true;
}

/* In a room that the answer may be in. */
static const char *short_layer(const char *path, char *room) {
  return layer(path, is_plain(path) && text_length(path) <= MOST_STRING, room);
}

static void set_layer(long context, const char *key, const char *layer_path, const char *path) {
  char room[FD_PATH_BYTES];
  set_string(context, key, short_layer(layer_path, room), path);
}

/* A parameter for each, which Linux has since 6.7: before, a string is all there is room for. */
static void add_layers(long context, const struct plan_field *lower, const char *path) {
  struct plan_reader items = {lower->bytes, task.plan + task.plan_size};
  char room[FD_PATH_BYTES];
  long error = try_string(context, "lowerdir+", short_layer(plan_list_string(&items), room));
  must(error == -EINVAL ? -E2BIG : error, "fsconfig", path);
  for (uint32_t i = 1; i < lower->size; i++) {
    set_layer(context, "lowerdir+", plan_list_string(&items), path);
  }
}

static void set_lower(long context, const struct plan_field *lower, const char *path) {
  struct list list;
  if (join_layers(lower, true, &list) || join_layers(lower, false, &list)) {
    set_string(context, "lowerdir", list.text, path);
  } else {
    add_layers(context, lower, path);
  }
}

/* An upper layer in memory, and the directory that the kernel works in: they have to be on one mount. */
static long discarded_upper(long context, const char *path) {
  char name[24];
  char room[FD_PATH_BYTES];
  long upper = make_staged(S_IFDIR, name);
  give_to_owner((int)upper, "", path);
  set_string(context, "upperdir", fd_path(upper, room), path);
  long work = make_staged(S_IFDIR, name);
  set_string(context, "workdir", fd_path(work, room), path);
  return upper;
}

/*
 * Two overlays that write to one upper layer spoil it, and the kernel only warns of it. The lock is there as long as
 * the descriptor, which Node is told, is open anywhere: flock(2).
 */
static long lock_upper(const char *path) {
  long upper = must(sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0), "open", path);
  long error = sys2(__NR_flock, upper, LOCK_EXCLUSIVE_NOW);
  if (error == -EAGAIN) {
    fail("flock", -EBUSY, path);
  }
  must(error, "flock", path);
  return upper;
}

/* All the lower layers as one, mounted nowhere; of a single one itself. */
static long lower_view(const struct plan_field *lower, const struct plan_field *parameters, const char *path) {
  if (lower->size == 1) {
    struct plan_reader items = {lower->bytes, task.plan + task.plan_size};
    return open_layer(plan_list_string(&items));
  }
  long context = open_fs("overlay", path);
  set_lower(context, lower, path);
  set_parameters(context, parameters, path);
  return create_fs(context, MOUNT_ATTR_RDONLY, path);
}

static void tell(long fd) {
  report(REPORT_FD, 0, (int)fd);
  sys1(__NR_close, fd);
}

void step_overlay(const struct plan_step *step) {
  const struct plan_field *field = step->field;
  const char *path = field[5].bytes;
  uint64_t flags = field[6].number;
  long upper = -1;
  long context = open_fs("overlay", path);
  set_lower(context, &field[0], path);
  if ((flags & PLAN_DISCARD) != 0) {
    upper = discarded_upper(context, path);
  } else if (field[1].bytes != NULL) {
    upper = lock_upper(field[1].bytes);
    set_layer(context, "upperdir", field[1].bytes, path);
    set_layer(context, "workdir", field[2].bytes == NULL ? field[1].bytes : field[2].bytes, path);
  }
  set_string(context, "source", "overlay", path);
  set_parameters(context, &field[3], path);
  int mount = create_fs(context, field[4].number, path);
  if ((flags & PLAN_TELL_LAYERS) != 0) {
    tell(upper);
    tell(lower_view(&field[0], &field[3], path));
  }
  place_mount(mount, path, flags);
}
