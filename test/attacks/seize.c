/*
 * A root inside that takes over process 1 of its pid namespace as soon as it runs: holds it, takes each of its descriptors,
 * and says on them all that nsinit may say to Node, with Node's own pidfd (SO_PEERPIDFD) where it can be had. It prints
 * nothing: what it achieves shows in Node. It ends with 43 where process 1 had more than it should.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/plan/plan.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5 */
#endif
#define MOST_DESCRIPTORS 64
#define MOST_WORDS 64
#define FILLED 70000 /* more than a pipe takes */

static void say(int fd, uint32_t kind, uint32_t value, int sent) {
  struct plan_report report = {.kind = kind, .value = value, .error = kind == REPORT_FAILED ? 1 : 0};
  union {
    struct cmsghdr header;
    char room[CMSG_SPACE(sizeof(int))];
  } rights = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  memcpy(CMSG_DATA(&rights.header), &sent, sizeof(sent));
  struct iovec vector = {&report, sizeof(report)};
  struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
  if (sent >= 0) {
    message.msg_control = &rights;
    message.msg_controllen = sizeof(rights);
  }
  if (sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 && write(fd, &report, sizeof(report)) < 0) {
    return;
  }
}

static void speak(int fd) {
  int node = -1;
  socklen_t size = sizeof(node);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &node, &size) < 0) {
    node = -1;
  }
  /* Of the first version of this protocol there were more kinds. */
  for (uint32_t kind = 1; kind <= 12; kind++) {
    say(fd, kind, 1, node);
    say(fd, kind, 0, -1);
  }
}

static void fill(int fd) {
  static char rubbish[FILLED];
  fcntl(fd, F_SETFL, O_NONBLOCK);
  for (int i = 0; i < 4 && write(fd, rubbish, sizeof(rubbish)) > 0; i++) {
  }
}

/* Anything but the pipe on which it says its last word, and what is left of the queue that its child took all from. */
static int is_more(int fd) {
  struct stat status;
  int type = 0;
  socklen_t size = sizeof(type);
  int is_queue = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
  return !is_queue && fstat(fd, &status) == 0 && !S_ISFIFO(status.st_mode);
}

/* seize look|forge|fill|hold: what to do with process 1, which is held meanwhile, and for the last for ever */
int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "forge";
  signal(SIGPIPE, SIG_IGN);
  ptrace(PTRACE_SEIZE, 1, 0, 0);
  ptrace(PTRACE_INTERRUPT, 1, 0, 0);
  int more = 0;
  int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);
  for (int number = 0; number < MOST_DESCRIPTORS; number++) {
    int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
    if (fd < 0) {
      continue;
    }
    more |= is_more(fd);
    if (strcmp(what, "look") == 0) {
      continue;
    }
    if (strcmp(what, "fill") == 0) {
      fill(fd);
    }
    speak(fd);
  }
  while (strcmp(what, "hold") == 0) {
    pause();
  }
  return more ? 43 : 42;
}
