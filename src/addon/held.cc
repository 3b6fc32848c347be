#include "held.h"

#include <signal.h>

#include <utility>

#include "pidfd.h"
#include "proc.h"

namespace linux_ns {
namespace {

constexpr size_t kMostProcesses = 16; // nsinit has one helper at a time

// The descendants, each with its parent, the nearest first.
std::vector<std::pair<pid_t, pid_t>> Descendants(const std::vector<pid_t> &processes) {
  std::vector<std::pair<pid_t, pid_t>> found;
  std::vector<pid_t> parents = processes;
  for (size_t i = 0; i < parents.size() && found.size() < kMostProcesses; i++) {
    pid_t parent = parents[i]; // nsinit has one thread
    for (pid_t child : ChildrenOfThread(parent, parent)) {
      found.emplace_back(child, parent);
      parents.push_back(child);
    }
  }
  return found;
}

bool IsStopped(char state) { return state == 'T' || state == 't'; }

} // namespace

bool AnyHeld(const std::vector<pid_t> &processes) {
  for (pid_t pid : processes) {
    if (IsStopped(StatOf(pid).state)) {
      return true;
    }
  }
  for (const auto &[pid, parent] : Descendants(processes)) {
    char state = StatOf(pid).state;
    if (IsStopped(state) || (state == 'Z' && IsTraced(pid))) {
      return true;
    }
  }
  return false;
}

void KillHeldDescendants(const std::vector<pid_t> &processes) {
  for (const auto &[pid, parent] : Descendants(processes)) {
    Result<Fd> pidfd = OpenPidfd(pid);
    // Its parent may have waited for it meanwhile, and its pid may be another's.
    if (pidfd && StatOf(pid).parent == parent) {
      SignalPidfd(pidfd.value().get(), SIGKILL);
    }
  }
}

} // namespace linux_ns
