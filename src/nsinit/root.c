/* Files and directories of the root that mounts are put together in: see places.c for where a path leads. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#define MOST_TRIES 1024 /* before it is given up against somebody who changes the tree meanwhile */
#define MODE_DIRECTORY 0755
#define NEW_FILE 0644
#define UNREADABLE_BY_GROUP 0050
#define UNREADABLE_BY_OTHERS 0005
#ifndef STATX_MNT_ID
#define STATX_MNT_ID 0x1000u
#endif
#define STATX_MNT_ID_OFFSET 144 /* of stx_mnt_id, which older headers don't have */

/* A descriptor, or -errno. In one call: for a root that others may change as they like, and that this task mounts
 * nothing in. EAGAIN: something was renamed on the way, so that it may have led out. */
long open_in_root(const char *path, uint64_t flags, uint64_t mode) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode};
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  long fd = -EAGAIN;
  for (int i = 0; fd == -EAGAIN && i < MOST_TRIES; i++) {
    fd = sys4(__NR_openat2, root_descriptor(), path, &how, sizeof(how));
  }
  return fd;
}

/* S_IFDIR, S_IFREG, ... */
uint32_t type_of(int fd) {
  struct statx status;
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_TYPE, &status), "statx", NULL);
  return status.stx_mode & S_IFMT;
}

/* Which mount a path leads to, or a descriptor: the uppermost, of those that lie on each other. Linux 5.8 */
uint64_t mount_id(int at, const char *path) {
  struct statx status;
  uint64_t id;
  must(sys5(__NR_statx, at, path, *path == '\0' ? AT_EMPTY_PATH : 0, STATX_MNT_ID, &status), "statx", path);
  __builtin_memcpy(&id, (const char *)&status + STATX_MNT_ID_OFFSET, sizeof(id));
  return id;
}

/* Modes are meant as they are said. Put back when the root is done, for whoever goes on in this task. */
static void clear_umask(void) {
  if (!task.umask_cleared) {
    task.umask = (uint32_t)must(sys1(__NR_umask, 0), "umask", NULL);
    task.umask_cleared = true;
  }
}

void restore_umask(void) {
  if (task.umask_cleared) {
    must(sys1(__NR_umask, task.umask), "umask", NULL);
    task.umask_cleared = false;
  }
}

static bool are_dots(const char *entries, long size) {
  for (long at = 0; at < size;) {
    const struct entry *entry = (const struct entry *)(entries + at);
    at += entry->size;
    if (!is_dot(entry->name)) {
      return false;
    }
  }
  return true;
}

/* False also where it may not be read. */
bool is_empty(int directory, const char *path) {
  char entries[128] __attribute__((aligned(8)));
  long got;
  long fd = sys4(__NR_openat, directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (fd == -EACCES) {
    return false;
  }
  must(fd, "open", path);
  do {
    got = must(sys3(__NR_getdents64, fd, entries, sizeof(entries)), "getdents64", path);
  } while (got > 0 && are_dots(entries, got));
  sys_close(fd);
  return got == 0;
}

/*
 * Whoever can write in the directory can put something else of ours under the name before it is given away. So nothing
 * is that he could not make himself: what is empty, and a link.
 */
static void give_new(int fd, const char *path) {
  struct statx status;
  if (task.owner_uid == PLAN_UNCHANGED && task.owner_gid == PLAN_UNCHANGED) {
    return;
  }
  must(sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status), "statx", path);
  uint32_t type = status.stx_mode & S_IFMT;
  bool empty_file = type == S_IFREG && status.stx_size == 0 && status.stx_nlink == 1;
  bool harmless = type == S_IFLNK || empty_file || (type == S_IFDIR && is_empty(fd, path));
  if (harmless && status.stx_uid == (uint32_t)must(sys0(__NR_geteuid), "geteuid", NULL)) {
    give_to_owner(fd, "", path);
  }
}

static long open_here(int directory, const char *name, uint64_t flags) {
  return sys4(__NR_openat, directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | flags, 0);
}

/* What is on the way to something private is as private: others cannot see its names (as bwrap(1) makes it). */
static uint64_t mode_on_the_way(uint64_t mode) {
  if (mode == PLAN_UNCHANGED) {
    return MODE_DIRECTORY;
  }
  uint64_t closed = (mode & 0070) == 0 ? UNREADABLE_BY_GROUP : 0;
  closed |= (mode & 0007) == 0 ? UNREADABLE_BY_OTHERS : 0;
  return MODE_DIRECTORY & ~closed;
}

/*
 * Makes what is missing under a name: an empty file, or a directory. A descriptor of it: O_PATH. Somebody else may have
 * been quicker, which is as good (made: false), but with a link: that leads to where nobody has looked.
 */
