/*
 * PID 1 of a pid namespace: it keeps the namespace alive, reaps orphans in it, and forwards signals: pid_namespaces(7).
 */
#include "nsinit.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/wait.h>
#include <sys/socket.h>

#define SIGNAL_BIT(signal) (1ull << ((signal) - 1))

static const uint64_t forwarded = SIGNAL_BIT(SIGHUP) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGUSR1) |
                                  SIGNAL_BIT(SIGUSR2) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGCONT) |
                                  SIGNAL_BIT(SIGWINCH);

/* True where Node has closed its end, or has died, for a socket and for a pipe: poll(2). */
static bool hung_up(int fd) {
  struct pollfd end = {fd, 0, 0};
  struct {
    long seconds, nanoseconds;
  } now = {0, 0};
  return sys5(__NR_ppoll, &end, 1, &now, 0, 0) > 0;
}

/*
 * The signal comes when the thread that cloned this task ends, and changes of credentials clear it
 * (PR_SET_PDEATHSIG(2const)). So it is set again last. If the parent was gone by then, getppid(2) shows another one, or
 * the connection has ended.
 */
static void die_with_parent(uint64_t signal, int connection) {
  must(sys5(__NR_prctl, PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl", NULL);
  if (signal != 0 && hung_up(connection)) {
    quit(127);
  }
}

/* In another pid namespace than Node's the parent has no number: 0, getppid(2). */
void step_die_with_parent(const struct step_die_with_parent *step) {
  die_with_parent(step->signal.number, task.control);
  task.dies_with_parent = true;
  long parent = sys0(__NR_getppid);
  if (parent != 0 && parent != (long)step->parent.number) {
    quit(127);
  }
}

/*
 * An init cannot see its parent, and the end of a parent takes time: its threads are gone, and its children have
 * another parent, well before its descriptors are closed. So the end of the line is made a signal: F_SETOWN and
 * O_ASYNC, fcntl(2).
 */
static void watch_line(void) {
  must(sys3(__NR_fcntl, task.line, F_SETOWN, sys0(__NR_getpid)), "fcntl", NULL);
  must(sys3(__NR_fcntl, task.line, F_SETFL, O_WRONLY | O_NONBLOCK | FASYNC), "fcntl", NULL);
}

/* The namespaces that are held outlive Node, as long as there is a process in them. */
void step_outlive(const struct step_outlive *step) {
  (void)step;
  task.outlives = true;
}

/*
 * A root inside can ptrace an init that was born inside. So the init keeps nothing but the line, on which nothing comes
 * back and no descriptor can be sent, and the right to kill. It gets a session of its own, from which nothing leads to
 * Node's terminal. Signals that the terminal, or anybody, sends to Node's whole process group do not reach it either,
 * and so it does not forward them to a program that has got them already.
 */
static void drop_all(bool keep_kill, int also_kept) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}, {0, 0, 0}};
  data[0].effective = keep_kill ? 1u << CAP_KILL : 0;
  data[0].permitted = data[0].effective;
  close_all_but(0, task.line, also_kept);
  ignored(sys0(__NR_setsid), "EPERM: it leads a process group, which is not Node's then");
  must(sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), "prctl", NULL);
  long refused = sys2(__NR_capset, &header, data);
  if (refused == -EPERM && keep_kill) {
    data[0].effective = data[0].permitted = 0; /* it has not had that right */
    refused = sys2(__NR_capset, &header, data);
  }
  must(refused, "capset", NULL);
  set_dumpable(false);
  must(sys2(__NR_munmap, task.plan, task.plan_size), "munmap", NULL);
}

/* The last report. It is lost where a program inside has filled the pipe. */
static _Noreturn void tell_exit(int status, const struct plan_report *unsaid) {
  struct plan_report head = *unsaid;
  head.kind = REPORT_EXITED;
  head.value = (uint32_t)status;
  ignored(sys3(__NR_write, task.line, &head, sizeof(head)), "then nobody hears it, and this is the end");
  quit(0);
}

/*
 * Kills all that is left in the namespace, and waits for it, so that Node is told its usage with that of this init:
 * getrusage(2). The kernel would kill it too, but not count it. What does not end within MOST_NAPS is left to the
 * kernel: another user's process that this init may not kill, one that a tracer outside holds, or that waits for a
 * disk. The second bound is for processes that keep coming in from outside: setns(2).
 */
#define MOST_NAPS 20
#define MOST_PROCESSES (1 << 22) /* proc_sys_kernel(5), pid_max */
static void reap_rest(void) {
  const uint64_t ends = SIGNAL_BIT(SIGCHLD);
  const struct {
    long seconds, nanoseconds;
  } nap = {0, 10000000};
  ignored(sys2(__NR_kill, -1, SIGKILL), "ESRCH: nothing is left");
  for (int naps = 0, reaped = 0; naps < MOST_NAPS && reaped < MOST_PROCESSES; reaped++) {
    long pid = sys4(__NR_wait4, -1, 0, WNOHANG | __WALL, 0);
    if (pid < 0) {
      return;
    }
    if (pid == 0) {
      ignored(sys4(__NR_rt_sigtimedwait, &ends, 0, &nap, sizeof(ends)), "it has been a nap then");
      naps++;
    }
  }
}

