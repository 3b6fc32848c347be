/*
 * inject PROGRAM [ARGUMENT...]: runs a Node program, and makes single system calls fail in what its launcher threads do
 * and start, as the program asks on its descriptor 3. What is told to fail is not done.
 *
 * strace(1) can do that too, but counts calls for each process that it has ever seen, and has to be started for each
 * fault: with this one, thousands of faults are tried in one Node process, at places that have the same name each time.
 *
 * A place is a role, a call with its operation (the argument that makes prctl(2), ioctl(2) and fcntl(2) many calls, else
 * 0), and the how many-th it is. Roles: those of `attach`, as "L" of the launcher threads; "L1" the first child of them
 * since `begin`, until its exec, and "L1+" after it, that is nsinit; "L1+2" the second child of that. When nsinit
 * executes a program it is not traced any more; newuidmap and newgidmap are let go just before, for the kernel gives
 * nobody's ids to a program whose exec is traced: execve(2).
 *
 * Commands, one packet each; each is answered by a packet:
 *   attach TID ROLE                       a thread; what "L" starts is traced as well
 *   begin                                 forgets what was counted; what runs by now is left alone
 *   arm ROLE NUMBER OPERATION NTH ERRNO STICKY
 *                                         STICKY 1: this and all of that call that come after it, in children too
 *   end                                   "fired N", then "ROLE NUMBER OPERATION COUNT" for all that was called
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h>

#define MOST_TRACEES 4096
#define MOST_COUNTS 4096
#define ROLE_BYTES 48
#define CONTROL 3
#define OPTIONS                                                                                                        \
  (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |       \
   PTRACE_O_TRACEEXIT)

enum kind { UNKNOWN, THREAD, CHILD, NSINIT };

struct tracee {
  pid_t pid;
  enum kind kind;
  char role[ROLE_BYTES];
  int births;
  int injected; /* what its call is to answer, 0 for the truth */
  bool waits;   /* stopped, until its parent tells whose child it is */
  bool old;     /* of before `begin`: to be let go */
};

struct call {
  long number;
  unsigned long operation;
};

struct count {
  char role[ROLE_BYTES];
  struct call call;
  int count;
};

static struct tracee tracees[MOST_TRACEES];
static size_t tracee_count;
static struct count counts[MOST_COUNTS];
static size_t count_count;
static int launcher_births;
static struct {
  bool armed;
  char role[ROLE_BYTES];
  struct call call;
  int nth;
  int error;
  bool sticky;
  bool reached;
  int fired;
} fault;

static struct tracee *find(pid_t pid) {
  for (size_t i = 0; i < tracee_count; i++) {
    if (tracees[i].pid == pid) {
      return &tracees[i];
    }
  }
  return NULL;
}

static struct tracee *add(pid_t pid) {
  if (tracee_count == MOST_TRACEES) {
    fprintf(stderr, "inject: too many processes\n");
    exit(70);
  }
  struct tracee *tracee = &tracees[tracee_count++];
  *tracee = (struct tracee){.pid = pid};
  return tracee;
}

static void forget(struct tracee *tracee) { *tracee = tracees[--tracee_count]; }

static bool same_call(const struct call *a, const struct call *b) {
  return a->number == b->number && a->operation == b->operation;
}

static int count_call(const char *role, const struct call *call) {
  for (size_t i = 0; i < count_count; i++) {
    if (same_call(&counts[i].call, call) && strcmp(counts[i].role, role) == 0) {
      return ++counts[i].count;
    }
  }
  if (count_count < MOST_COUNTS) {
    struct count *count = &counts[count_count++];
    snprintf(count->role, sizeof(count->role), "%s", role);
    count->call = *call;
    count->count = 1;
  }
  return 1;
}

/* -1 is no call, and the kernel does nothing: ptrace(2), "Syscall-stops". */
static void skip_call(pid_t pid) {
#if defined(__x86_64__)
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, orig_rax), -1L);
#else
  int none = -1;
  struct iovec vector = {&none, sizeof(none)};
  ptrace(PTRACE_SETREGSET, pid, NT_ARM_SYSTEM_CALL, &vector);
#endif
}

static void set_result(pid_t pid, long result) {
#if defined(__x86_64__)
  ptrace(PTRACE_POKEUSER, pid, offsetof(struct user_regs_struct, rax), result);
#else
  struct user_regs_struct registers;
  struct iovec vector = {&registers, sizeof(registers)};
  ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &vector);
  registers.regs[0] = (unsigned long)result;
  ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &vector);
#endif
}

