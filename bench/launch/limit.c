/*
 * The limit: what the kernel takes for a launch, with no runtime around it. For each line on standard input it starts
 * /bin/true once, with /dev/null as its stdio, and prints the nanoseconds from the call to the end. The first argument
 * says how:
 *
 *   clone FLAGS  in new namespaces of these kinds (CLONE_NEW* flags), and nothing more: no map is written, lo is down
 *   job FLAGS    what a launch of ours does: the maps are written from outside, mounts are private, lo is up, and an
 *                init reaps, whose child the program is; the end is told when all is gone
 *   join PID     in the namespaces of that process
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif
#define ALL_KINDS 0x7e020080

static char stack[64 << 10] __attribute__((aligned(16)));
static char stack_of_program[64 << 10] __attribute__((aligned(16)));
static int flags;
static int joined; /* a pidfd */
static int null;
static int gate[2];

/* In its parent's memory until the exec, as vfork(2) has it. */
static int program(void *unused) {
  (void)unused;
  char *const argv[] = {"/bin/true", NULL};
  char *const env[] = {NULL};
  for (int fd = 0; fd < 3; fd++) {
    dup2(null, fd);
  }
  execve(argv[0], argv, env);
  _exit(127);
}

static int leader(void *unused) {
  setsid();
  return program(unused);
}

static void must(long result) {
  if (result < 0) {
    _exit(126);
  }
}

/* Not one of clone's flags, its bits are those of the signal. A child enters it: time_namespaces(7). */
static int program_in_time(void *unused) {
  must((flags & CLONE_NEWTIME) != 0 ? unshare(CLONE_NEWTIME) : 0);
  return program(unused);
}

/* So does this task, without an exec. */
static void enter_time(void) {
  must(unshare(CLONE_NEWTIME));
  int fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
  must(fd);
  must(setns(fd, CLONE_NEWTIME));
  close(fd);
}

static void bring_lo_up(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  must(fd);
  must(ioctl(fd, SIOCSIFFLAGS, &request));
  close(fd);
}

/* Waits for all, and ends as the program did. */
static int reap(pid_t pid) {
  int result = 126;
  int status = 0;
  must(pid);
  for (pid_t ended = wait(&status); ended > 0; ended = wait(&status)) {
    result = ended == pid && WIFEXITED(status) ? WEXITSTATUS(status) : result;
  }
  return result;
}

static pid_t start(int (*task)(void *)) {
  return clone(task, stack_of_program + sizeof(stack_of_program), CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
}

/* Does not share the memory: else it could not enter a time namespace. */
static int init(void *unused) {
  char byte;
  (void)unused;
  close(gate[1]);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  must(read(gate[0], &byte, 1) == 1 ? 0 : -1);
  enter_time();
  must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
  bring_lo_up();
  _exit(reap(start(leader)));
}

static int joiner(void *unused) {
  (void)unused;
  must(setns(joined, ALL_KINDS));
  _exit(reap(start(program)));
}

static void write_file_of(pid_t pid, const char *file, const char *text) {
  char path[64];
  snprintf(path, sizeof(path), "/proc/%d/%s", pid, file);
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) {
    fprintf(stderr, "limit: %s: %s\n", path, strerror(errno));
    exit(1);
  }
  close(fd);
}

static pid_t start_job(void) {
  char uid_map[32];
  char gid_map[32];
  snprintf(uid_map, sizeof(uid_map), "0 %d 1\n", geteuid());
  snprintf(gid_map, sizeof(gid_map), "0 %d 1\n", getegid());
  if (pipe2(gate, O_CLOEXEC) < 0) {
    return -1;
  }
  pid_t pid = clone(init, stack + sizeof(stack), SIGCHLD | (flags & ~CLONE_NEWTIME), NULL);
  if (pid > 0) {
    if (geteuid() != 0) {
      write_file_of(pid, "setgroups", "deny");
    }
    write_file_of(pid, "uid_map", uid_map);
    write_file_of(pid, "gid_map", gid_map);
    if (write(gate[1], "", 1) < 0) {
      return -1;
    }
  }
  close(gate[0]);
  close(gate[1]);
  return pid;
}

static pid_t start_clone(void) {
  return clone(program_in_time, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD | (flags & ~CLONE_NEWTIME),
               NULL);
}

/* Nor does this: setns(2). */
static pid_t start_joiner(void) { return clone(joiner, stack + sizeof(stack), SIGCHLD, NULL); }

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void measure(pid_t (*launch)(void)) {
  int status = 0;
  long long began = now();
  pid_t pid = launch();
  if (pid < 0 || waitpid(pid, &status, 0) < 0) {
    fprintf(stderr, "limit: %s\n", strerror(errno));
    exit(1);
  }
  long long ended = now();
  if (status != 0) {
    fprintf(stderr, "limit: status %#x\n", (unsigned)status);
    exit(1);
  }
  printf("%lld\n", ended - began);
  fflush(stdout);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    return 2;
  }
  pid_t (*launch)(void) = start_clone;
  int number = (int)strtol(argv[2], NULL, 0);
  if (strcmp(argv[1], "join") == 0) {
    launch = start_joiner;
    joined = (int)syscall(SYS_pidfd_open, number, 0);
  } else {
    launch = strcmp(argv[1], "job") == 0 ? start_job : start_clone;
    flags = number;
  }
  null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || joined < 0) {
    return 1;
  }
  for (int byte = getchar(); byte != EOF; byte = getchar()) {
    measure(launch);
  }
  return 0;
}
