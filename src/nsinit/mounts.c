/*
 * Mounts are made as descriptors first, and are then put in their places, with no path in between that somebody could
 * change: fsopen(2), open_tree(2), mount_setattr(2), move_mount(2). See places.c for the targets.
 */
#include "nsinit.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/stat.h>

#define NULL_MAJOR 1 /* null(4) */
#define NULL_MINOR 3
#define ST_RDONLY 1 /* statfs(2) */
#define ST_NODEV 4

static bool has(uint64_t flags, uint64_t flag) { return (flags & flag) != 0; }

static bool is_missing(long fd) { return fd == -ENOENT || fd == -ENOTDIR; }

/*
 * Puts a detached mount in its place, and takes its descriptor over. Without a path the descriptor is sent back. flags:
 * PLAN_*; own: nobody can change names in the mount, as long as nobody else is in this mount namespace; mode: that of a
 * private file, see struct making.
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
  const struct making making = {mode, mount, 0, true};
  struct place target = must_find_place(path, has(flags, PLAN_MAKE_MISSING) ? &making : NULL);
  use_place(&target);
  put_mount(mount, target.fd, path);
  cover_place(&target);
  remember_mount(&target, mount, !own || task.base < 0);
  sys_close(target.fd);
  sys_close(mount);
}

void place_mount(int mount, const char *path, uint64_t flags, bool own) {
  place_private(mount, path, flags, own, PLAN_UNCHANGED);
}

void step_fs(const struct step_fs *step) {
  const char *path = step->target.bytes;
  long context = open_fs(step->type.bytes, path);
  if (step->source.bytes != NULL) {
    set_string(context, "source", step->source.bytes, path);
  }
  set_parameters(context, &step->parameters, path);
  place_mount(create_fs(context, step->attributes.number, path), path, step->flags.number, true);
}

static struct attributes attributes_of(const struct step_tree *step) {
  struct attributes attributes = {step->set.number, step->clear.number, step->propagation.number, 0};
  attributes.userns = step->userns.size > 0 ? plan_list_number(&step->userns, 0) : 0;
  return attributes;
}

/*
 * The attributes are set before anybody can see the mount. Before Linux 5.12 they are set right after, which is as good
 * in a new root, where nobody is yet.
 */
