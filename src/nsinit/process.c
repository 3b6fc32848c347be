/* Processes: fork, and who may look into this one. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signal.h>

#define MOST_DESCRIPTORS (1u << 20) /* fs.nr_open as the kernel sets it: proc_sys_fs(5) */

/* A plain fork, without the threads and handlers of libc; flags and pidfd as in clone(2). */
long fork_process(unsigned long flags, int *pidfd) {
  flags |= SIGCHLD | (pidfd == NULL ? 0 : CLONE_PIDFD);
  /* clone(2): the order of the last two arguments, unused here, differs between x86-64 and arm64. */
  return sys5(__NR_clone, flags, 0, pidfd, 0, 0);
}

/* PR_SET_NAME(2const) */
static void set_name(const char *name) { sys5(__NR_prctl, PR_SET_NAME, name, 0, 0, 0); }

/* A child inherits the name. */
static void set_unreported_name(void) {
  static const char prefix[] = PLAN_UNREPORTED_NAME;
  char name[16]; /* TASK_COMM_LEN; a pid has at most 7 digits: proc_sys_kernel(5), pid_max */
  char *number = text_number(name + sizeof(name) - 1, task.first);
  name[sizeof(name) - 1] = '\0';
  __builtin_memcpy(number - (sizeof(prefix) - 1), prefix, sizeof(prefix) - 1);
  set_name(number - (sizeof(prefix) - 1));
}

/* The child goes on; this parent tells Node of it first, and ends. */
static void fork_apart(void) {
  int ack[2];
  int pidfd = -1;
  must(sys2(__NR_pipe2, ack, O_CLOEXEC), "pipe2", NULL);
  long child = must(fork_process(CLONE_PARENT, &pidfd), "clone", NULL);
  if (child == 0) {
    sys1(__NR_close, ack[1]);
    task.forked_ack = ack[0];
    sys5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* a clone does not inherit it */
    return;
  }
  report(REPORT_FORKED, 0, pidfd);
  sys3(__NR_write, ack[1], "", 1);
  quit(0);
}

static void report_self(void) {
  long self = sys2(__NR_pidfd_open, sys0(__NR_getpid), 0);
  report(REPORT_FORKED, 0, (int)self);
  sys1(__NR_close, self);
}

static void go_on(void *unused) {
  (void)unused;
  sys5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  report_self();
  task.forked_itself = true;
  set_name("nsinit");
  task.step++;
  run_steps();
  quit(0);
}

/*
 * Without a copy of the memory, and the end of this parent is nothing to wait for: it sleeps until the child has exec'd
 * (CLONE_VFORK). Only a child that was killed before it could tell of itself is told of here.
 */
static _Noreturn void fork_to_exec(void) {
  int pidfd = -1;
  task.forked_itself = false; /* as one before this may have done */
  struct task own = task;
  long stack = new_stack();
  unsigned long flags = CLONE_VM | CLONE_VFORK | CLONE_PARENT | CLONE_PIDFD | SIGCHLD;
  long child = sys_clone_into(__NR_clone, (long)flags, stack, (long)&pidfd, 0, 0, go_on, NULL);
  bool told = task.forked_itself;
  task = own;
  must(child, "clone", NULL);
  if (!told) {
    report(REPORT_FORKED, 0, pidfd);
  }
  quit(0);
}

/*
 * Goes on in a child, which is what enters a pid namespace that was joined or unshared: pid_namespaces(7).
 * CLONE_PARENT makes it Node's own child, to be waited for there. The child holds back before it becomes anything
 * until Node has been told of it: were it not, Node would have a child it never heard of. Were all that know of it
 * killed, as a cgroup is (cgroup.kill), Node finds it by its name: ReapUnreported() of the addon.
 */
void step_fork(const struct plan_step *step) {
  (void)step;
  confirm_forked(); /* of a fork before this one */
  /* A second fork is made where the first one's child is, and there pids are others. */
  task.first = task.first == 0 ? (uint32_t)sys0(__NR_getpid) : task.first;
  set_unreported_name();
  if (comes_later(PLAN_exec) && !comes_later(PLAN_init)) {
    fork_to_exec();
  }
  fork_apart();
}