int make_name(int directory, const char *name, uint32_t type, const struct making *making, const char *path,
              bool *made) {
  clear_umask();
  long error = type == S_IFDIR ? sys3(__NR_mkdirat, directory, name, mode_on_the_way(making->mode))
                               : sys4(__NR_mknodat, directory, name, S_IFREG | MOUNT_POINT_MODE, 0);
  if (error != -EEXIST) {
    must(error, type == S_IFDIR ? "mkdir" : "mknod", path);
  }
  int fd = (int)must(open_here(directory, name, type == S_IFDIR ? O_DIRECTORY : 0), "open", path);
  if (type != S_IFDIR && type_of(fd) == S_IFLNK) {
    fail("open", -ELOOP, path);
  }
  *made = error == 0;
  if (*made) {
    give_new(fd, path);
  }
  return fd;
}

static void set_mode(long fd, uint64_t mode, const char *path) { must(sys2(__NR_fchmod, fd, mode), "fchmod", path); }

/* A directory, made where there is none; where one was made already only if that may be. made: whether it was. */
static int make_directory(const char *path, const struct making *making, bool only_last, bool *made) {
  const char *name;
  long there;
  int directory = find_name(path, only_last ? NULL : making, !only_last, &name, &there);
  *made = false;
  if (name == NULL && !only_last) {
    sys_close(directory);
    return must_lead(there, path);
  }
  if (there >= 0 && (only_last || type_of((int)there) != S_IFDIR)) {
    fail_in_the_way("mkdir", -EEXIST, path, found_path(), (int)there);
  }
  bool missing = there == -ENOENT && name != NULL;
  int fd = missing ? make_name(directory, name, S_IFDIR, making, path, made) : must_lead(there, path);
  sys_close(directory);
  return fd;
}

/* A directory that is there already is taken as it is, but for a mode that is asked for. */
void step_make_dir(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  uint64_t mode = step->field[1].number;
  uint64_t flags = step->field[2].number;
  const struct making making = {(flags & PLAN_PRIVATE) != 0 ? mode : PLAN_UNCHANGED, -1};
  bool made;
  int fd = make_directory(path, &making, (flags & PLAN_ONLY_LAST) != 0, &made);
  if (mode != PLAN_UNCHANGED && (made || (flags & PLAN_IF_MADE) == 0)) {
    long directory = must(reopen(fd, O_RDONLY | O_DIRECTORY), "open", path);
    set_mode(directory, mode, path);
    sys_close(directory);
  }
  sys_close(fd);
}

/* The directory and the name of what can't be the root. */
static int find_new(const char *path, const struct making *making, bool follows, const char **name, long *there) {
  int directory = find_name(path, making, follows, name, there);
  if (*name == NULL) {
    must_lead(*there, path);
    fail_in_the_way("openat2", -EEXIST, path, found_path(), directory);
  }
  return directory;
}

/* One that says the same already will do. */
void step_make_link(const struct plan_step *step) {
  char is[PATH_MAX];
  const char *name;
  long there;
  const char *path = step->field[0].bytes;
  const struct plan_field *to = &step->field[1];
  const struct making making = {PLAN_UNCHANGED, -1};
  int directory = find_new(path, &making, false, &name, &there);
  if (there == -ENOENT) {
    must(sys3(__NR_symlinkat, to->bytes, directory, name), "symlink", path);
    int fd = (int)must(open_here(directory, name, 0), "open", path);
    give_new(fd, path);
    sys_close(fd);
  } else {
    must_lead(there, path);
    long size = sys4(__NR_readlinkat, there, "", is, sizeof(is));
    if (size != (long)to->size || !text_equal(is, to->bytes, to->size)) {
      fail_in_the_way("symlink", -EEXIST, path, found_path(), (int)there);
    }
  }
  sys_close(there);
  sys_close(directory);
}

/*
 * What is there already stays whose it was, and as it may be used, but for a mode that is asked for. A new one is open
 * for nobody until all is in it.
 */
void step_make_file(const struct plan_step *step) {
  const char *name;
  const char *path = step->field[0].bytes;
  uint64_t mode = step->field[1].number;
  const struct making making = {mode, -1};
  long there;
  int directory = find_new(path, &making, true, &name, &there);
  bool is_new = there == -ENOENT;
  if (!is_new && type_of(must_lead(there, path)) != S_IFREG) {
    fail_in_the_way("open", -EEXIST, path, found_path(), (int)there);
  }
  long fd = is_new ? sys4(__NR_openat, directory, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)
                   : reopen((int)there, O_WRONLY | O_TRUNC);
  must(fd, "open", path);
  sys_close(there);
  fill_file(fd, &step->field[2], &step->field[3], path);
  if (is_new || mode != PLAN_UNCHANGED) {
    set_mode(fd, mode == PLAN_UNCHANGED ? NEW_FILE : mode, path);
  }
  if (is_new) {
    give_to_owner((int)fd, "", path);
  }
  sys_close(fd);
  sys_close(directory);
}

void step_chmod(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  long fd = must_lead(open_placed(path, O_RDONLY | O_NONBLOCK | O_NOCTTY), path);
  set_mode(fd, step->field[1].number, path);
  sys_close(fd);
}
