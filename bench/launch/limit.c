/*
 * The limit: what clone, exec and wait cost with no runtime around them. For each line on standard input it starts
 * /bin/true once, in new namespaces of the kinds given (CLONE_NEW* flags, the one argument), with /dev/null as its
 * stdio, and prints the nanoseconds from the call to the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

static char stack[64 << 10] __attribute__((aligned(16)));
static int flags;
static int null;

/* In the parent's memory until the exec, as vfork(2) has it. */
static int child(void *unused) {
  (void)unused;
  char *const argv[] = {"/bin/true", NULL};
  char *const env[] = {NULL};
  /* Not one of clone's flags, its bits are those of the signal: it counts from the exec on. time_namespaces(7) */
  if ((flags & CLONE_NEWTIME) != 0 && unshare(CLONE_NEWTIME) < 0) {
    _exit(126);
  }
  for (int fd = 0; fd < 3; fd++) {
    dup2(null, fd);
  }
  execve(argv[0], argv, env);
  _exit(127);
}

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000LL + time.tv_nsec;
}

static void start_once(void) {
  int status = 0;
  long long began = now();
  pid_t pid = clone(child, stack + sizeof(stack), CLONE_VM | CLONE_VFORK | SIGCHLD | (flags & ~CLONE_NEWTIME), NULL);
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
  flags = argc > 1 ? (int)strtol(argv[1], NULL, 0) : 0;
  null = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) {
    return 1;
  }
  for (int byte = getchar(); byte != EOF; byte = getchar()) {
    start_once();
  }
  return 0;
}