#define MOST_FAILURES 16

/*
 * A filter that refuses wait4 would keep an init from ever seeing the end of a child. Here it has no children yet:
 * ECHILD.
 */
static void check_reaping(void) {
  long error;
  do {
    error = sys4(__NR_wait4, -1, 0, WNOHANG | __WALL, 0);
  } while (error == -EINTR);
  if (error != -ECHILD) {
    must(error, "wait4", NULL);
  }
}

/*
 * Reaps every child that has ended. When the program ends, this init ends, and with it the namespace. An init that
 * cannot reap is of no use, and ends.
 */
static void reap(long program, const struct plan_report *unsaid) {
  int status;
  for (int failures = 0; failures < MOST_FAILURES;) {
    long pid = sys4(__NR_wait4, -1, &status, WNOHANG | __WALL, 0);
    if (pid == 0 || (pid == -ECHILD && program == 0)) {
      return;
    }
    if (pid == program) {
      reap_rest();
      tell_exit(status, unsaid);
    }
    failures += pid < 0 ? 1 : 0;
  }
  quit(127);
}

/*
 * True where there is no other process in the namespace. Programs that entered from outside are nobody's children here,
 * and their end is no signal: so kill(2) is asked.
 */
static bool is_alone(void) { return sys2(__NR_kill, -1, 0) == -ESRCH; }

/*
 * All signals have been blocked since the clone, so none is lost and none kills. A signal from another process is
 * forwarded. A signal from the kernel itself (SI_KERNEL, from the terminal) has reached the program as well, and is
 * not.
 */
static _Noreturn void reap_until(long program, const struct plan_report *unsaid) {
  uint64_t awaited = forwarded | SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGIO);
  const struct {
    long seconds, nanoseconds;
  } now_and_then = {1, 0};
  for (;;) {
    siginfo_t info;
    reap(program, unsaid);
    bool left = task.outlives && hung_up(task.line);
    if (left && is_alone()) {
      quit(0);
    }
    long signal = sys4(__NR_rt_sigtimedwait, &awaited, &info, left ? &now_and_then : 0, sizeof(awaited));
    if (signal == SIGIO && task.dies_with_parent && hung_up(task.line)) {
      reap_rest();
      quit(127);
    }
    if (signal > 0 && (SIGNAL_BIT(signal) & forwarded) != 0 && program > 0 && info.si_code <= 0) {
      ignored(sys2(__NR_kill, program, signal), "who it was for has ended");
    }
  }
}

#define MOST_GIVEN 1024
#define MOST_AT_ONCE 250 /* SCM_MAX_FD is 253: unix(7) */

/*
 * Descriptors that only the program's task may have: the socket, so that nothing but its exec, or its end, closes it,
 * and those that the rest of the plan names. A program that takes over this init must find none of them. The clone
 * copies the table of descriptors, and this task does not run again before the exec (CLONE_VFORK). So before the clone
 * all of them are sent to the child, in the queue of another socket.
 */
static struct {
  int queue;
  uint32_t count;
  int numbers[MOST_GIVEN]; /* the socket's first */
} given;

static void give(uint64_t fd) {
  for (uint32_t i = 0; i < given.count; i++) {
    if (given.numbers[i] == (int)fd) {
      return;
    }
  }
  if (given.count == MOST_GIVEN) {
    fail("sendmsg", -E2BIG, NULL);
  }
  given.numbers[given.count++] = (int)fd;
}

static void collect_given(void) {
  given.count = 0;
  give((uint64_t)task.control);
  each_descriptor(task.step + 1, give);
}

/* A message with descriptors: cmsg(3) */
struct with_descriptors {
  struct cmsghdr header;
  int fds[MOST_AT_ONCE];
};