static void place_with(int mount, const struct attributes *attributes, const char *source, const char *path,
                       uint64_t flags, bool own, uint64_t mode) {
  bool recursive = has(flags, PLAN_RECURSIVE);
  long error = try_attributes(mount, recursive, attributes);
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

/* propagation: MS_*; userns: the user namespace of an id-mapped mount. */
void step_tree(const struct step_tree *step) {
  const char *path = step->target.bytes;
  uint64_t flags = step->flags.number;
  struct attributes attributes = attributes_of(step);
  const char *source = step->fds.size > 0 ? NULL : step->source.bytes;
  long tree = copy_tree(&step->source, &step->fds, flags);
  if (has(flags, PLAN_OPTIONAL) && is_missing(tree)) {
    return;
  }
  must(tree, "open_tree", source);
  place_with((int)tree, &attributes, source, path, flags, false, PLAN_UNCHANGED);
}

void step_remount(const struct step_remount *step) {
  const char *path = step->target.bytes;
  const struct attributes attributes = {step->set.number, step->clear.number, 0, 0};
  struct place place = must_find_place(path, NULL);
  if (step->parameters.size > 0) {
    reconfigure_fs(place.fd, &step->parameters, path);
  }
  change_attributes(place.fd, step->recursive.number != 0, &attributes, path);
  sys_close(place.fd);
}

/* STATX_ATTR_MOUNT_ROOT, Linux 5.8. */
bool is_mount(int fd, const char *path) {
  struct statx status;
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status), "statx", path);
  return (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

/*
 * What is no mount is bound on itself, and is a mount then. The mounts below it are in the copy as well, and paths lead
 * to those copies from here on. Returns a descriptor of it.
 */
int bind_on_itself(const struct place *place, bool recursive, const struct attributes *attributes) {
  const long copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH;
  const char *path = place->asked;
  int tree = (int)must(sys3(__NR_open_tree, place->fd, "", copy), "open_tree", path);
  long error = try_attributes(tree, recursive, attributes);
  if (error != -ENOSYS) {
    must(error, "mount_setattr", path);
  }
  remember_copies(place, tree);
  put_mount(tree, place->fd, path);
  remember_mount(place, tree, is_shared(place));
  if (error == -ENOSYS) {
    change_attributes(tree, recursive, attributes, path);
  }
  return tree;
}

/* flags: PLAN_RECURSIVE and PLAN_OPTIONAL. */
void step_seal(const struct step_seal *step) {
  const char *path = step->target.bytes;
  const struct attributes attributes = {step->attributes.number, 0, 0, 0};
  uint64_t flags = step->flags.number;
  struct place place = find_place(path, NULL);
  if (has(flags, PLAN_OPTIONAL) && is_missing(place.fd)) {
    return;
  }
  must_lead(place.fd, path);
  if (is_mount(place.fd, path)) {
    change_attributes(place.fd, has(flags, PLAN_RECURSIVE), &attributes, path);
  } else {
    use_place(&place);
    sys_close(bind_on_itself(&place, has(flags, PLAN_RECURSIVE), &attributes));
  }
  sys_close(place.fd);
}

void step_move(const struct step_move *step) {
  const char *path = step->source.bytes;
  struct place from = must_find_place(path, NULL);
  struct place to = must_find_place(step->target.bytes, NULL);
  put_mount(from.fd, to.fd, path);
  remember_move(&from, &to, from.fd);
  sys_close(from.fd);
  sys_close(to.fd);
}

static const struct attributes unchangeable = {MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, 0, 0, 0};

/*
 * A copy of the mount of /dev/null. It is read-only: the device can be read and written all the same, but its inode is
 * the host's, and a process with the uid of its owner could change the mode and the times of that inode. mount(2),
 * MS_RDONLY
 */
static int copy_null(void) {
  const long copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (task.null < 0) {
    task.null = (int)must(sys3(__NR_open_tree, AT_FDCWD, "/dev/null", copy), "open_tree", "/dev/null");
    long error = try_attributes(task.null, false, &unchangeable);
    if (error != -ENOSYS) {
      must(error, "mount_setattr", "/dev/null");
    }
  }
  return (int)must(sys3(__NR_open_tree, task.null, "", copy | AT_EMPTY_PATH), "open_tree", "/dev/null");
}

/* Puts it in its place. Before Linux 5.12 it is made read-only only then. */
static void put_null(int null, int target, const char *path) {
  put_mount(null, target, path);
  change_attributes(null, false, &unchangeable, path);
}

/* Opens something that is empty and stays empty: a directory to hide a directory, else a file. */
static int open_mask(uint32_t type, const char *path) {
  const long copy = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (type != S_IFDIR) {
    return copy_null();
  }
  if (task.mask < 0) {
    task.mask = new_tmpfs("0555", MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
    return task.mask;
  }
  return (int)must(sys3(__NR_open_tree, task.mask, "", copy | AT_EMPTY_PATH), "open_tree", path);
}

void step_mask(const struct step_mask *step) {
  const char *path = step->target.bytes;
  struct place place = find_place(path, NULL);
  if (step->optional.number != 0 && (is_missing(place.fd) || place.fd == -EACCES)) {
    return;
  }
  must_lead(place.fd, path);
  uint32_t type = type_of(place.fd);
  int mask = open_mask(type, path);
  use_place(&place);
  if (type == S_IFDIR) {
    put_mount(mask, place.fd, path);
  } else {
    put_null(mask, place.fd, path);
  }
  cover_place(&place);
  remember_mount(&place, mask, false);
  sys_close(place.fd);
  if (mask != task.mask) {
    sys_close(mask);
  }
}

/*
 * The /dev/null of the new root, if nothing can be changed through it and its mount allows devices to be opened:
 * O_PATH, or -1. statfs(2), null(4)
 */
static int null_of_root(void) {
  struct statx status;
  struct statfs mount;
  long fd = open_in_root("/dev/null", O_PATH | O_NOFOLLOW, 0);
  if (fd < 0) {
    return -1;
  }
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status), "statx", "/dev/null");
  must(sys2(__NR_fstatfs, fd, &mount), "fstatfs", "/dev/null");
  bool is_null = (status.stx_mode & S_IFMT) == S_IFCHR && status.stx_rdev_major == NULL_MAJOR &&
                 status.stx_rdev_minor == NULL_MINOR;
  if (is_null && (mount.f_flags & (ST_RDONLY | ST_NODEV)) == ST_RDONLY) {
    return (int)fd;
  }
  sys_close(fd);
  return -1;
}

