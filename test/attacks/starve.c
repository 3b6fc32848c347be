/*
 * A root inside that gets in the way of whatever starts in its pid namespace, over and over: starve WHAT, where WHAT is
 * limits, stop, kill, slow, seize, or all.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <unistd.h>

#define AHEAD 64 /* pids that are still to come */

static void limit(int pid) {
  static const int resources[] = {RLIMIT_NOFILE, RLIMIT_FSIZE, RLIMIT_NPROC, RLIMIT_STACK, RLIMIT_MEMLOCK};
  const struct rlimit none = {0, 0};
  for (unsigned i = 0; i < sizeof(resources) / sizeof(resources[0]); i++) {
    prlimit(pid, resources[i], &none, NULL);
  }
}

static void slow(int pid) {
  cpu_set_t first;
  const struct sched_param idle = {0};
  CPU_ZERO(&first);
  CPU_SET(0, &first);
  setpriority(PRIO_PROCESS, (id_t)pid, 19);
  sched_setaffinity(pid, sizeof(first), &first);
  sched_setscheduler(pid, SCHED_IDLE, &idle);
}

static void attack(const char *what, int pid, unsigned round) {
  int all = strcmp(what, "all") == 0;
  unsigned turn = round % 8;
  if (strcmp(what, "limits") == 0 || (all && turn < 3)) {
    limit(pid);
  }
  if (strcmp(what, "slow") == 0 || (all && turn == 3)) {
    slow(pid);
  }
  if (strcmp(what, "seize") == 0 || (all && turn == 4)) {
    if (ptrace(PTRACE_SEIZE, pid, 0, 0) == 0) {
      ptrace(PTRACE_INTERRUPT, pid, 0, 0);
    }
  }
  if (strcmp(what, "stop") == 0 || (all && turn == 5)) {
    kill(pid, SIGSTOP);
  }
  if (strcmp(what, "kill") == 0 || (all && turn == 6)) {
    kill(pid, SIGKILL);
  }
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "all";
  int self = getpid();
  int last = self;
  puts("begun");
  fflush(stdout);
  for (unsigned round = 0;; round++) {
    for (int pid = last - AHEAD; pid < last + AHEAD; pid++) {
      if (pid > 1 && pid != self) {
        attack(what, pid, round);
        last = pid > last && kill(pid, 0) == 0 ? pid : last;
      }
    }
  }
}
