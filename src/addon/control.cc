#include "control.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace linux_ns {
namespace {

// Closes all but the first of the descriptors that have come. nsinit sends at most one. An init that a program inside
// has taken over may send more, and CMSG_SPACE() of one has room for two. The kernel closes those for which there is no
// room: MSG_CTRUNC.
void TakeFirst(const cmsghdr *header, Fd *first) {
  size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  for (size_t i = 0; i < count; i++) {
    int received;
    memcpy(&received, CMSG_DATA(header) + i * sizeof(received), sizeof(received));
    Fd fd(received);
    if (i == 0) {
      *first = std::move(fd);
    }
  }
}

} // namespace

plan_report Packet::Report() const {
  plan_report report;
  memcpy(&report, bytes, sizeof(report));
  report.syscall[sizeof(report.syscall) - 1] = '\0';
  return report;
}

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
  // If this process has as many descriptors as it may, the kernel drops the one that was sent. cmsg(3)
  packet->lost = packet->size >= 0 && (message.msg_flags & MSG_CTRUNC) != 0;
  cmsghdr *header = packet->size < 0 ? nullptr : CMSG_FIRSTHDR(&message);
  for (; header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_type == SCM_RIGHTS) {
      TakeFirst(header, &packet->fd);
    } else if (header->cmsg_type == SCM_CREDENTIALS) {
      ucred credentials;
      memcpy(&credentials, CMSG_DATA(header), sizeof(credentials));
      packet->sender = credentials.pid;
    }
  }
}

} // namespace linux_ns
