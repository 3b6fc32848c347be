/* The descriptors of the program, from 0 on: stdin(3), dup(2). */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#define MOST_STDIO 256

static int move_above(int fd, uint32_t first) {
  long moved = must(sys3(__NR_fcntl, fd, F_DUPFD_CLOEXEC, first), "fcntl", NULL);
  return (int)moved;
}

/*
 * Makes 0, 1 and 2 blocking, as libuv does: programs do not expect EAGAIN there, and sockets and pipes of Node do not
 * block. The flag belongs to the open file: its other holders see the change too.
 */
static void make_blocking(uint32_t fd) {
  long flags = fd > 2 ? 0 : must(sys3(__NR_fcntl, fd, F_GETFL, 0), "fcntl", NULL);
  if ((flags & O_NONBLOCK) != 0) {
    must(sys3(__NR_fcntl, fd, F_SETFL, flags & ~O_NONBLOCK), "fcntl", NULL);
  }
}

/*
 * First all descriptors, this task's own included, are moved out of the way of the places to fill. Then each is put
 * into its place, which also clears close-on-exec: dup(2). fds is overwritten; a negative one leaves its place empty.
 */
void place_stdio(int *fds, uint32_t count) {
  uint32_t clear = count > PLAN_FIRST_FD ? count : PLAN_FIRST_FD;
  for (uint32_t i = 0; i < count; i++) {
    fds[i] = fds[i] < 0 ? -1 : move_above(fds[i], clear);
  }
  task.control = move_above(task.control, clear);
  task.line = task.line < 0 ? -1 : move_above(task.line, clear);
  task.stdio = count;
  for (uint32_t i = 0; i < count; i++) {
    if (fds[i] < 0) {
      sys_close((int)i);
      continue;
    }
    must(sys3(__NR_dup3, fds[i], i, 0), "dup3", NULL);
    make_blocking(i);
    sys_close(fds[i]);
  }
}

void step_stdio(const struct step_stdio *step) {
  const struct plan_field *list = &step->fds;
  int fds[MOST_STDIO];
  if (list->size > MOST_STDIO) {
    fail("dup3", -EMFILE, NULL);
  }
  for (uint32_t i = 0; i < list->size; i++) {
    uint64_t fd = plan_list_number(list, i);
    fds[i] = fd == 0 ? -1 : (int)fd;
  }
  place_stdio(fds, list->size);
}
