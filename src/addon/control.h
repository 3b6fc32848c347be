// Node's end of the socket to nsinit.
#ifndef LINUX_NS_ADDON_CONTROL_H
#define LINUX_NS_ADDON_CONTROL_H

#include <sys/types.h>

#include <cstddef>

#include "../plan/plan.h"
#include "fd.h"

namespace linux_ns {

// One packet: a plan_report, and the data that follows it.
struct Packet {
  alignas(plan_report) char bytes[sizeof(plan_report) + PLAN_PACKET_BYTES];
  ssize_t size = 0; // less than a plan_report's at the end, or -1 with errno
  Fd fd;
  pid_t sender = 0;  // where it is told: the process that the packet names
  bool lost = false; // a descriptor came with it, and could not be had

  bool IsReport() const { return size >= static_cast<ssize_t>(sizeof(plan_report)); }
  plan_report Report() const;
  const char *data() const { return bytes + sizeof(plan_report); }
  size_t data_size() const { return static_cast<size_t>(size) - sizeof(plan_report); }
};

// Receives a packet without waiting: EAGAIN when there is none.
void Receive(int control, Packet *packet);

} // namespace linux_ns

#endif
