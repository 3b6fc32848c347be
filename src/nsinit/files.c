/* Files of the mount namespace that this task is in, mostly sysctls. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>

/*
 * In another root than Node's, others have made the links. A link such as /proc/self/fd/7 or /proc/1/root would lead to
 * files that this task has open, or out to the root of another process, which may be the host's (CVE-2024-21626). Such
 * links are not followed there: ELOOP.
 */
static long open_named(const char *path, uint64_t flags, uint64_t mode) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .mode = mode, .resolve = RESOLVE_NO_MAGICLINKS};
  return task.other_root ? sys4(__NR_openat2, AT_FDCWD, path, &how, sizeof(how))
                         : sys4(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC, mode);
}

/* The /proc from before a join: in another root, somebody else may have made a directory of that name. */
int proc_directory(void) {
  if (task.proc < 0) {
    task.proc = (int)must(sys4(__NR_openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", "/proc");
  }
  return task.proc;
}

/*
 * This task's own directory in /proc. "self" is looked up each time, since a fork may lie in between. It means this
 * task in the pid namespace of that mount of /proc, which may be another than this task's: proc(5).
 */
int open_proc_self(void) {
  const char *path = task.proc < 0 ? "/proc/self" : "self";
  long fd = sys4(__NR_openat, task.proc < 0 ? AT_FDCWD : task.proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  return (int)must(fd, "open", "/proc/self");
}

/*
 * Makes /proc the working directory, from which "self/fd/7" is a path in every root. Returns the old one, to go back
 * to.
 */
int enter_proc(void) {
  int cwd = (int)must(sys4(__NR_openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), "open", ".");
  must(sys1(__NR_fchdir, proc_directory()), "fchdir", "/proc");
  return cwd;
}

void leave_proc(int cwd) {
  must(sys1(__NR_fchdir, cwd), "fchdir", ".");
  sys_close(cwd);
}

/* Opens the source of a mount, or a layer of it: a path in this task's own root. */
long open_source(const char *path, uint64_t flags) { return open_named(path, flags, 0); }

/* O_NONBLOCK: somebody hostile may have made the file a FIFO, so that we wait for its other end. */
static long open_file(const char *path, uint64_t flags) {
  uint64_t mode = (flags & O_CREAT) != 0 ? 0666 : 0; /* openat2(2) takes none where nothing is to be created */
  return must(open_named(path, flags | O_NOCTTY | O_NONBLOCK, mode), "open", path);
}

void step_write_file(const struct step_write_file *step) {
  const char *path = step->path.bytes;
  long fd = open_file(path, step->open_flags.number);
  write_bytes(fd, step->data.bytes, step->data.size, path);
  sys_close(fd);
}

/* For writes that may fail: a sysctl that not every kernel has, in a /proc that a container has made read-only. */
void step_try_write_file(const struct step_try_write_file *step) {
  long fd = open_named(step->path.bytes, step->open_flags.number | O_NOCTTY | O_NONBLOCK, 0);
  if (fd >= 0) {
    write_bytes(fd, step->data.bytes, step->data.size, step->path.bytes);
    sys_close(fd);
  }
}

/* Sends back the contents of a file, and closes it. */
static void send_file(long fd, const char *path, uint64_t most) {
  char bytes[PLAN_PACKET_BYTES / 4];
  for (;;) {
    long got = sys3(__NR_read, fd, bytes, sizeof(bytes));
    if (got == -EINTR) {
      continue;
    }
    if (must(got, "read", path) == 0) {
      break;
    }
    if ((uint64_t)got > most) {
      fail("read", -EFBIG, path);
    }
    report_data(bytes, (size_t)got);
    most -= (uint64_t)got;
  }
  sys_close(fd);
}

void step_read_file(const struct step_read_file *step) {
  const char *path = step->path.bytes;
  send_file(open_file(path, O_RDONLY), path, step->max_bytes.number);
}

/*
 * Reads it in the /proc from before a join: a joined namespace may have no /proc, or one that does not show this task.
 */
void step_mountinfo(const struct step_mountinfo *step) {
  (void)step;
  bool here = task.proc < 0;
  const char *path = here ? "/proc/self/mountinfo" : "self/mountinfo";
  long fd = sys4(__NR_openat, here ? AT_FDCWD : task.proc, path, O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    fail("open", fd, "/proc/self/mountinfo");
  }
  send_file(fd, path, UINT64_MAX);
}

static long change_directory(const char *path) {
  long fd = open_named(path, O_PATH | O_DIRECTORY, 0);
  long error = fd < 0 ? fd : sys1(__NR_fchdir, fd);
  sys_close(fd);
  return error;
}

/* fallback: the caller's own directory may not exist in a root that was joined; the root always does. */
void step_chdir(const struct step_chdir *step) {
  const char *path = step->path.bytes;
  bool fallback = step->fallback.number != 0;
  long error = change_directory(path);
  if (fallback && (error == -ENOENT || error == -ENOTDIR || error == -EACCES || error == -ELOOP)) {
    error = sys1(__NR_chdir, "/");
  }
  if (error < 0) {
    fail("chdir", error, path);
  }
}

void step_fchdir(const struct step_fchdir *step) { must(sys1(__NR_fchdir, step->directory.number), "fchdir", NULL); }

/* Makes a directory the root and the working directory of this task. */
void change_root(int directory) {
  must(sys1(__NR_fchdir, directory), "fchdir", "/");
  must(sys1(__NR_chroot, "."), "chroot", "/");
}

/* A path leads out of the new root as long as the working directory is outside: chroot(2), NOTES. */
void step_chroot(const struct step_chroot *step) {
  const char *path = step->path.bytes;
  must(change_directory(path), "chroot", path);
  must(sys1(__NR_chroot, "."), "chroot", path);
  must(sys1(__NR_chdir, "/"), "chdir", "/");
  task.other_root = true;
}
