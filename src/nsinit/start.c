/* The entry point: read the plan, check it, run it. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

static long receive(char *to, size_t size) {
  long got;
  do {
    got = sys6(__NR_recvfrom, task.control, to, size, 0, 0, 0);
  } while (got == -EINTR);
  return got;
}

/*
 * Without a socket, this was not started to carry out a plan: a program inside has run /proc/1/exe, or a script whose
 * interpreter is /proc/self/exe.
 */
static void refuse_without_plan(long received) {
  static const char text[] = "linux-ns: this is nsinit, which starts programs, and no program to run: "
                             "/proc/self/exe names it until a program has started\n";
  if (received == -EBADF || received == -ENOTSOCK) {
    ignored(sys3(__NR_write, 2, text, sizeof(text) - 1), "the status says that it is no program");
    quit(126);
  }
}

/* Reads the plan. False when there is none: the parent has gone, or gave up. */
static bool read_plan(void) {
  struct plan_header header;
  long received = receive((char *)&header, sizeof(header));
  refuse_without_plan(received);
  if (received != (long)sizeof(header) || header.size > PLAN_MAX_BYTES || header.size < sizeof(header)) {
    return false;
  }
  task.plan = new_memory(header.size, 0);
  task.plan_size = header.size;
  __builtin_memcpy(task.plan, &header, sizeof(header));
  for (size_t have = sizeof(header); have < header.size;) {
    long got = receive(task.plan + have, header.size - have);
    if (got <= 0) {
      return false;
    }
    have += (size_t)got;
  }
  char go;
  return header.waits == 0 || receive(&go, sizeof(go)) == (long)sizeof(go);
}

/* The descriptor of the line. The user's program must not have it, so it is closed by the exec. */
static int line_of_plan(void) {
  uint32_t line = plan_header().line;
  if (line == 0) {
    return -1;
  }
  must(sys3(__NR_fcntl, line, F_SETFD, FD_CLOEXEC), "fcntl", NULL);
  return (int)line;
}

_Noreturn void nsinit_main(void);

_Noreturn __attribute__((used)) void nsinit_main(void) {
  task.control = PLAN_CONTROL_FD;
  task.proc = -1;
  task.line = -1;
  task.base = -1;
  task.staging = -1;
  task.mask = -1;
  task.null = -1;
  task.inner_user = -1;
  task.owner_uid = PLAN_UNCHANGED;
  task.owner_gid = PLAN_UNCHANGED;
  set_name("nsinit");
  if (!read_plan()) {
    quit(1);
  }
  if (!plan_check(task.plan, task.plan_size)) {
    fail("recv", -EBADMSG, NULL);
  }
  /* The exec closes it, and that tells Node of the exec. */
  must(sys3(__NR_fcntl, task.control, F_SETFD, FD_CLOEXEC), "fcntl", NULL);
  task.line = line_of_plan();
  close_unneeded();
  task.reader = plan_open(task.plan, task.plan_size);
  run_steps();
  quit(0);
}

/* The kernel starts a program with an aligned stack and no return address: the ABI wants a call. */
#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tand $-16, %rsp\n\tcall nsinit_main\n\tud2\n");
#else
__asm__(".globl _start\n_start:\n\tmov x29, xzr\n\tmov x30, xzr\n\tbl nsinit_main\n\tbrk #1\n");
#endif
