/* Makes files and directories in the root in which mounts are put together: see places.c for the way to a path. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#define MOST_TRIES 1024 /* before it is given up against somebody who changes the tree meanwhile */
#define NEW_FILE 0644

/*
 * Returns a descriptor, or -errno. It takes one call, for a root that others may change as they like, and in which this
 * task mounts nothing. EAGAIN: something on the way was renamed, so the path may have led out.
 */
long open_in_root(const char *path, uint64_t flags, uint64_t mode) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode};
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  long fd = -EAGAIN;
  for (int i = 0; fd == -EAGAIN && i < MOST_TRIES; i++) {
    fd = sys4(__NR_openat2, root_descriptor(), path, &how, sizeof(how));
  }
  return fd;
}

static void set_mode(long fd, uint64_t mode, const char *path) { must(sys2(__NR_fchmod, fd, mode), "fchmod", path); }

/*
 * Opens a directory, and makes it if it is missing. An existing one is accepted only if that is allowed. made: set to
 * true if it was made.
 */
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

/* A directory that exists already stays as it is, except for a mode that is asked for. */
void step_make_dir(const struct step_make_dir *step) {
  const char *path = step->path.bytes;
  uint64_t mode = step->mode.number;
  uint64_t flags = step->flags.number;
  const struct making making = {(flags & PLAN_PRIVATE) != 0 ? mode : PLAN_UNCHANGED, -1, S_IFDIR, false};
  bool made;
  int fd = make_directory(path, &making, (flags & PLAN_ONLY_LAST) != 0, &made);
  if (mode != PLAN_UNCHANGED && (made || (flags & PLAN_IF_MADE) == 0)) {
    long directory = must(reopen(fd, O_RDONLY | O_DIRECTORY), "open", path);
    set_mode(directory, mode, path);
    sys_close(directory);
  }
  sys_close(fd);
}

/* The directory and the name of something that cannot be the root. */
static int find_new(const char *path, const struct making *making, bool follows, const char **name, long *there) {
  int directory = find_name(path, making, follows, name, there);
  if (*name == NULL) {
    must_lead(*there, path);
    fail_in_the_way("openat2", -EEXIST, path, found_path(), directory);
  }
  return directory;
}

/* A link that exists already and says the same is accepted. */
void step_make_link(const struct step_make_link *step) {
  char is[PATH_MAX];
  const char *name;
  long there;
  const char *path = step->path.bytes;
  const struct plan_field *to = &step->to;
  const struct making making = {PLAN_UNCHANGED, -1, S_IFDIR, false};
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
 * A file that exists keeps its owner, and its mode unless one is asked for. Nobody else can open a new file before its
 * contents are complete.
 */
void step_make_file(const struct step_make_file *step) {
  const char *name;
  const char *path = step->path.bytes;
  uint64_t mode = step->mode.number;
  const struct making making = {mode, -1, S_IFDIR, false};
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
  fill_file(fd, &step->contents, &step->from, path);
  if (is_new || mode != PLAN_UNCHANGED) {
    set_mode(fd, mode == PLAN_UNCHANGED ? NEW_FILE : mode, path);
  }
  if (is_new) {
    give_to_owner((int)fd, "", path);
  }
  sys_close(fd);
  sys_close(directory);
}

void step_chmod(const struct step_chmod *step) {
  const char *path = step->path.bytes;
  long fd = must_lead(open_placed(path, O_RDONLY | O_NONBLOCK | O_NOCTTY), path);
  set_mode(fd, step->mode.number, path);
  sys_close(fd);
}
