#include "children.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "pidfd.h"
#include "proc.h"
#include "threads.h"

namespace linux_ns {
namespace {

constexpr int kMostReadings = 100;
constexpr int kMostTries = 100;
constexpr useconds_t kNap = 1000; // microseconds

bool AreOwnChildren(const std::vector<pid_t> &pids) { return std::all_of(pids.begin(), pids.end(), IsOwnChild); }

} // namespace

bool IsOwnChild(pid_t pid) {
  siginfo_t info = {};
  int result;
  if (pid <= 0) {
    return false;
  }
  do {
    result = waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT | __WALL);
  } while (result < 0 && errno == EINTR);
  // Only ECHILD says no. Another error is no answer, and a child of ours would stay for ever.
  return result == 0 || (errno != ECHILD && StatOf(pid).parent == getpid());
}

// While a list is read, the kernel finds its place again by the child that it gave last. If somebody has waited for
// that one meanwhile, it goes on by the number of children it has given, and leaves out as many as have gone:
// proc_tid_children(5). So a reading is whole if all the children that it gave still exist after it. Several readings
// are put together, for the case that there never is a quiet moment.
std::vector<pid_t> OwnChildren() {
  std::vector<pid_t> children;
  for (pid_t thread : LauncherThreads()) {
    for (int readings = 0; readings < kMostReadings; readings++) {
      std::vector<pid_t> its = ChildrenOfThread(getpid(), thread);
      children.insert(children.end(), its.begin(), its.end());
      if (AreOwnChildren(its)) {
        break;
      }
    }
  }
  std::sort(children.begin(), children.end());
  children.erase(std::unique(children.begin(), children.end()), children.end());
  return children;
}

// Somebody inside may trace it, and keep tracing it when it is dead: WaitPidfd() does not wait for that. Without a
// descriptor nothing tells of its end, so it is asked for some time.
void EndChild(pid_t pid) {
  Result<Fd> pidfd = OpenPidfd(pid);
  kill(pid, SIGKILL);
  if (pidfd) {
    WaitPidfd(pidfd.value().get(), 0);
    return;
  }
  for (int tries = 0; tries < kMostTries && waitpid(pid, nullptr, WNOHANG | __WALL) == 0; tries++) {
    usleep(kNap);
  }
}

} // namespace linux_ns
