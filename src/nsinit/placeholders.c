/*
 * Paths that are protected and do not exist have something to be mounted on: an empty file or directory, which is made
 * on the host before the sandbox can be entered. A task of its own does that, in the namespaces of Node. It stays as
 * long as the sandbox, and takes away what is still empty then: also where Node has been killed at any moment, as this
 * task does not end with it.
 *
 * Each placeholder has the time of last modification that marks it. Writing into it makes that time another, and then
 * it is somebody's own. Who uses one holds a shared lock on it, as for all mount points (points.c), and the last one
 * takes it away, whoever has made it. Even one that has been left, because this task was killed, goes with the next
 * sandbox.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/stat.h>

#define MOST_PLACEHOLDERS 128
#define MARK 7106163 /* seconds: 1970-03-24 */

static struct placeholder {
  int directory;
  int itself; /* open for reading, and locked */
  bool made;
  bool marked;
  bool unused; /* by others */
} placeholders[MOST_PLACEHOLDERS];
static uint32_t count;
static int sandbox = -1; /* a pidfd of its init */

static bool is_marked(int fd) {
  struct statx status;
  return sys5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status) >= 0 && status.stx_mtime.tv_sec == MARK;
}

static void mark(int fd) {
  const struct {
    long seconds, nanoseconds;
  } times[] = {{MARK, 0}, {MARK, 0}};
  ignored(sys4(__NR_utimensat, fd, NULL, times, 0), "then it stays, where another sandbox is the last");
}

static bool is_known(int fd) {
  for (uint32_t i = 0; i < count; i++) {
    if (same_inode(fd, placeholders[i].itself)) {
      return true;
    }
  }
  return false;
}

/*
 * Notes what is under a name, if it is a placeholder: made by this task, or marked, or empty and so perhaps not marked
 * yet. What it is noted with is a lock. False where somebody has locked it to take it away: that goes for directories
 * on the way as well, which are locked before anything in them is removed, and have lost their mark by that.
 */
static bool note(int directory, int found, bool made) {
  bool may_be = made || is_marked(found) || is_unused_point(found, NULL);
  if (!may_be && type_of(found) != S_IFDIR) {
    return true;
  }
  long itself = reopen(found, O_RDONLY | O_NONBLOCK);
  if (itself < 0 || count == MOST_PLACEHOLDERS || is_known((int)itself)) {
    sys_close(itself);
    return true;
  }
  bool locked = lock_point((int)itself);
  if (!locked || !may_be) {
    sys_close(itself);
    return locked;
  }
  long kept = sys3(__NR_fcntl, directory, F_DUPFD_CLOEXEC, PLAN_FIRST_FD);
  placeholders[count++] =
      (struct placeholder){(int)must(kept, "fcntl", NULL), (int)itself, made, is_marked((int)itself), false};
  return true;
}

/* A placeholder belongs to whom the directory belongs to, where this task can give it away. */
static int make_in(int directory, const char *name, uint32_t type, const char *path, bool *made) {
  const struct making making = {PLAN_UNCHANGED, -1, type, true};
  struct statx status;
  must(sys5(__NR_statx, directory, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status), "statx", path);
  if (sys0(__NR_geteuid) == 0) {
    task.owner_uid = status.stx_uid;
    task.owner_gid = status.stx_gid;
  }
  return make_name(directory, name, type, &making, path, made);
}

#define MOST_TRIES 1000 /* a second */

/*
 * Opens what is under a name, and makes it where it is missing. Returns -errno for what cannot be made, or must not be
 * followed.
 */
static long open_or_make(int directory, const char *name, uint32_t type, const char *path) {
  struct {
    long seconds, nanoseconds;
  } nap = {0, 1000000};
  for (int i = 0; i < MOST_TRIES; i++) {
    bool made = false;
    long fd = open_here(directory, name, 0);
    if (fd == -ENOENT && is_read_only(directory, path)) {
      return -EROFS;
    }
    if (fd == -ENOENT) {
      fd = make_in(directory, name, type, path, &made);
    }
    if (fd < 0 || note(directory, (int)fd, made)) {
      return fd;
    }
    sys_close(fd);
    ignored(sys5(__NR_ppoll, NULL, 0, &nap, 0, 0), "it is tried again");
  }
  return -EAGAIN;
}

/* A link, or a file that is in the way, ends it: what is to be protected is found by its own path (protect.c). */
static void make_path(const char *directory, const char *names) {
  char name[PATH_MAX];
  long at = sys4(__NR_openat, AT_FDCWD, directory, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  while (at >= 0 && *names != '\0') {
    const char *end = text_find(names, '/');
    size_t size = (size_t)(end - names);
    if (size >= sizeof(name)) {
      break;
    }
    __builtin_memcpy(name, names, size);
    name[size] = '\0';
    long next = open_or_make((int)at, name, *end == '/' ? S_IFDIR : S_IFREG, names);
    sys_close(at);
    at = next;
    names = *end == '/' ? end + 1 : end;
    if (at >= 0 && *names != '\0' && type_of((int)at) != S_IFDIR) {
      break;
    }
  }
  sys_close(at);
}

/* All are locked first. They go from the last one to the first, which may have others in it. */
static void take_all_away(void) {
  for (uint32_t i = 0; i < count; i++) {
    placeholders[i].marked = is_marked(placeholders[i].itself);
    placeholders[i].unused = lock_for_removal(placeholders[i].itself);
  }
  for (uint32_t i = count; i > 0; i--) {
    const struct placeholder *each = &placeholders[i - 1];
    if (each->unused && (each->made || each->marked)) {
      take_away(each->directory, each->itself);
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    if (placeholders[i].marked) {
      mark(placeholders[i].itself); /* of one that stays, because another sandbox uses it */
    }
  }
}

/* The sandbox's init ends with Node, and its programs with the init. */
_Noreturn void hold_placeholders(void) {
  struct pollfd line = {task.line, 0, 0};
  struct pollfd end = {sandbox, POLLIN, 0};
  while (sys5(__NR_ppoll, &line, 1, 0, 0, 0) == -EINTR) {
  }
  while (sys5(__NR_ppoll, &end, 1, 0, 0, 0) == -EINTR) {
  }
  take_all_away();
  quit(0);
}

bool has_placeholders(void) { return sandbox >= 0; }

/* From here on this task does not end with Node, nor by a signal to Node's process group. */
void step_placeholders(const struct step_placeholders *step) {
  struct plan_reader directories = {step->directories.bytes, task.plan + task.plan_size};
  struct plan_reader names = {step->names.bytes, task.plan + task.plan_size};
  must(sys5(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0), "prctl", NULL);
  ignored(sys0(__NR_setsid), "EPERM: it leads a process group, which is not Node's then");
  sandbox = (int)step->sandbox.number;
  undo_on_failure(take_all_away);
  for (uint32_t i = 0; i < step->names.size; i++) {
    make_path(plan_list_string(&directories), plan_list_string(&names));
  }
  for (uint32_t i = 0; i < count; i++) {
    if (placeholders[i].made || placeholders[i].marked) {
      mark(placeholders[i].itself);
    }
  }
}