static long pass(long number, int socket, struct with_descriptors *rights, uint32_t count, uint64_t flags) {
  char byte = 0;
  struct iovec vector = {&byte, sizeof(byte)};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  rights->header = (struct cmsghdr){CMSG_LEN(count * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
  message.msg_control = rights;
  message.msg_controllen = CMSG_SPACE(count * sizeof(int));
  long result = sys3(number, socket, &message, flags);
  return result >= 0 && (message.msg_flags & MSG_CTRUNC) != 0 ? -EMFILE : result;
}

static uint32_t part_from(uint32_t at) { return given.count - at < MOST_AT_ONCE ? given.count - at : MOST_AT_ONCE; }

static void give_all(int to) {
  static struct with_descriptors rights;
  collect_given();
  for (uint32_t at = 0; at < given.count; at += MOST_AT_ONCE) {
    __builtin_memcpy(rights.fds, given.numbers + at, part_from(at) * sizeof(int));
    must(pass(__NR_sendmsg, to, &rights, part_from(at), MSG_NOSIGNAL), "sendmsg", NULL);
  }
  sys_close(to);
  for (uint32_t i = 0; i < given.count; i++) {
    sys_close(given.numbers[i]);
  }
}

/*
 * Moves a descriptor to the number that it had. If another one that has come has this number, that one is moved away.
 */
static long put_back(int *came, uint32_t i) {
  int wanted = given.numbers[i];
  if (came[i] == wanted) {
    return 0;
  }
  for (uint32_t j = i + 1; j < given.count; j++) {
    if (came[j] == wanted) {
      came[j] = (int)sys3(__NR_fcntl, wanted, F_DUPFD_CLOEXEC, 0);
      if (came[j] < 0) {
        return came[j];
      }
    }
  }
  long result = sys3(__NR_dup3, came[i], wanted, O_CLOEXEC);
  sys_close(came[i]);
  return result;
}

/* 0, or -errno. */
static long take_all(void) {
  static struct with_descriptors rights;
  static int came[MOST_GIVEN];
  for (uint32_t at = 0; at < given.count; at += MOST_AT_ONCE) {
    long got = pass(__NR_recvmsg, given.queue, &rights, part_from(at), MSG_CMSG_CLOEXEC);
    if (got < 0) {
      return got;
    }
    __builtin_memcpy(came + at, rights.fds, part_from(at) * sizeof(int));
  }
  for (uint32_t i = 0; i < given.count; i++) {
    long error = put_back(came, i);
    if (error < 0) {
      return error;
    }
  }
  return 0;
}

static void continue_plan(void *unused) {
  (void)unused;
  long error = take_all();
  if (error < 0) {
    /* Only the init can be told. */
    task.unsaid = (struct plan_report){.kind = REPORT_FAILED, .step = task.step, .syscall = "recvmsg"};
    task.unsaid.error = (int32_t)-error;
    quit(127);
  }
  task.line = -1;
  task.has_init = true;
  task.step++;
  run_steps();
  quit(0);
}

/*
 * The program's task is cloned as nsinit itself was: CLONE_VM, no copy of anything but the descriptors; CLONE_VFORK, so
 * that this returns when the program has been exec'd or is dead. The child runs the rest of the plan on a stack of its
 * own; what it did to `task` meanwhile is undone. All that Node is told of the start it is told by the child.
 */
void step_init(const struct step_init *step) {
  int pair[2];
  bool dies_with_parent = step->dies_with_parent.number != 0;
  if (dies_with_parent) {
    watch_line();
  } else {
    /* Before the program is exec'd: from then on Node may be gone. */
    must(sys5(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0), "prctl", NULL);
  }
  check_reaping();
  must(sys4(__NR_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), "socketpair", NULL);
  long stack = new_stack();
  given.queue = pair[1];
  give_all(pair[0]);
  struct task own = task;
  long program = clone_task(CLONE_VM | CLONE_VFORK, stack, continue_plan);
  struct plan_report unsaid = task.unsaid;
  task = own;
  if (program < 0) {
    must(take_all(), "recvmsg", NULL);
    fail(name_of_clone(), program, NULL);
  }
  must(sys2(__NR_munmap, stack - (long)STACK_BYTES, STACK_BYTES), "munmap", NULL);
  drop_all(true, -1);
  task.dies_with_parent = dies_with_parent;
  if (dies_with_parent) {
    die_with_parent(SIGKILL, task.line);
  }
  reap_until(program, &unsaid);
}

/* Waits for the end of the reader of a pipe: POLLERR, which poll(2) always reports. */
static _Noreturn void wait_for_release(void) {
  struct pollfd line = {task.line, 0, 0};
  while (sys5(__NR_ppoll, &line, 1, 0, 0, 0) == -EINTR) {
  }
  quit(0);
}

/* Node may be gone by then. */
static void tell_ready(bool is_init) {
  struct plan_report head = {.kind = REPORT_READY, .step = task.step, .value = is_init};
  ignored(try_report(&head, -1), "then the end of the line is next");
  sys_close(task.control);
  task.control = -1;
}

void step_hold(const struct step_hold *step) {
  (void)step;
  static const struct plan_report nothing;
  if (has_placeholders()) {
    tell_ready(false);
    hold_placeholders();
  }
  bool is_init = sys0(__NR_getpid) == 1;
  drop_all(false, task.control);
  task.dies_with_parent = !task.outlives;
  watch_line();
  die_with_parent(task.outlives ? 0 : SIGKILL, task.line);
  if (is_init) {
    check_reaping();
  }
  report(REPORT_READY, is_init, -1);
  sys_close(task.control);
  task.control = -1;
  if (is_init) {
    reap_until(0, &nothing);
  }
  wait_for_release();
}
