// Threads of our own, on which everything runs that may block: the clone above all.
#ifndef LINUX_NS_ADDON_THREADS_H
#define LINUX_NS_ADDON_THREADS_H

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <vector>

namespace linux_ns {

// The name of the threads that clone, and of what they have cloned until it is nsinit.
constexpr char kLaunchThreadName[] = "ns-launcher";

// Things that a thread lends to a job: a stack for a child, a word that the kernel clears when the thread ends, and
// its tid.
struct Stack {
  char *base;
  size_t size;
  const volatile int *lives;
  pid_t thread;
};

class Job {
public:
  virtual ~Job() = default;
  // On one of the threads. The job is destroyed afterwards.
  virtual void Run(const Stack &child_stack) = 0;
};

// There are threads for launches and threads for netlink. Netlink requests wait for a lock that others may hold for
// long, and launches must not wait for them.
enum class Lane { kLaunch, kNetlink };

// Called first on each thread of ours: signals are for Node's threads.
void BlockSignals();

// False when not even one thread can be had (EAGAIN).
bool Submit(std::unique_ptr<Job> job, Lane lane = Lane::kLaunch);

// The tids of all present threads for launches.
std::vector<pid_t> LauncherThreads();

// A thread is born in the namespaces of its creator. So before a thread of this process leaves its namespaces, all
// threads for launches that there may ever be are started; those that cannot be made then are never made. For netlink
// it does not matter.
void StartAllThreads();

} // namespace linux_ns

#endif