/* The loop is woken by it (libuv), and what can't wake it ends Node. */
static bool is_eventfd(pid_t pid, uint64_t fd) {
  char path[64];
  char target[64] = "";
  snprintf(path, sizeof(path), "/proc/%d/fd/%llu", pid, (unsigned long long)fd);
  return readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "eventfd") != NULL;
}

static bool is_meant(const struct tracee *tracee, const struct call *call, int nth) {
  if (!fault.armed || !same_call(&fault.call, call)) {
    return false;
  }
  bool here = strcmp(fault.role, tracee->role) == 0;
  if (!fault.sticky) {
    return here && nth == fault.nth;
  }
  fault.reached |= here && nth == fault.nth;
  return fault.reached && strncmp(fault.role, tracee->role, strlen(fault.role)) == 0;
}

static struct call call_of(const struct ptrace_syscall_info *info) {
  struct call call = {(long)info->entry.nr, 0};
  if (call.number == SYS_prctl) {
    call.operation = info->entry.args[0];
  } else if (call.number == SYS_ioctl || call.number == SYS_fcntl) {
    call.operation = info->entry.args[1];
  }
  return call;
}

/* Is it an exec of a program that gets the ids of its owner? */
static bool executes_setuid(const struct tracee *tracee, const struct ptrace_syscall_info *info) {
  char path[256] = "";
  struct iovec here = {path, sizeof(path) - 1};
  struct iovec there = {(void *)(uintptr_t)info->entry.args[0], sizeof(path) - 1};
  if (info->entry.nr != SYS_execve || tracee->kind != NSINIT ||
      process_vm_readv(tracee->pid, &here, 1, &there, 1, 0) <= 0) {
    return false;
  }
  const char *slash = strrchr(path, '/');
  const char *name = slash == NULL ? path : slash + 1;
  return strcmp(name, "newuidmap") == 0 || strcmp(name, "newgidmap") == 0;
}

/* False when it is to be let go. */
static bool at_call(struct tracee *tracee) {
  struct ptrace_syscall_info info;
  if (ptrace(PTRACE_GET_SYSCALL_INFO, tracee->pid, sizeof(info), &info) < 0) {
    return true;
  }
  if (info.op == PTRACE_SYSCALL_INFO_EXIT && tracee->injected != 0) {
    set_result(tracee->pid, -tracee->injected);
    tracee->injected = 0;
  }
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY ||
      (tracee->kind == THREAD && is_eventfd(tracee->pid, info.entry.args[0]))) {
    return true;
  }
  struct call call = call_of(&info);
  if (is_meant(tracee, &call, count_call(tracee->role, &call))) {
    skip_call(tracee->pid);
    tracee->injected = fault.error;
    fault.fired++;
    return true;
  }
  return !executes_setuid(tracee, &info);
}

static void go_on(pid_t pid, int signal) { ptrace(PTRACE_SYSCALL, pid, 0, signal); }

static void let_go(struct tracee *tracee, int signal) {
  ptrace(PTRACE_DETACH, tracee->pid, 0, signal);
  forget(tracee);
}

static void at_birth(struct tracee *parent) {
  unsigned long message = 0;
  ptrace(PTRACE_GETEVENTMSG, parent->pid, 0, &message);
  pid_t pid = (pid_t)message;
  bool by_launcher = parent->kind == THREAD;
  int number = by_launcher ? ++launcher_births : ++parent->births;
  char role[ROLE_BYTES + 16];
  snprintf(role, sizeof(role), "%s%d", parent->role, number);
  bool old = parent->old;
  struct tracee *child = find(pid);
  bool waits = child != NULL && child->waits;
  child = child == NULL ? add(pid) : child;
  snprintf(child->role, sizeof(child->role), "%.*s", ROLE_BYTES - 1, role);
  child->kind = by_launcher ? CHILD : NSINIT;
  child->old = old;
  child->waits = false;
  if (waits) {
    go_on(pid, 0);
  }
}

/* True where it is a program that nsinit has executed. */
static bool at_exec(struct tracee *tracee) {
  if (tracee->kind != CHILD) {
    return true;
  }
  tracee->kind = NSINIT;
  strncat(tracee->role, "+", sizeof(tracee->role) - strlen(tracee->role) - 1);
  return false;
}