/* Zeroed, and this task's own; flags: of mmap(2), beside that. */
void *new_memory(size_t size, unsigned long flags) {
  const unsigned long own = MAP_PRIVATE | MAP_ANONYMOUS;
  return (void *)must(sys6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, own | flags, -1, 0), "mmap", NULL);
}

/* The upper end of a stack for a child that shares this memory. */
long new_stack(void) { return (long)new_memory(STACK_BYTES, MAP_STACK) + (long)STACK_BYTES; }

/* Waits until the parent has reported this forked child; where it died before it could, the child reports itself. */
void confirm_forked(void) {
  char byte;
  long got = 1;
  if (task.forked_ack < 0) {
    return;
  }
  do {
    got = sys3(__NR_read, task.forked_ack, &byte, 1);
  } while (got == -EINTR);
  sys1(__NR_close, task.forked_ack);
  task.forked_ack = -1;
  if (got == 1) {
    set_name("nsinit");
    return;
  }
  report_self();
  quit(127);
}

/*
 * close_range(2), Linux 5.9. A container's filter may refuse it: then one after another, up to the limit there was
 * before a step of the plan may have lowered it, since the first call comes before them (close_unneeded).
 */
static void close_between(uint32_t first, uint32_t last) {
  static struct rlimit64 limit;
  if (sys3(__NR_close_range, first, last, 0) >= 0) {
    return;
  }
  if (limit.rlim_cur == 0) {
    must(sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, &limit), "prlimit", NULL);
  }
  for (uint64_t fd = first; fd <= last && fd < limit.rlim_cur && fd < MOST_DESCRIPTORS; fd++) {
    sys1(__NR_close, fd);
  }
}

/* Closes every descriptor from first on, except one. */
void close_all_but(uint32_t first, int kept) {
  if (kept > (int)first) {
    close_between(first, (uint32_t)kept - 1);
  }
  close_between(kept >= (int)first ? (uint32_t)kept + 1 : first, ~0u);
}

/* The first descriptor from `first` on that the plan names or this task needs; ~0 when there is none. */
static uint32_t next_needed(uint32_t first) {
  struct plan_reader reader = plan_open(task.plan, task.plan_size);
  struct plan_step step;
  uint32_t next = (uint32_t)task.control >= first ? (uint32_t)task.control : ~0u;
  while (plan_next(&reader, &step)) {
    const char *fields = plan_step_fields(step.type);
    for (int i = 0; fields[i] != '\0'; i++) {
      uint32_t count = fields[i] == 'F' ? step.field[i].size : fields[i] == 'f' ? 1 : 0;
      for (uint32_t item = 0; item < count; item++) {
        uint64_t fd = fields[i] == 'F' ? plan_list_number(&step.field[i], item) : step.field[i].number;
        next = fd >= first && fd < next ? (uint32_t)fd : next;
      }
    }
  }
  return next;
}

/*
 * Node may have descriptors that are not close-on-exec: its 0, 1 and 2, and what it was started with. They go before
 * anything else is done: a root inside would find them in /proc/PID/fd when this task has to be dumpable for its maps.
 */
void close_unneeded(void) {
  uint32_t first = 0;
  for (;;) {
    uint32_t next = next_needed(first);
    if (next > first) {
      close_between(first, next - 1);
    }
    if (next == ~0u) {
      return;
    }
    first = next + 1;
  }
}

/* PR_SET_DUMPABLE(2const): whether others of this user may ptrace this task and open its /proc/PID files. */
void set_dumpable(bool dumpable) { sys5(__NR_prctl, PR_SET_DUMPABLE, dumpable, 0, 0, 0); }

void step_setsid(const struct plan_step *step) {
  (void)step;
  must(sys0(__NR_setsid), "setsid", NULL);
}

void step_exit(const struct plan_step *step) {
  (void)step;
  confirm_forked();
  report(REPORT_DONE, 0, -1);
  quit(0);
}
