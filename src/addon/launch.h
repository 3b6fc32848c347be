// One launch, as it goes to a launcher thread and comes back.
#ifndef LINUX_NS_ADDON_LAUNCH_H
#define LINUX_NS_ADDON_LAUNCH_H

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "encoder.h"
#include "failure.h"
#include "fd.h"
#include "launcher.h"

namespace linux_ns {

struct Launch {
  // What is wanted; not touched by Node's thread while a job runs.
  uint64_t clone_flags = 0;
  Plan plan;
  std::string setgroups, uid_map, gid_map; // empty: not written
  bool manual = false;

  std::atomic<bool> cancelled{false};

  // What came of it.
  Fd pidfd;
  Fd control;
  pid_t pid = 0;
  const char *phase = nullptr; // of the failure, as in types/native.d.ts; null for none
  Failure failure;
};

// Clones, execs nsinit, writes the maps and, but for a manual launch, sends the plan. On a failure the task is gone.
void RunLaunch(Launch *launch, const Stack &stack);

// Sends the plan. A task that has died meanwhile is no failure here: its pidfd tells.
void SendPlan(int control, const Plan &plan);

} // namespace linux_ns

#endif
