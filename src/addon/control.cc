#include "control.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace linux_ns {

plan_report Packet::Report() const {
  plan_report report;
  memcpy(&report, bytes, sizeof(report));
  report.syscall[sizeof(report.syscall) - 1] = '\0';
  return report;
}

// One descriptor at most; more are not ours to have, and the kernel closes what does not fit (MSG_CTRUNC).
void Receive(int control, Packet *packet) {
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
  iovec vector = {packet->bytes, sizeof(packet->bytes)};
  msghdr message = {};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof(space);
  do {
    packet->size = recvmsg(control, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (packet->size < 0 && errno == EINTR);
  packet->fd.Reset();
  packet->sender = 0;
  // This process has as many descriptors as it may: then the kernel drops the one that was sent. cmsg(3)
  packet->lost = packet->size >= 0 && (message.msg_flags & MSG_CTRUNC) != 0;
  cmsghdr *header = packet->size < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  for (; header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_type == SCM_RIGHTS) {
      int received;
      memcpy(&received, CMSG_DATA(header), sizeof(received));
      packet->fd.Reset(received);
    } else if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials;
      memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
      packet->sender = credentials.pid;
    }
  }
}

} // namespace linux_ns
