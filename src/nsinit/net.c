/* The network namespace from inside: its loopback interface, and sockets that belong to it. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/ioctl.h>
#include <linux/sockios.h>
#include <sys/socket.h>

/* A new network namespace has lo, and it is down: network_namespaces(7). */
void step_loopback(const struct plan_step *step) {
  (void)step;
  struct ifreq request = {.ifr_name = "lo"};
  long fd = sys3(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    fail("socket", fd, NULL);
  }
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  long error = sys3(__NR_ioctl, fd, SIOCSIFFLAGS, &request);
  sys1(__NR_close, fd);
  if (error < 0) {
    fail("ioctl", error, "lo");
  }
}

void step_socket(const struct plan_step *step) {
  long fd = sys3(__NR_socket, step->field[0].number, step->field[1].number | SOCK_CLOEXEC, step->field[2].number);
  if (fd < 0) {
    fail("socket", fd, NULL);
  }
  report(REPORT_FD, 0, (int)fd);
  sys1(__NR_close, fd);
}

static const char tun_device[] = "/dev/net/tun";

static void tun_call(long fd, unsigned long request, uint64_t argument) {
  long error = sys3(__NR_ioctl, fd, request, argument);
  if (error < 0) {
    fail("ioctl", error, tun_device);
  }
}

/* The device belongs to the network namespace of whoever opens the file: here and not in Node. */
void step_tun(const struct plan_step *step) {
  const char *name = step->field[0].bytes;
  int owner = (int)step->field[2].number;
  int group = (int)step->field[3].number;
  struct ifreq request = {.ifr_flags = (short)step->field[1].number};
  size_t length = text_length(name);
  if (length >= sizeof(request.ifr_name)) {
    fail("ioctl", -ENAMETOOLONG, tun_device);
  }
  __builtin_memcpy(request.ifr_name, name, length);
  long fd = sys4(__NR_openat, AT_FDCWD, tun_device, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0);
  if (fd < 0) {
    fail("open", fd, tun_device);
  }
  tun_call(fd, TUNSETIFF, (uintptr_t)&request);
  if (owner != -1) {
    tun_call(fd, TUNSETOWNER, (uint64_t)owner);
  }
  if (group != -1) {
    tun_call(fd, TUNSETGROUP, (uint64_t)group);
  }
  if (step->field[4].number != 0) {
    tun_call(fd, TUNSETPERSIST, 1);
  }
  report_data(request.ifr_name, text_length(request.ifr_name));
  report(REPORT_FD, 0, (int)fd);
  sys1(__NR_close, fd);
}