static void at_stop(pid_t pid, int status) {
  int signal = WSTOPSIG(status);
  int event = status >> 16;
  struct tracee *tracee = find(pid);
  if (tracee == NULL || tracee->kind == UNKNOWN) {
    tracee = tracee == NULL ? add(pid) : tracee;
    tracee->waits = true;
    return;
  }
  if (tracee->old || event == PTRACE_EVENT_EXIT) {
    return let_go(tracee, event == 0 && signal != (SIGTRAP | 0x80) ? signal : 0);
  }
  if (signal == (SIGTRAP | 0x80)) {
    return at_call(tracee) ? go_on(pid, 0) : let_go(tracee, 0);
  }
  switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      at_birth(tracee);
      return go_on(pid, 0);
    case PTRACE_EVENT_EXEC:
      return at_exec(tracee) ? let_go(tracee, 0) : go_on(pid, 0);
    case PTRACE_EVENT_STOP:
      if (signal == SIGTRAP) {
        return go_on(pid, 0);
      }
      ptrace(PTRACE_LISTEN, pid, 0, 0);
      return;
    default:
      return go_on(pid, signal);
  }
}

static void begin(void) {
  for (size_t i = 0; i < tracee_count; i++) {
    tracees[i].old = tracees[i].kind != THREAD;
  }
  count_count = 0;
  launcher_births = 0;
  memset(&fault, 0, sizeof(fault));
}

static void attach(pid_t tid, const char *role) {
  long options = strcmp(role, "L") == 0 ? OPTIONS : PTRACE_O_TRACESYSGOOD;
  if (ptrace(PTRACE_SEIZE, tid, 0, options) < 0) {
    fprintf(stderr, "inject: can't trace %d: %s\n", tid, strerror(errno));
    exit(70);
  }
  struct tracee *tracee = add(tid);
  tracee->kind = THREAD;
  snprintf(tracee->role, sizeof(tracee->role), "%s", role);
  ptrace(PTRACE_INTERRUPT, tid, 0, 0);
}

/* False at the end of the program. */
static bool command(int control) {
  char text[256];
  char answer[60000];
  char role[ROLE_BYTES];
  int tid = 0;
  int sticky = 0;
  ssize_t size = recv(control, text, sizeof(text) - 1, 0);
  if (size <= 0) {
    return false;
  }
  text[size] = '\0';
  size_t length = (size_t)snprintf(answer, sizeof(answer), "ok\n");
  if (sscanf(text, "attach %d %47s", &tid, role) == 2) {
    attach(tid, role);
  } else if (strncmp(text, "begin", 5) == 0) {
    begin();
  } else if (sscanf(text, "arm %47s %ld %lu %d %d %d", fault.role, &fault.call.number, &fault.call.operation,
                    &fault.nth, &fault.error, &sticky) == 6) {
    fault.armed = true;
    fault.sticky = sticky != 0;
  } else {
    length = (size_t)snprintf(answer, sizeof(answer), "fired %d\n", fault.fired);
    for (size_t i = 0; i < count_count && length < sizeof(answer) - 128; i++) {
      length += (size_t)snprintf(answer + length, sizeof(answer) - length, "%s %ld %lu %d\n", counts[i].role,
                                 counts[i].call.number, counts[i].call.operation, counts[i].count);
    }
    fault.armed = false;
  }
  return send(control, answer, length, MSG_NOSIGNAL) >= 0;
}

/* Ends as the program does. */
static void end_as(int status) {
  if (WIFSIGNALED(status)) {
    signal(WTERMSIG(status), SIG_DFL);
    kill(getpid(), WTERMSIG(status));
  }
  exit(WEXITSTATUS(status));
}

static void hear_of_processes(pid_t program) {
  int status;
  for (pid_t pid; (pid = waitpid(-1, &status, __WALL | WNOHANG)) > 0;) {
    if (WIFSTOPPED(status)) {
      at_stop(pid, status);
      continue;
    }
    if (pid == program) {
      end_as(status);
    }
    struct tracee *tracee = find(pid);
    if (tracee != NULL) {
      forget(tracee);
    }
  }
}

int main(int argc, char **argv) {
  int pair[2];
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (argc < 2 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    return 64;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  pid_t program = fork();
  if (program == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct rlimit few = {1024, 1024}; /* closing them one after another takes long in a process that is traced */
    setrlimit(RLIMIT_NOFILE, &few);
    dup2(pair[1], CONTROL); /* which is pair[0], or free: the lowest descriptors are given first */
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  close(pair[1]);
  sigprocmask(SIG_BLOCK, &child, NULL);
  int signals = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
  struct pollfd polled[] = {{signals, POLLIN, 0}, {pair[0], POLLIN, 0}};
  for (;;) {
    struct signalfd_siginfo info;
    hear_of_processes(program);
    poll(polled, polled[1].fd < 0 ? 1 : 2, -1);
    while (read(signals, &info, sizeof(info)) > 0) {
    }
    if (polled[1].fd >= 0 && polled[1].revents != 0 && !command(pair[0])) {
      polled[1].fd = -1;
    }
  }
}
