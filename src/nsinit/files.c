/* Files of the mount namespace this task is in, sysctls above all. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

/* O_NONBLOCK: whoever made the file in there may have made a FIFO, to keep us waiting for its other end. */
static long open_file(const char *path, uint64_t flags) {
  long fd = sys4(__NR_openat, AT_FDCWD, path, flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666);
  if (fd < 0) {
    fail("open", fd, path);
  }
  return fd;
}

void step_write_file(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  long fd = open_file(path, step->field[1].number);
  const char *at = step->field[2].bytes;
  size_t left = step->field[2].size;
  do {
    long written = sys3(__NR_write, fd, at, left);
    if (written == -EINTR) {
      continue;
    }
    if (written < 0) {
      fail("write", written, path);
    }
    at += written;
    left -= (size_t)written;
  } while (left > 0);
  sys1(__NR_close, fd);
}

void step_read_file(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  uint64_t left = step->field[1].number;
  char bytes[PLAN_PACKET_BYTES / 4];
  long fd = open_file(path, O_RDONLY);
  for (;;) {
    long got = sys3(__NR_read, fd, bytes, sizeof(bytes));
    if (got == -EINTR) {
      continue;
    }
    if (got < 0) {
      fail("read", got, path);
    }
    if (got == 0) {
      break;
    }
    if ((uint64_t)got > left) {
      fail("read", -EFBIG, path);
    }
    report_data(bytes, (size_t)got);
    left -= (uint64_t)got;
  }
  sys1(__NR_close, fd);
}

/* fallback: a caller's own directory need not exist in a root that was joined; the root always does. */
void step_chdir(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  bool fallback = step->field[1].number != 0;
  long error = sys1(__NR_chdir, path);
  if (error < 0 && fallback) {
    error = sys1(__NR_chdir, "/");
  }
  if (error < 0) {
    fail("chdir", error, path);
  }
}

void step_fchdir(const struct plan_step *step) {
  long error = sys1(__NR_fchdir, step->field[0].number);
  if (error < 0) {
    fail("fchdir", error, NULL);
  }
}

/* The path may lead out of the new root as long as the working directory is outside: chroot(2), NOTES. */
void step_chroot(const struct plan_step *step) {
  const char *path = step->field[0].bytes;
  long error = sys1(__NR_chroot, path);
  if (error < 0) {
    fail("chroot", error, path);
  }
  error = sys1(__NR_chdir, "/");
  if (error < 0) {
    fail("chdir", error, "/");
  }
}
