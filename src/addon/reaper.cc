#include "reaper.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>
#include <unordered_set>

#include "children.h"
#include "control.h"
#include "threads.h"
#include "pidfd.h"
#include "proc.h"

namespace linux_ns {
namespace {

// ── the thread ────────────────────────────────────────────────────────────────────────────────────────────────────

constexpr int kAskAgain = 100; // milliseconds

enum class Kind { kProcess, kControl, kInit };

// Something that the thread waits for: the end of a process; or a control socket, on which nsinit may tell of a child
// (pid: nsinit as it was cloned); or a descriptor whose readability makes an init known to the thread.
struct Awaited {
  Fd fd;
  Kind kind = Kind::kProcess;
  pid_t pid = 0;
};

// An init that was killed, and the strangers that have been seen to keep it from ending.
struct Ending {
  pid_t init;
  std::vector<Stranger> strangers;
};

void Await(int epoll, std::unique_ptr<Awaited> awaited) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = awaited.get();
  // If there is no memory for this, the process stays a zombie: nothing else can be done about it.
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, awaited->fd.get(), &event) == 0) {
    static_cast<void>(awaited.release());
  }
}

// Reads the control socket. False when there is nothing more to wait for.
bool HearOf(int epoll, Awaited *awaited) {
  Packet packet;
  Receive(awaited->fd.get(), &packet);
  if (packet.size < 0 && errno == EAGAIN) {
    return true;
  }
  if (!packet.IsReport()) {
    ReapUnreported(awaited->pid);
    return false;
  }
  if (packet.Report().kind == REPORT_FORKED && IsOwnChild(packet.sender)) {
    // A child of ours that is not yet reaped keeps its pid.
    kill(packet.sender, SIGKILL);
    Result<Fd> pidfd = OpenPidfd(packet.sender);
    if (pidfd) {
      Await(epoll, std::make_unique<Awaited>(Awaited{std::move(pidfd.value())}));
    }
  }
  return true;
}

bool IsReaped(const Fd &pidfd) {
  siginfo_t info;
  return ReapPidfd(pidfd.get(), &info);
}

// Reaps strangers that keep an init from ending. True once the init is gone.
bool HelpToEnd(Ending &ending) {
  ReapStrangers(ending.init, &ending.strangers);
  return !IsOwnChild(ending.init);
}

void ThreadMain(void *argument) {
  int epoll = static_cast<int>(reinterpret_cast<intptr_t>(argument));
  // Processes that have ended, but whose tracers have not waited for them. Their pidfds are readable all the time, and
  // nothing tells when the tracer lets go.
  std::vector<Fd> traced;
  std::vector<Ending> inits;
  for (;;) {
    epoll_event event;
    int events = epoll_wait(epoll, &event, 1, traced.empty() && inits.empty() ? -1 : kAskAgain);
    if (events != 1) {
      traced.erase(std::remove_if(traced.begin(), traced.end(), IsReaped), traced.end());
      inits.erase(std::remove_if(inits.begin(), inits.end(), HelpToEnd), inits.end());
      continue;
    }
    Awaited *awaited = static_cast<Awaited *>(event.data.ptr);
    if (awaited->kind == Kind::kControl && HearOf(epoll, awaited)) {
      continue;
    }
    // A process that is being started may have a copy of the descriptor, and then its end does not end the watch.
    epoll_ctl(epoll, EPOLL_CTL_DEL, awaited->fd.get(), nullptr);
    if (awaited->kind == Kind::kProcess && !IsReaped(awaited->fd)) {
      traced.push_back(std::move(awaited->fd));
    }
    if (awaited->kind == Kind::kInit) {
      inits.push_back({awaited->pid, {}});
    }
    delete awaited;
  }
}

// -1 when there can be no such thread.
int StartThread() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  uv_thread_t thread;
  uv_thread_options_t options = {};
  options.flags = UV_THREAD_HAS_STACK_SIZE;
  options.stack_size = 128 << 10;
  void *argument = reinterpret_cast<void *>(static_cast<intptr_t>(epoll.get()));
  return epoll && uv_thread_create_ex(&thread, &options, ThreadMain, argument) == 0 ? epoll.Release() : -1;
}

// One for the process, from when it is first needed, and never destroyed.
struct Reaper {
  uv_mutex_t mutex;
  int epoll = -1;

  Reaper() { uv_mutex_init(&mutex); }
};

// The epoll descriptor that the thread waits on; -1 where none can be made now.
int SharedEpoll() {
  static Reaper *reaper = new Reaper();
  uv_mutex_lock(&reaper->mutex);
  if (reaper->epoll < 0) {
    reaper->epoll = StartThread();
  }
  int epoll = reaper->epoll;
  uv_mutex_unlock(&reaper->mutex);
  return epoll;
}

// It runs on a launcher thread, because a new thread is born in the namespaces of its creator, and with the same
// signals blocked.
class ReapJob : public Job {
public:
  explicit ReapJob(Remains remains) : remains_(std::move(remains)) {}

  void Run(const Stack &) override {
    if (remains_.control) {
      SeekUnreported();
    }
    int epoll = SharedEpoll();
    if (epoll < 0) {
      return;
    }
    for (Fd &pidfd : remains_.pidfds) {
      Await(epoll, std::make_unique<Awaited>(Awaited{std::move(pidfd)}));
    }
    if (remains_.control) {
      Await(epoll, std::make_unique<Awaited>(Awaited{std::move(remains_.control), Kind::kControl, remains_.first}));
    }
    if (remains_.init != 0) {
      Fd readable(eventfd(1, EFD_CLOEXEC));
      Await(epoll, std::make_unique<Awaited>(Awaited{std::move(readable), Kind::kInit, remains_.init}));
    }
  }

private:
  // The known processes were killed: once they have ended there will be no other child. A child that is stopped would
  // never be heard of.
  void SeekUnreported() {
    for (const Fd &pidfd : remains_.pidfds) {
      AwaitEnd(pidfd.get());
    }
    ReapUnreported(remains_.first);
  }