/* A /dev/null that nobody sees: O_PATH. */
static int null_of_its_own(void) {
  char name[24];
  int null = copy_null();
  sys_close(make_staged(S_IFREG, name));
  long target = must(sys4(__NR_openat, staging_directory(), name, O_PATH | O_CLOEXEC, 0), "open", "/dev/null");
  put_null(null, (int)target, "/dev/null");
  sys_close(target);
  return null;
}

/*
 * For the standard descriptors of programs that get none of Node's. A descriptor from Node's own mount of /dev/null
 * would let them change the host's inode: fchmod(2), futimens(3).
 */
void step_null_device(const struct step_null_device *step) {
  (void)step;
  int of_root = null_of_root();
  int null = of_root < 0 ? null_of_its_own() : of_root;
  long fd = must(reopen(null, O_RDWR), "open", "/dev/null");
  report(REPORT_FD, 0, (int)fd);
  sys_close(fd);
  sys_close(null);
}

/* True where a path leads to something. */
static bool exists(const char *path) {
  struct place place = find_place(path, NULL);
  if (!is_missing(place.fd)) {
    sys_close(must_lead(place.fd, path));
  }
  return !is_missing(place.fd);
}

/* Makes a file from data, which can be mounted anywhere. */
void step_data(const struct step_data *step) {
  char name[24];
  const char *path = step->target.bytes;
  if (has(step->flags.number, PLAN_OPTIONAL) && !exists(path)) {
    return;
  }
  struct attributes attributes = {step->attributes.number, 0, 0, 0};
  long file = make_staged(S_IFREG, name);
  fill_file(file, &step->contents, &step->from, path);
  must(sys2(__NR_fchmod, file, step->mode.number), "fchmod", path);
  give_to_owner((int)file, "", path);
  sys_close(file);
  long tree =
      must(sys3(__NR_open_tree, staging_directory(), name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC), "open_tree", path);
  place_with((int)tree, &attributes, path, path, PLAN_MAKE_MISSING, true, step->mode.number);
}

/*
 * After it the old root lies on top of the new one, at the same place, and on that lies everything that lay on the old
 * root: others may have covered the process's own root. A process that joins this mount namespace comes to the
 * uppermost mount (setns(2)), and "/.." leads there, too: so nothing may be left there. pivot_root(2)
 */
static void pivot_to(int root) {
  must(sys1(__NR_fchdir, root), "fchdir", "/");
  must(sys2(__NR_pivot_root, ".", "."), "pivot_root", "/");
  while (mount_id(AT_FDCWD, "/..") != mount_id(root, "")) {
    must(sys2(__NR_umount2, ".", MNT_DETACH), "umount2", "/");
  }
}

void step_pivot_root(const struct step_pivot_root *step) {
  const char *path = step->new_root.bytes;
  const char *old = step->put_old.bytes;
  if (comes_later(PLAN_namespaces) || comes_later(PLAN_mountinfo)) {
    proc_directory(); /* while it is there */
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

/*
 * In another root the path is looked up like all others. A link of /proc in it would lead to a mount of another mount
 * namespace, and before Linux 6.16 mount(2) changed that one, too (CVE-2025-38498). "/" is no link.
 */
void step_propagation(const struct step_propagation *step) {
  const char *path = step->path.bytes;
  uint64_t flags = step->flags.number;
  if (!task.other_root || text_equal(path, "/", 2)) {
    must(sys5(__NR_mount, 0, path, 0, flags, 0), "mount", path);
    return;
  }
  const struct attributes attributes = {0, 0, flags & ~(uint64_t)MS_REC, 0};
  int mount = must_find_place(path, NULL).fd;
  change_attributes(mount, (flags & MS_REC) != 0, &attributes, path);
  sys_close(mount);
}

void step_umount(const struct step_umount *step) {
  const char *target = step->target.bytes;
  must(sys2(__NR_umount2, target, step->flags.number), "umount2", target);
}
