/* PID 1 of a pid namespace: keeps it alive, reaps what is orphaned in it, forwards signals: pid_namespaces(7). */
#include "nsinit.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>

#define SIGNAL_BIT(signal) (1ull << ((signal) - 1))

static const uint64_t forwarded = SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGUSR1) |
                                  SIGNAL_BIT(SIGUSR2) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGCONT) |
                                  SIGNAL_BIT(SIGWINCH);

static bool hung_up(void) {
  struct pollfd control = {task.control, 0, 0};
  struct {
    long seconds, nanoseconds;
  } now = {0, 0};
  return sys5(__NR_ppoll, &control, 1, &now, 0, 0) > 0;
}

/*
 * Follows the thread that cloned this task, and credential changes clear it (PR_SET_PDEATHSIG(2const)): so it is set
 * again last. A parent that was gone by then shows as another one, or as the end of the connection.
 */
static void die_with_parent(uint64_t signal) {
  must(sys5(__NR_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl", NULL);
  if (signal != 0 && hung_up()) {
    quit(127);
  }
}

/* In another pid namespace than Node's the parent has no number: 0, getppid(2). */
void step_die_with_parent(const struct plan_step *step) {
  die_with_parent(step->field[0].number);
  task.dies_with_parent = true;
  long parent = sys0(__NR_getppid);
  if (parent != 0 && parent != (long)step->field[1].number) {
    quit(127);
  }
}

/*
 * An init can't see its parent, and a parent that dies takes its time: its threads are gone, and children handed on,
 * well before its descriptors are closed. So the end of the connection is made a signal: F_SETOWN and O_ASYNC,
 * fcntl(2).
 */
static void watch_connection(void) {
  sys3(__NR_fcntl, task.control, F_SETOWN, sys0(__NR_getpid));
  sys3(__NR_fcntl, task.control, F_SETFL, O_RDWR | FASYNC);
  die_with_parent(task.outlives ? 0 : SIGKILL);
}

/* What is held outlives Node, as long as there is a process in it. */
void step_outlive(const struct plan_step *step) {
  (void)step;
  task.outlives = true;
}

/*
 * A root inside can ptrace an init that was born inside: it holds its control socket and the right to kill, no more,
 * and in a session of its own nothing that leads to Node's terminal. So what is typed there, or sent to the whole of
 * Node's process group, does not come here either, to be forwarded to a program that has got it already.
 */
static void drop_all(bool keep_kill) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
  data[0].effective = keep_kill ? 1u << CAP_KILL : 0;
  data[0].permitted = data[0].effective;
  sys0(__NR_setsid);
  close_all_but(0, task.control);
  sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  sys2(__NR_capset, &header, data);
  set_dumpable(false);
  sys2(__NR_munmap, task.plan, task.plan_size);
}

/* Reaps every child that has ended; the program's own end is this init's end, and with it the namespace's. */
static void reap(long program) {
  int status;
  for (;;) {
    long pid = sys4(__NR_wait4, -1, &status, WNOHANG | __WALL, 0);
    if (pid == -EINTR) {
      continue;
    }
    if (pid <= 0) {
      return;
    }
    if (pid == program) {
      report(REPORT_EXITED, (uint32_t)status, -1);
      quit(0);
    }
  }
}

/*
 * Programs that were put in here from outside are nobody's children here, and their end is no signal: so it is looked
 * whether there is another process at all. kill(2)
 */
static bool is_alone(void) { return sys2(__NR_kill, -1, 0) == -ESRCH; }

/*
 * All signals are blocked since the clone, so none is lost and none kills. What another process sent is forwarded; a
 * signal from the kernel itself (SI_KERNEL: the terminal's) has reached the program as well.
 */
static _Noreturn void reap_until(long program) {
  uint64_t awaited = forwarded | SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGIO);
  const struct {
    long seconds, nanoseconds;
  } now_and_then = {1, 0};
  for (;;) {
    siginfo_t info;
    reap(program);
    bool left = task.outlives && hung_up();
    if (left && is_alone()) {
      quit(0);
    }
    long signal = sys4(__NR_rt_sigtimedwait, &awaited, &info, left ? &now_and_then : 0, sizeof(awaited));
    if (signal == SIGIO && task.dies_with_parent && hung_up()) {
      quit(127);
    }
    if (signal > 0 && (SIGNAL_BIT(signal) & forwarded) != 0 && program > 0 && info.si_code <= 0) {
      sys2(__NR_kill, program, signal);
    }
  }
}

static void continue_plan(void *unused) {
  (void)unused;
  task.has_init = true;
  task.step++;
  run_steps();
  quit(0);
}

/*
 * The program's task is cloned as nsinit itself was: CLONE_VM, no copy of anything but the descriptors; CLONE_VFORK, so
 * that this returns when the program has been exec'd or is dead, and "started" is true when it is said. The child runs
 * the rest of the plan on a stack of its own; what it did to `task` meanwhile is undone.
 */
void step_init(const struct plan_step *step) {
  int pidfd = -1;
  confirm_forked();
  struct task own = task;
  long stack = new_stack();
  unsigned long flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  long program = sys_clone_into(__NR_clone, (long)flags, stack, (long)&pidfd, 0, 0, continue_plan, NULL);
  bool executed = task.execs;
  task = own;
  if (program < 0) {
    fail("clone", program, NULL);
  }
  report_started(executed, program, pidfd);
  sys2(__NR_munmap, stack - (long)STACK_BYTES, STACK_BYTES);
  drop_all(true);
  task.dies_with_parent = step->field[0].number != 0;
  if (task.dies_with_parent) {
    watch_connection();
  } else {
    die_with_parent(0);
  }
  reap_until(program);
}

static _Noreturn void wait_for_release(void) {
  char byte;
  while (sys3(__NR_read, task.control, &byte, 1) == -EINTR) {
  }
  quit(0);
}

void step_hold(const struct plan_step *step) {
  (void)step;
  confirm_forked();
  bool is_init = sys0(__NR_getpid) == 1;
  drop_all(false);
  task.dies_with_parent = !task.outlives;
  watch_connection();
  report(REPORT_READY, is_init, -1);
  if (is_init) {
    reap_until(0);
  }
  wait_for_release();
}