  Remains remains_;
};

} // namespace

void Reap(Remains remains) { Submit(std::make_unique<ReapJob>(std::move(remains))); }

// ── who is known ──────────────────────────────────────────────────────────────────────────────────────────────────

namespace {

// There is one for the process, since its children belong to the process.
struct Known {
  uv_mutex_t mutex;
  std::unordered_set<pid_t> pids;
  std::vector<uint64_t> starts; // that are not over, in the order of their numbers
  uint64_t last_start = 0;

  Known() { uv_mutex_init(&mutex); }
};

Known &SharedKnown() {
  static Known *known = new Known();
  return *known;
}

// The first start that is not over; where there is none, the next one.
uint64_t FirstUnknownStart() {
  Known &known = SharedKnown();
  uv_mutex_lock(&known.mutex);
  uint64_t first = known.starts.empty() ? known.last_start + 1 : known.starts.front();
  uv_mutex_unlock(&known.mutex);
  return first;
}

uint64_t LastStart() {
  Known &known = SharedKnown();
  uv_mutex_lock(&known.mutex);
  uint64_t last = known.last_start;
  uv_mutex_unlock(&known.mutex);
  return last;
}

} // namespace

UnknownStart::UnknownStart() {
  Known &known = SharedKnown();
  uv_mutex_lock(&known.mutex);
  number_ = ++known.last_start;
  known.starts.push_back(number_);
  uv_mutex_unlock(&known.mutex);
}

void UnknownStart::End() {
  Known &known = SharedKnown();
  uv_mutex_lock(&known.mutex);
  auto at = std::lower_bound(known.starts.begin(), known.starts.end(), number_);
  if (at != known.starts.end() && *at == number_) {
    known.starts.erase(at);
  }
  uv_mutex_unlock(&known.mutex);
}

bool IsKnown(pid_t pid) {
  Known &known = SharedKnown();
  uv_mutex_lock(&known.mutex);
  bool is_known = known.pids.count(pid) > 0;
  uv_mutex_unlock(&known.mutex);
  return is_known;
}

void SetKnown(pid_t pid, bool is_known) {
  Known &known = SharedKnown();
  uv_mutex_lock(&known.mutex);
  if (is_known) {
    known.pids.insert(pid);
  } else {
    known.pids.erase(pid);
  }
  uv_mutex_unlock(&known.mutex);
}

// Until a child has told of itself, its name says which nsinit it comes from: step_fork() of nsinit. A program may take
// that name, but the tasks that have become programs are known. Nobody has waited for it, so its pid is not another's.
std::vector<pid_t> FindUnreported(pid_t first) {
  std::string name = PLAN_UNREPORTED_NAME + std::to_string(first);
  std::vector<pid_t> found;
  for (pid_t pid : OwnChildren()) {
    if (!IsKnown(pid) && NameOf(pid) == name) {
      found.push_back(pid);
    }
  }
  return found;
}

void ReapUnreported(pid_t first) {
  for (pid_t pid : FindUnreported(first)) {
    EndChild(pid);
  }
}

namespace {

// Not fstat(2), which glibc has as a function of its own only since 2.33.
struct statx NamespaceOf(const Fd &fd) {
  struct statx status = {};
  if (!fd || statx(fd.get(), "", AT_EMPTY_PATH, STATX_INO, &status) < 0) {
    status.stx_ino = 0;
  }
  return status;
}

Fd OpenPidNamespace(pid_t pid) {
  return Fd(open(("/proc/" + std::to_string(pid) + "/ns/pid").c_str(), O_RDONLY | O_CLOEXEC));
}

bool IsInOrBelow(pid_t pid, const struct statx &above) {
  for (Fd fd = OpenPidNamespace(pid); fd; fd.Reset(ioctl(fd.get(), NS_GET_PARENT))) {
    struct statx its = NamespaceOf(fd);
    if (its.stx_ino == above.stx_ino && its.stx_dev_major == above.stx_dev_major &&
        its.stx_dev_minor == above.stx_dev_minor) {
      return true;
    }
  }
  return false;
}

// An ordinary user cannot ask for the namespace of an init that is ending: then any namespace below Node's counts.
bool IsInside(pid_t pid, const struct statx &its) {
  return its.stx_ino == 0 ? NamespacesAbove(pid) > NamespacesAbove(getpid()) : IsInOrBelow(pid, its);
}

} // namespace

void ReapStrangers(pid_t init, std::vector<Stranger> *seen) {
  struct statx its = NamespaceOf(OpenPidNamespace(init));
  std::vector<Stranger> before = std::move(*seen);
  seen->clear();
  uint64_t unknown = FirstUnknownStart(); // before it is asked who is known: a start makes its tasks known, and is over
  for (pid_t pid : OwnChildren()) {
    if (pid == init || IsKnown(pid) || StatOf(pid).state != 'Z' || !IsInside(pid, its)) {
      continue;
    }
    auto same = std::find_if(before.begin(), before.end(), [pid](const Stranger &one) { return one.pid == pid; });
    if (same == before.end()) {
      seen->push_back({pid, LastStart()});
    } else if (same->starts < unknown) {
      waitpid(pid, nullptr, WNOHANG | __WALL);
    } else {
      seen->push_back(*same);
    }
  }
}

} // namespace linux_ns
