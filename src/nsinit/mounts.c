/*
 * Mounts that are made as descriptors first and put in their place then, with no path in between that somebody could
 * change: fsopen(2), open_tree(2), mount_setattr(2), move_mount(2). See places.c for the targets.
 */
#include "nsinit.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>

#define FSCONFIG_SET_FLAG 0 /* enum fsconfig_command, which older headers don't have as macros */
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_CMD_CREATE 6
#define FSCONFIG_CMD_RECONFIGURE 7
#define MOST_KEY 64
#define LOG_BYTES 500 /* what fits into a report */

#ifndef __NR_mount_setattr
#define __NR_mount_setattr 442
#endif

static bool has(uint64_t flags, uint64_t flag) { return (flags & flag) != 0; }

static bool is_missing(long fd) { return fd == -ENOENT || fd == -ENOTDIR; }

/*
 * The context keeps a log, one message for each read(2): "e overlay: workdir and upperdir must reside under the same
 * mount". The errors of it are the only place where the kernel says what it did not like.
 */
_Noreturn void fail_fs(long context, const char *syscall, long error, const char *path) {
  char log[LOG_BYTES + 1];
  size_t size = 0;
  for (;;) {
    long got = sys3(__NR_read, context, log + size, LOG_BYTES - size);
    if (got <= 0) {
      break;
    }
    if (log[size] != 'e' || got < 3) {
      continue;
    }
    char *message = log + size;
    size_t length = (size_t)got - 2;
    for (size_t i = 0; i < length; i++) {
      message[i] = message[i + 2] == '\n' ? ';' : message[i + 2];
    }
    size += length;
  }
  while (size > 0 && log[size - 1] == ';') {
    size--;
  }
  log[size] = '\0';
  fail_with(syscall, error, path, size == 0 ? NULL : log);
}

long open_fs(const char *type, const char *path) {
  long context = sys2(__NR_fsopen, type, FSOPEN_CLOEXEC);
  if (context < 0) {
    fail_with("fsopen", context, path, NULL);
  }
  return context;
}

