#include "threads.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <cstdint>
#include <deque>

namespace linux_ns {
namespace {

// The kernel stops a thread while its child execs (CLONE_VFORK), so a few threads give concurrency. More of them would
// only queue in the kernel, where making namespaces takes global locks.
constexpr size_t kMostThreads = 4;
// The kernel handles nearly all rtnetlink requests under one lock: rtnl_mutex.
constexpr size_t kMostNetlinkThreads = 2;
constexpr size_t kThreadStack = 128 << 10;
constexpr size_t kChildStack = 64 << 10;

// There is one for each lane, shared by all environments of the process, and never destroyed. Threads never end either:
// PR_SET_PDEATHSIG follows the thread, and the tasks that it has cloned have to die with the process only.
struct Pool {
  uv_mutex_t mutex;
  uv_cond_t wake;
  std::deque<std::unique_ptr<Job>> jobs;
  std::vector<pid_t> tids;
  size_t threads = 0;
  size_t idle = 0;
  size_t most;
  const char *name; // of its threads

  Pool(size_t most_threads, const char *thread_name) : most(most_threads), name(thread_name) {
    uv_mutex_init(&mutex);
    uv_cond_init(&wake);
  }
};

Pool &Shared(Lane lane) {
  static Pool *launches = new Pool(kMostThreads, kLaunchThreadName);
  static Pool *netlink = new Pool(kMostNetlinkThreads, "ns-netlink");
  return lane == Lane::kLaunch ? *launches : *netlink;
}

void ThreadMain(void *of) {
  Pool &pool = *static_cast<Pool *>(of);
  // The name that top(1) and ps(1) show. Nothing depends on it where it cannot be set.
  prctl(PR_SET_NAME, pool.name);
  BlockSignals();
  void *memory = mmap(nullptr, kChildStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  // libc's own word serves pthread_join(3). Nobody joins this thread: it ends with the process.
  int *lives = new int(1);
  pid_t thread = static_cast<pid_t>(syscall(SYS_set_tid_address, lives));
  Stack stack = {memory == MAP_FAILED ? nullptr : static_cast<char *>(memory), kChildStack, lives, thread};
  uv_mutex_lock(&pool.mutex);
  pool.tids.push_back(thread);
  for (;;) {
    while (pool.jobs.empty()) {
      pool.idle++;
      uv_cond_wait(&pool.wake, &pool.mutex);
      pool.idle--;
    }
    std::unique_ptr<Job> job = std::move(pool.jobs.front());
    pool.jobs.pop_front();
    uv_mutex_unlock(&pool.mutex);
    job->Run(stack);
    job.reset();
    uv_mutex_lock(&pool.mutex);
  }
}

bool StartThread(Pool *pool) {
  uv_thread_t thread;
  uv_thread_options_t options = {};
  options.flags = UV_THREAD_HAS_STACK_SIZE;
  options.stack_size = kThreadStack;
  return uv_thread_create_ex(&thread, &options, ThreadMain, pool) == 0;
}

} // namespace

// Blocks all signals but glibc's own two, with which setuid(2) and its like reach every thread: nptl(7). A child cannot
// inherit those as pending, and its exec clears their handlers.
void BlockSignals() {
  uint64_t signals = ~(UINT64_C(3) << 31);
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &signals, nullptr, sizeof(signals));
}

bool Submit(std::unique_ptr<Job> job, Lane lane) {
  Pool &pool = Shared(lane);
  uv_mutex_lock(&pool.mutex);
  bool wanted = pool.jobs.size() >= pool.idle && pool.threads < pool.most;
  if (wanted && StartThread(&pool)) {
    pool.threads++;
  }
  bool accepted = pool.threads > 0;
  if (accepted) {
    pool.jobs.push_back(std::move(job));
  }
  uv_mutex_unlock(&pool.mutex);
  // It is signalled after the unlock: else the thread would wake only to wait for the mutex.
  uv_cond_signal(&pool.wake);
  return accepted;
}

std::vector<pid_t> LauncherThreads() {
  Pool &pool = Shared(Lane::kLaunch);
  uv_mutex_lock(&pool.mutex);
  std::vector<pid_t> tids = pool.tids;
  uv_mutex_unlock(&pool.mutex);
  return tids;
}

void StartAllThreads() {
  Pool &pool = Shared(Lane::kLaunch);
  uv_mutex_lock(&pool.mutex);
  while (pool.threads < pool.most && StartThread(&pool)) {
    pool.threads++;
  }
  pool.most = pool.threads;
  uv_mutex_unlock(&pool.mutex);
}

} // namespace linux_ns
