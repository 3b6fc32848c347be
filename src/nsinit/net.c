/* The network namespace from inside: its loopback interface, and sockets that belong to it. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/if.h>
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