long try_string(long context, const char *key, const char *value) {
  return sys5(__NR_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

void set_string(long context, const char *key, const char *value, const char *path) {
  long error = try_string(context, key, value);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
}

/* "key=value", or a flag. */
static void set_parameter(long context, const char *parameter, const char *path) {
  char key[MOST_KEY];
  const char *end = text_find(parameter, '=');
  size_t length = (size_t)(end - parameter);
  if (*end == '=' && length < sizeof(key)) {
    __builtin_memcpy(key, parameter, length);
    key[length] = '\0';
    set_string(context, key, end + 1, path);
    return;
  }
  long error = sys5(__NR_fsconfig, context, FSCONFIG_SET_FLAG, parameter, 0, 0);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
}

void set_parameters(long context, const struct plan_field *parameters, const char *path) {
  struct plan_reader items = {parameters->bytes, task.plan + task.plan_size};
  for (uint32_t i = 0; i < parameters->size; i++) {
    set_parameter(context, plan_list_string(&items), path);
  }
}

/* The file system, mounted nowhere yet. */
int create_fs(long context, uint64_t attributes, const char *path) {
  long error = sys5(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
  long mount = sys3(__NR_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  if (mount < 0) {
    fail_fs(context, "fsmount", mount, path);
  }
  sys_close(context);
  return (int)mount;
}

int new_tmpfs(const char *mode, uint64_t attributes) {
  long context = open_fs("tmpfs", "tmpfs");
  set_string(context, "mode", mode, "tmpfs");
  return create_fs(context, attributes, "tmpfs");
}

/*
 * On what the target is, and on top of all that is mounted there already. A directory goes on a directory only, and
 * anything else on what is none.
 */
void put_mount(int mount, int target, const char *path) {
  long error = sys5(__NR_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
  if (error < 0 && (type_of(mount) == S_IFDIR) != (type_of(target) == S_IFDIR)) {
    fail_in_the_way("move_mount", error, path, path + (*path == '/'), target);
  }
  must(error, "move_mount", path);
}

/*
 * Takes the descriptor of a detached mount over. Without a path it is sent back. flags: PLAN_*; own: nobody changes
 * names in it, as long as nobody else is where it is mounted; mode: of what is private, see struct making.
 */
static void place_private(int mount, const char *path, uint64_t flags, bool own, uint64_t mode) {
  if (path == NULL) {
    report(REPORT_FD, 0, mount);
    sys_close(mount);
    return;
  }
  if (has(flags, PLAN_NEW_ROOT)) {
    begin_root(mount, !own);
    return;
  }
  const struct making making = {mode, mount};
  struct place target = must_find_place(path, has(flags, PLAN_MAKE_MISSING) ? &making : NULL);
  keep_used_point(&target);
  put_mount(mount, target.fd, path);
  cover_place(&target);
  remember_mount(&target, mount, !own || task.base < 0);
  sys_close(target.fd);
  sys_close(mount);
}

void place_mount(int mount, const char *path, uint64_t flags, bool own) {
  place_private(mount, path, flags, own, PLAN_UNCHANGED);
}

void step_fs(const struct plan_step *step) {
  const struct plan_field *field = step->field;
  const char *path = field[4].bytes;
  long context = open_fs(field[0].bytes, path);
  if (field[1].bytes != NULL) {
    set_string(context, "source", field[1].bytes, path);
  }
  set_parameters(context, &field[2], path);
  place_mount(create_fs(context, field[3].number, path), path, field[5].number, true);
}

static bool no_attributes(const struct attributes *attributes) {
  return attributes->set == 0 && attributes->clear == 0 && attributes->propagation == 0;
}

static long try_attributes(int mount, bool recursive, const struct attributes *attributes) {
  long flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return sys5(__NR_mount_setattr, mount, "", flags, attributes, sizeof(*attributes));
}

/* Of a mount that has its place: before Linux 5.12 it is done by remounts. */
void change_attributes(int mount, bool recursive, const struct attributes *attributes, const char *path) {
  if (no_attributes(attributes)) {
    return;
  }
  long error = try_attributes(mount, recursive, attributes);
  if (error == -ENOSYS) {
    remount_each(mount, recursive, attributes, path);
  } else {
    must(error, "mount_setattr", path);
  }
}

static struct attributes attributes_of(const struct plan_field *set) {
  struct attributes attributes = {set[0].number, set[1].number, set[2].number, 0};
  attributes.userns = set[3].size > 0 ? plan_list_number(&set[3], 0) : 0;
  return attributes;
}

/*
 * What Node has opened lies on a mount of Node's mount namespace, of which this one has a copy: so it is found here by
 * its path, and has to be the same still.
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

static bool is_of_filesystem(long fd, long magic) {
  struct statfs status;
  return sys2(__NR_fstatfs, fd, &status) == 0 && status.f_type == magic;
}

/*
 * The files of /proc/PID/ns are links of the kind that open_source() refuses. In a real /proc, and where they lead to a
 * namespace, they are mounted from another root as well: what is seen there is no file of somebody else's, nsfs.
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

/* A copy of what a path, or a descriptor, is; -ENOENT where there is nothing. */
static long copy_tree(const struct plan_field *source, const struct plan_field *fds, uint64_t flags) {
  long copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (has(flags, PLAN_RECURSIVE) ? AT_RECURSIVE : 0);
  if (fds->size > 0) {
    long fd = (long)plan_list_number(fds, 0);
    if (has(flags, PLAN_NO_COPY)) {
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

/*
 * The attributes are there before anything can be seen at the target; before Linux 5.12 right after, and in a new root,
 * where nobody is yet, that is as good.
 */
static void place_with(int mount, const struct attributes *attributes, const char *source, const char *path,
                       uint64_t flags, bool own, uint64_t mode) {
  bool recursive = has(flags, PLAN_RECURSIVE);
  long error = no_attributes(attributes) ? 0 : try_attributes(mount, recursive, attributes);
  if (error != -ENOSYS) {
    must(error, "mount_setattr", source);
    place_private(mount, path, flags, own, mode);
    return;
  }
  if (path == NULL) {
    fail("mount_setattr", error, source);
  }
  int kept = (int)must(sys3(__NR_fcntl, mount, F_DUPFD_CLOEXEC, PLAN_FIRST_FD), "fcntl", path);
  place_private(mount, path, flags, own, mode);
  change_attributes(kept, recursive, attributes, path);
  sys_close(kept);
}

/*
 * Fields: source, or a descriptor; PLAN_*; attributes to set, to clear, propagation (MS_*), user namespace of an
 * id-mapped mount; target.
 */
void step_tree(const struct plan_step *step) {
  const struct plan_field *field = step->field;
  const char *path = field[7].bytes;
  uint64_t flags = field[2].number;
  struct attributes attributes = attributes_of(field + 3);
  const char *source = field[1].size > 0 ? NULL : field[0].bytes;
  long tree = copy_tree(&field[0], &field[1], flags);
  if (has(flags, PLAN_OPTIONAL) && is_missing(tree)) {
    return;
  }
  must(tree, "open_tree", source);
  place_with((int)tree, &attributes, source, path, flags, false, PLAN_UNCHANGED);
}

/* Options of the file system itself, with all of its mounts. Those that are not named stay: fspick(2). */
static void reconfigure(int mount, const struct plan_field *parameters, const char *path) {
  long context = must(sys3(__NR_fspick, mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH), "fspick", path);
  set_parameters(context, parameters, path);
  long error = sys5(__NR_fsconfig, context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
  sys_close(context);
}

void step_remount(const struct plan_step *step) {
  const struct plan_field *field = step->field;
  const char *path = field[0].bytes;
  const struct attributes attributes = {field[2].number, field[3].number, 0, 0};
  struct place place = must_find_place(path, NULL);
  if (field[4].size > 0) {
    reconfigure(place.fd, &field[4], path);
  }
  change_attributes(place.fd, field[1].number != 0, &attributes, path);
  sys_close(place.fd);
}

/* STATX_ATTR_MOUNT_ROOT, Linux 5.8. */
static bool is_mount(int fd, const char *path) {
  struct statx status;
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status), "statx", path);
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/*
 * What is no mount is bound on itself, and is one then. What was mounted below it is in the copy as well, and is what
 * paths lead to from here on.
 */
static void seal_directory(const struct place *place, bool recursive, const struct attributes *attributes) {
  const long copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
  const char *path = place->asked;
  int tree = (int)must(sys3(__NR_open_tree, place->fd, "", copy), "open_tree", path);
  long error = try_attributes(tree, recursive, attributes);
  if (error != -ENOSYS) {
    must(error, "mount_setattr", path);
  }
  keep_used_point(place);
  remember_copies(place, tree);
  put_mount(tree, place->fd, path);
  remember_mount(place, tree, is_shared(place));
  if (error == -ENOSYS) {
    change_attributes(tree, recursive, attributes, path);
  }
  sys_close(tree);
}

/* Fields: what is to be so, attributes to set, PLAN_RECURSIVE and PLAN_OPTIONAL. */
void step_seal(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  const struct attributes attributes = {step->field[1].number, 0, 0, 0};
  uint64_t flags = step->field[2].number;
  struct place place = find_place(path, NULL);
  if (has(flags, PLAN_OPTIONAL) && is_missing(place.fd)) {
    return;
  }
  must_lead(place.fd, path);
  if (is_mount(place.fd, path)) {
    change_attributes(place.fd, has(flags, PLAN_RECURSIVE), &attributes, path);
  } else {
    seal_directory(&place, has(flags, PLAN_RECURSIVE), &attributes);
  }
  sys_close(place.fd);
}

void step_move(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  struct place from = must_find_place(path, NULL);
  struct place to = must_find_place(step->field[1].bytes, NULL);
  put_mount(from.fd, to.fd, path);
  remember_move(&from, &to, from.fd);
  sys_close(from.fd);
  sys_close(to.fd);
}

/* What is empty and stays so, by the type of what it is to hide. */
static int open_mask(uint32_t type, const char *path) {
  const long copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (type != S_IFDIR) {
    return (int)must(sys3(__NR_open_tree, AT_FDCWD, "/dev/null", copy), "open_tree", "/dev/null");
  }
  if (task.mask < 0) {
    task.mask = new_tmpfs("0555", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    return task.mask;
  }
  return (int)must(sys3(__NR_open_tree, task.mask, "", copy | AT_EMPTY_PATH), "open_tree", path);
}

void step_mask(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  struct place place = find_place(path, NULL);
  if (step->field[1].number != 0 && is_missing(place.fd)) {
    return;
  }
  must_lead(place.fd, path);
  int mask = open_mask(type_of(place.fd), path);
  keep_used_point(&place);
  put_mount(mask, place.fd, path);
  cover_place(&place);
  remember_mount(&place, mask, false);
  sys_close(place.fd);
  if (mask != task.mask) {
    sys_close(mask);
  }
}

/* A file of its own, out of data, that can be mounted anywhere. */
void step_data(const struct plan_step *step) {
  char name[24];
  const struct plan_field *field = step->field;
  const char *path = field[0].bytes;
  struct attributes attributes = {field[4].number, 0, 0, 0};
  long file = make_staged(S_IFREG, name);
  fill_file(file, &field[2], &field[3], path);
  must(sys2(__NR_fchmod, file, field[1].number), "fchmod", path);
  give_to_owner((int)file, "", path);
  sys_close(file);
  long tree =
      must(sys3(__NR_open_tree, staging_directory(), name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "open_tree", path);
  place_with((int)tree, &attributes, path, path, PLAN_MAKE_MISSING, true, field[1].number);
}

/*
 * The old root lies on top of the new one after it, at the same place, and on top of that all that lay on it: the
 * process's own root may be covered, as far as others are concerned. Whoever joins this mount namespace comes to the
 * uppermost (setns(2)), and to that "/.." leads, too: nothing may be left there. pivot_root(2)
 */
static void pivot_to(int root) {
  must(sys1(__NR_fchdir, root), "fchdir", "/");
  must(sys2(__NR_pivot_root, ".", "."), "pivot_root", "/");
  while (mount_id(AT_FDCWD, "/..") != mount_id(root, "")) {
    must(sys2(__NR_umount2, ".", MNT_DETACH), "umount2", "/");
  }
}

void step_pivot_root(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  const char *old = step->field[1].bytes;
  if (task.proc < 0 && comes_later(PLAN_namespaces)) {
    task.proc = (int)must(sys4(__NR_openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", "/proc");
  }
  check_places();
  leave_staging();
  if (old != NULL) {
    must(sys2(__NR_pivot_root, path == NULL ? "." : path, old), "pivot_root", path);
  } else if (path == NULL) {
    pivot_to(root_descriptor());
  } else {
    pivot_to(must_find_place(path, NULL).fd);
  }
  forget_root();
  restore_umask();
  must(sys1(__NR_chdir, "/"), "chdir", "/");
  task.other_root = true;
}
