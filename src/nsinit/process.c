/* Processes: fork, and the right of others to look into this one. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>

/* A plain fork, without the threads and handlers of libc; flags as in clone(2). */
long fork_process(unsigned long flags) {
  /* clone(2): the order of the last two arguments, unused here, differs between x86-64 and arm64. */
  return sys5(__NR_clone, flags | SIGCHLD, 0, 0, 0, 0);
}

void step_set_tid(const struct step_set_tid *step) {
  const struct plan_field *pids = &step->pids;
  if (pids->size > MOST_PIDS) {
    fail("clone3", -EINVAL, NULL);
  }
  for (uint32_t i = 0; i < pids->size; i++) {
    task.pids[i] = (int)plan_list_number(pids, i);
  }
  task.pid_count = pids->size;
}

/*
 * In a pid namespace that was joined, the parent is outside and has no pid: getppid(2). Anywhere else the signal would
 * reach the host's processes.
 */
void step_signal_all(const struct step_signal_all *step) {
  if (sys0(__NR_getppid) != 0) {
    fail("kill", -EPERM, NULL);
  }
  long error = sys2(__NR_kill, -1, (int)step->signal.number);
  if (error != -ESRCH) { /* there is no other process */
    must(error, "kill", NULL);
  }
}

/* True for the clone that makes the program, which is the last of a plan: only the program has chosen pids. */
static bool has_chosen_pids(void) { return task.pid_count > 0 && !comes_later(PLAN_fork) && !comes_later(PLAN_init); }

/* Only clone3(2) can choose pids, and some filters refuse it: so it is called for nothing else. */
const char *name_of_clone(void) { return has_chosen_pids() ? "clone3" : "clone"; }

/*
 * Clones a task that takes part in the plan. flags: as in clone(2), without a signal. It starts in `entry` on that
 * stack; without a stack it is a plain fork. With CLONE_PARENT its end sends the same signal as the end of this task,
 * and clone3 accepts no other.
 */
long clone_task(unsigned long flags, long stack, void (*entry)(void *)) {
  if (!has_chosen_pids()) {
    return entry == NULL ? fork_process(flags)
                         : sys_clone_into(__NR_clone, (long)(flags | SIGCHLD), stack, 0, 0, 0, entry, NULL);
  }
  struct clone_args arguments = {
      .flags = flags,
      .exit_signal = (flags & CLONE_PARENT) == 0 ? SIGCHLD : 0,
      .stack = entry == NULL ? 0 : (uint64_t)stack - STACK_BYTES,
      .stack_size = entry == NULL ? 0 : STACK_BYTES,
      .set_tid = (uint64_t)(uintptr_t)task.pids,
      .set_tid_size = task.pid_count,
  };
  return entry == NULL ? sys2(__NR_clone3, &arguments, sizeof(arguments))
                       : sys_clone_into(__NR_clone3, (long)&arguments, sizeof(arguments), 0, 0, 0, entry, NULL);
}

/* PR_SET_NAME(2const) */
void set_name(const char *name) { must(sys5(__NR_prctl, PR_SET_NAME, name, 0, 0, 0), "prctl", NULL); }

/* A child inherits the name. */
static void set_unreported_name(void) {
  static const char prefix[] = PLAN_UNREPORTED_NAME;
  char name[16]; /* TASK_COMM_LEN; a pid has at most 7 digits: proc_sys_kernel(5), pid_max */
  char *number = text_number(name + sizeof(name) - 1, task.first);
  name[sizeof(name) - 1] = '\0';
  __builtin_memcpy(number - (sizeof(prefix) - 1), prefix, sizeof(prefix) - 1);
  set_name(number - (sizeof(prefix) - 1));
}

/*
 * Called in the child before it does anything else, so that Node knows it from its first step on. It needs no
 * descriptor for that, which a program inside could prevent (RLIMIT_NOFILE, prlimit(2)): the kernel tells who has sent
 * the message. A child that cannot send it ends, and Node finds such a child by its name.
 */
static void tell_forked(void) {
  struct plan_report head = {.kind = REPORT_FORKED, .step = task.step};
  must(sys5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl", NULL); /* a clone does not inherit it */
  if (try_report(&head, -1) < 0) {
    quit(127);
  }
  set_name("nsinit");
}

static void go_on(void *unused) {
  (void)unused;
  tell_forked();
  task.step++;
  run_steps();
  quit(0);
}

/*
 * Clones without copying the memory. Nobody waits for the end of this parent: it sleeps until the child has exec'd
 * (CLONE_VFORK). The filters of the program do not hold for the parent, so it reports what the child could not.
 */
static _Noreturn void fork_to_exec(void) {
  struct task own = task;
  long stack = new_stack();
  long child = clone_task(CLONE_VM | CLONE_VFORK | CLONE_PARENT, stack, go_on);
  struct plan_report unsaid = task.unsaid;
  task = own;
  must(child, name_of_clone(), NULL);
  if (unsaid.kind != 0) {
    ignored(try_report(&unsaid, -1), "the name of the child says so as well");
  }
  quit(0);
}

/*
 * Goes on in a child, because only a child enters a pid namespace that was joined or unshared: pid_namespaces(7).
 * CLONE_PARENT makes it Node's own child, so that Node waits for it. If it is killed before it has told of itself, Node
 * finds it by its name: ReapUnreported() of the addon.
 */
void step_fork(const struct step_fork *step) {
  (void)step;
  /* A second fork is made in the pid namespace of the first one's child, where the pids are others. */
  task.first = task.first == 0 ? (uint32_t)sys0(__NR_getpid) : task.first;
  set_unreported_name();
  /* A task that shares its memory cannot enter a time namespace: EUSERS, setns(2). */
  if (comes_later(PLAN_exec) && !comes_later(PLAN_init) && !comes_later(PLAN_unshare)) {
    fork_to_exec();
  }
  if (must(clone_task(CLONE_PARENT, 0, NULL), name_of_clone(), NULL) > 0) {
    quit(0);
  }
  tell_forked();
}

/*
 * Waits before the fork by which a program enters the pid namespace: here no program inside sees this task, or can stop
 * or limit it. The end of Node closes the other end.
 */
void step_gate(const struct step_gate *step) {
  char byte = 1;
  long got;
  must(sys3(__NR_write, step->gate.number, &byte, sizeof(byte)), "write", NULL);
  do {
    got = sys3(__NR_read, step->gate.number, &byte, sizeof(byte));
  } while (got == -EINTR);
  if (got != (long)sizeof(byte)) {
    quit(1);
  }
  sys_close(step->gate.number);
}

/*
 * Allows or forbids other processes of this user to ptrace this task and to open its /proc/PID files:
 * PR_SET_DUMPABLE(2const).
 */
void set_dumpable(bool dumpable) { must(sys5(__NR_prctl, PR_SET_DUMPABLE, dumpable, 0, 0, 0), "prctl", NULL); }

void step_setsid(const struct step_setsid *step) {
  (void)step;
  must(sys0(__NR_setsid), "setsid", NULL);
}

void step_exit(const struct step_exit *step) {
  (void)step;
  report(REPORT_DONE, 0, -1);
  quit(0);
}
