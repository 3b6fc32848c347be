/* The network namespace from inside: its loopback interface, and sockets in it. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/ioctl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <linux/wait.h>
#include <sys/socket.h>

#define HELPER_STACK 4096

/* A new network namespace has lo, and it is down: network_namespaces(7). */
static long bring_lo_up(long socket) {
  struct ifreq request = {.ifr_name = "lo"};
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return sys3(__NR_ioctl, socket, SIOCSIFFLAGS, &request);
}

static long open_socket(void) { return sys3(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); }

void step_loopback(const struct step_loopback *step) {
  (void)step;
  long fd = must(open_socket(), "socket", NULL);
  must(bring_lo_up(fd), "ioctl", "lo");
  sys_close(fd);
}

/*
 * The kernel takes as long for a new network namespace as for the rest of a sandbox. So a helper makes it while this
 * task mounts. The helper shares memory and descriptors with this task, which gets the namespace from a socket that the
 * helper has made (SIOCGSKNS, socket(7)), and only has to wait for the helper's end.
 */
static struct {
  long pid;
  long socket;
  long error;
  const char *syscall;
  const char *path;
} helper;

static _Noreturn void end_helper(long error, const char *syscall, const char *path) {
  helper.error = error < 0 ? error : 0;
  helper.syscall = syscall;
  helper.path = path;
  for (;;) {
    ignored(sys1(__NR_exit, 0), "it does not return");
  }
}

static void help(void *unused) {
  (void)unused;
  long error = sys1(__NR_unshare, CLONE_NEWNET);
  if (error < 0) {
    end_helper(error, "unshare", NULL);
  }
  helper.socket = open_socket();
  if (helper.socket < 0) {
    end_helper(helper.socket, "socket", NULL);
  }
  end_helper(bring_lo_up(helper.socket), "ioctl", "lo");
}

void step_make_net(const struct step_make_net *step) {
  (void)step;
  static char stack[HELPER_STACK] __attribute__((aligned(16)));
  /* The result that is found if somebody kills the helper before it has written one. */
  helper.error = -ESRCH;
  helper.syscall = "unshare";
  helper.pid = sys_clone_into(__NR_clone, CLONE_VM | CLONE_FILES, (long)(stack + sizeof(stack)), 0, 0, 0, help, NULL);
  must(helper.pid, "clone", NULL);
}

void step_enter_net(const struct step_enter_net *step) {
  (void)step;
  long ended;
  do {
    ended = sys4(__NR_wait4, helper.pid, 0, __WALL, 0);
  } while (ended == -EINTR);
  must(ended, "wait4", "net");
  must(helper.error, helper.syscall, helper.path);
  long net = must(sys2(__NR_ioctl, helper.socket, SIOCGSKNS), "ioctl", "net");
  must(sys2(__NR_setns, net, CLONE_NEWNET), "setns", "net");
  sys_close(net);
  sys_close(helper.socket);
}

void step_socket(const struct step_socket *step) {
  long fd = must(sys3(__NR_socket, step->domain.number, step->type.number | SOCK_CLOEXEC, step->protocol.number),
                 "socket", NULL);
  report(REPORT_FD, 0, (int)fd);
  sys_close(fd);
}

static void answer(const struct plan_socket *request) {
  long fd = sys3(__NR_socket, request->domain, request->type | SOCK_CLOEXEC, request->protocol);
  if (fd < 0) {
    int32_t error = (int32_t)-fd;
    report_data((const char *)&error, sizeof(error));
    return;
  }
  report(REPORT_FD, 0, (int)fd);
  sys_close(fd);
}

/*
 * The pipe ends when Node closes it, or has died. What is written to it at once is read at once: pipe(7), PIPE_BUF. A
 * change of ids may have made this task dumpable (proc_sys_fs(5), suid_dumpable), and it stays for long.
 */
void step_sockets(const struct step_sockets *step) {
  struct plan_socket requests[PLAN_MOST_SOCKETS];
  set_dumpable(false);
  for (;;) {
    long got = sys3(__NR_read, step->requests.number, requests, sizeof(requests));
    if (got == 0) {
      return;
    }
    if (got != -EINTR) {
      must(got, "read", NULL);
    }
    for (long i = 0; i < got / (long)sizeof(requests[0]); i++) {
      answer(&requests[i]);
    }
  }
}

static const char tun_device[] = "/dev/net/tun";

static void tun_call(long fd, unsigned long request, uint64_t argument) {
  must(sys3(__NR_ioctl, fd, request, argument), "ioctl", tun_device);
}

/*
 * The device belongs to the network namespace of the process that opens the file: so it is opened here, and not in
 * Node.
 */
void step_tun(const struct step_tun *step) {
  const char *name = step->name.bytes;
  int owner = (int)step->owner.number;
  int group = (int)step->group.number;
  struct ifreq request = {.ifr_flags = (short)step->flags.number};
  size_t length = text_length(name);
  if (length >= sizeof(request.ifr_name)) {
    fail("ioctl", -ENAMETOOLONG, tun_device);
  }
  __builtin_memcpy(request.ifr_name, name, length);
  long fd = must(sys4(__NR_openat, AT_FDCWD, tun_device, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0), "open", tun_device);
  tun_call(fd, TUNSETIFF, (uintptr_t)&request);
  if (owner != -1) {
    tun_call(fd, TUNSETOWNER, (uint64_t)owner);
  }
  if (group != -1) {
    tun_call(fd, TUNSETGROUP, (uint64_t)group);
  }
  if (step->persistent.number != 0) {
    tun_call(fd, TUNSETPERSIST, 1);
  }
  report_data(request.ifr_name, text_length(request.ifr_name));
  report(REPORT_FD, 0, (int)fd);
  sys_close(fd);
}
