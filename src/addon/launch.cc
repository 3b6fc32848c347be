#include "launch.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "../plan/plan.h"
#include "child.h"
#include "held.h"
#include "image.h"
#include "pidfd.h"
#include "proc.h"

namespace linux_ns {
namespace {

constexpr size_t kPlanThatFits = 64 << 10;
constexpr int kMostTries = 10000;
constexpr useconds_t kNap = 100; // microseconds

bool SetSignalMask(uint64_t mask, uint64_t *previous) {
  return syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, previous, sizeof(mask)) == 0;
}

// Sends one packet. Returns 0, or errno.
int SendPacket(int control, const char *data, size_t size) {
  while (send(control, data, size, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

// child.h needs all signals blocked. If they stay blocked after it, this thread misses only setuid(2) of other threads.
long Clone(child_plan *child) {
  uint64_t mask = 0;
  if (!SetSignalMask(~UINT64_C(0), &mask)) {
    child->failed = "rt_sigprocmask";
    return -errno;
  }
  long result = child_clone(child);
  static_cast<void>(SetSignalMask(mask, nullptr));
  return result;
}

// The files of a task in /proc belong to root while it is not dumpable: proc_pid(5). Linux 7 makes a task undumpable
// for the duration of an exec (seen on 7.3), and the wait of CLONE_VFORK ends in the middle of it.
Fd OpenAfterExec(const std::string &path) {
  for (int tries = 1;; tries++) {
    Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd || errno != EACCES || tries == kMostTries) {
      return fd;
    }
    usleep(kNap);
  }
}

// One id only, which becomes 0.
bool IsRootMap(const std::string &map) {
  unsigned outside = 0;
  unsigned count = 0;
  int end = 0;
  return sscanf(map.c_str(), "0 %u %u%n", &outside, &count, &end) == 2 && count == 1 && map.substr(end) == "\n";
}

Fd MovedAbove(Fd fd) {
  return fd.get() >= PLAN_FIRST_FD ? std::move(fd) : Fd(fcntl(fd.get(), F_DUPFD_CLOEXEC, PLAN_FIRST_FD));
}

class Lock {
public:
  explicit Lock(uv_mutex_t *mutex) : mutex_(mutex) { uv_mutex_lock(mutex_); }
  ~Lock() { uv_mutex_unlock(mutex_); }

private:
  uv_mutex_t *mutex_;
};

} // namespace

// nsinit's ends must not have the number PLAN_CONTROL_FD, to which its socket is moved.
std::optional<Failure> Launch::MakeControl() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    return Failure::Last("socketpair");
  }
  control.Reset(pair[0]);
  theirs_.Reset(pair[1]);
  // The kernel tells who has sent a message, by its pid in our pid namespace: unix(7).
  int pass = 1;
  if (setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &pass, sizeof(pass)) < 0) {
    return Failure::Last("setsockopt");
  }
  // For a plan that is sent before there is anybody to read it. A host may have set the default too low for that:
  // net.core.wmem_default, socket(7). The kernel takes each packet for somewhat more than its bytes.
  int room = 2 * kPlanThatFits;
  setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  theirs_ = MovedAbove(std::move(theirs_));
  if (!theirs_) {
    return Failure::Last("fcntl");
  }
  if (!plan.stays) {
    return std::nullopt;
  }
  // It is a pipe and no socket. An init may have been taken over by a program inside: on a pipe it can send no
  // descriptor (whose last close may take forever: SO_LINGER of socket(7), FUSE), and cannot ask who is at the other
  // end (SO_PEERPIDFD). Nobody ever waits on it: O_NONBLOCK.
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
    return Failure::Last("pipe2");
  }
  line.Reset(ends[0]);
  Fd theirs = MovedAbove(Fd(ends[1]));
  if (!theirs) {
    return Failure::Last("fcntl");
  }
  reinterpret_cast<plan_header *>(plan.bytes.data())->line = static_cast<uint32_t>(theirs.get());
  plan.numbers.push_back(theirs.get());
  plan.fds.push_back(std::move(theirs));
  return std::nullopt;
}

// A plan that fits into the socket's buffer is sent before nsinit runs, which then need not sleep until it comes. If
// the maps or the cgroup have to be written first, or nsinit's reports must not come before the outcome is there,
// nsinit also waits for one more byte.
void Launch::Run(const Stack &stack) {
  bool fits = plan.bytes.size() <= kPlanThatFits;
  bool has_maps = !setgroups.empty() || !uid_map.empty() || !gid_map.empty();
  bool waits = manual || has_maps || plan.talks || cgroup;
  bool goes_on = waits && !manual; // once it is done Node's thread may have let it go on, and changed `manual`
  auto *header = reinterpret_cast<plan_header *>(plan.bytes.data());
  header->waits = waits ? 1 : 0;
  header->ignored = IgnoredSignals();
  int error = fits ? WritePlan() : 0;
  if (error != 0) {
    return Refuse({error, "send", ""});
  }
  Start(stack);
  plan.fds.clear();
  Finish();
  if (phase == nullptr && goes_on && fits) {
    Proceed(); // for which there is room
  }
  PrepareImage(); // while nsinit is at work
  // From here on a hang-up tells of the end, to writers too: a task that was killed does not read.
  theirs_.Reset();
  if (phase == nullptr && !fits) {
    error = WritePlan();
    error != 0 ? GiveUp(error) : goes_on ? Proceed() : void();
  }
  plan.bytes = {};
  SetIdle();
}

void Launch::Proceed() {
  int error = SendPacket(control.get(), "", 1);
  if (error != 0) {
    GiveUp(error);
  }
}

// The task waits for a plan that could not be sent: closing the connection ends it. A task that does not read any more
// has been killed, and its end tells that.
void Launch::GiveUp(int error) {
  Lock lock(&mutex_);
  send_error_ = error == EPIPE || error == ECONNRESET ? 0 : error;
  shutdown(control.get(), SHUT_RDWR);
}

std::optional<Failure> Launch::unsent() {
  Lock lock(&mutex_);
  return send_error_ == 0 ? std::nullopt : std::optional<Failure>({send_error_, "send", ""});
}

void Launch::CloseControl() {
  Lock lock(&mutex_);
  if (idle_) {
    control.Reset();
  } else {
    shutdown(control.get(), SHUT_RDWR);
  }
}

void Launch::SetIdle() {
  Lock lock(&mutex_);
  idle_ = true;
}

void Launch::Refuse(Failure why) {
  Fail("prepare", std::move(why));
  Finish();
  theirs_.Reset();
  SetIdle();
}

int Launch::WritePlan() {
  size_t sent = sizeof(plan_header);
  int error = SendPacket(control.get(), plan.bytes.data(), sent);
  while (error == 0 && sent < plan.bytes.size()) {
    size_t size = std::min<size_t>(plan.bytes.size() - sent, PLAN_PACKET_BYTES);
    error = SendPacket(control.get(), plan.bytes.data() + sent, size);
    sent += size;
  }
  return error;
}

bool Launch::Cancel() {
  Lock lock(&mutex_);
  cancelled_ = true;
  if (done_ && pidfd) {
    KillChild(pidfd.get(), pid);
  }
  return done_;
}

bool Launch::cancelled() {
  Lock lock(&mutex_);
  return cancelled_;
}

bool Launch::done() {
  Lock lock(&mutex_);
  return done_;
}

void Launch::Start(const Stack &stack) {
  if (cancelled()) {
    return Fail("killed", {0, "clone3", ""});
  }
  if (stack.base == nullptr) {
    return Fail("prepare", {ENOMEM, "mmap", ""});
  }
  Result<Fd> image = TakeImage();
  if (!image) {
    return Fail("prepare", image.failure());
  }
  child_plan child = {};
  child.clone_flags = clone_flags;
  child.image = image.value().get();
  child.set_tid = set_tid.data();
  child.set_tid_size = set_tid.size();
  child.cgroup = cgroup ? cgroup.get() : -1;
  child.root_map = uid_map.data();
  child.root_map_size = IsRootMap(uid_map) ? uid_map.size() : 0;
  child.control = theirs_.get();
  child.fds = plan.numbers.data();
  child.fd_count = plan.numbers.size();
  child.stack = stack.base;
  child.stack_size = stack.size;
  child.launcher_lives = stack.lives;
  SetLauncher(stack.thread);
  long result = Clone(&child);
  if (result >= 0 && child.began == 0 && child.cgroup >= 0) {
    // Since Linux 6.14, and in stable releases of that time, the kernel kills a task that is born into another cgroup
    // if cgroup.kill (cgroups(7)) has been used more often in one of the two cgroups than in the other: it takes that
    // for a fork which a kill has missed.
    WaitPidfd(Fd(child.pidfd).get(), 0);
    child.cgroup = -1;
    result = Clone(&child);
  }
  SetLauncher(0);
  if (result < 0) {
    const char *call = child.failed != nullptr ? child.failed : child.legacy != 0 ? "clone" : "clone3";
    return Fail("clone", {static_cast<int>(-result), call, ""});
  }
  pid = static_cast<pid_t>(result);
  pidfd.Reset(child.pidfd);
  if (child.error != 0) {
    return Fail("exec", {static_cast<int>(-child.error), child.failed, "nsinit"});
  }
  if (cgroup && (child.legacy != 0 || child.cgroup < 0) && !MoveToCgroup()) {
    return Fail("cgroup", Failure::Last("write", "cgroup.procs"));
  }
  // user_namespaces(7): gid_map of an unprivileged writer only after setgroups has been denied.
  WriteProcFile("setgroups", setgroups) && (child.is_root != 0 || WriteProcFile("uid_map", uid_map)) &&
      WriteProcFile("gid_map", gid_map);
}

void Launch::SetLauncher(pid_t thread) {
  Lock lock(&mutex_);
  launcher_ = thread;
}

// Until then it has the launcher's name. This looks for the last child of that thread; the other children have other
// names. It is not reaped before the launcher goes on.
pid_t Launch::FindHeldChild() {
  Lock lock(&mutex_);
  if (launcher_ == 0) {
    return 0;
  }
  for (pid_t child : ChildrenOfThread(getpid(), launcher_)) {
    if (NameOf(child) == kLaunchThreadName && AnyHeld({child})) {
      return child;
    }
  }
  return 0;
}

// If somebody has killed the task meanwhile, it has no files in /proc, or none of ours: then that is the reason.
void Launch::FailMap(const char *file, Failure why) {
  if (!HasEnded(pidfd.get())) {
    return Fail(file, std::move(why));
  }
  signal = WaitPidfd(pidfd.get(), 0).signal;
  pidfd.Reset();
  Fail("killed", {0, why.syscall, ""});
}

// Moves the task into the cgroup where clone3 could not create it there: cgroups(7). The plan waits meanwhile.
bool Launch::MoveToCgroup() {
  Fd procs(openat(cgroup.get(), "cgroup.procs", O_WRONLY | O_CLOEXEC));
  std::string text = std::to_string(pid);
  return procs && write(procs.get(), text.data(), text.size()) >= 0;
}

// Nothing is left of a task that failed.
void Launch::Fail(const char *at, Failure why) {
  phase = at;
  failure = std::move(why);
  if (pidfd) {
    KillChild(pidfd.get(), pid);
    WaitPidfd(pidfd.get(), 0);
    pidfd.Reset();
  }
}

// Each of these files takes its text in one write only: user_namespaces(7).
bool Launch::WriteProcFile(const char *file, const std::string &text) {
  if (text.empty()) {
    return true;
  }
  std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  Fd fd = OpenAfterExec(path);
  if (!fd) {
    FailMap(file, Failure::Last("open", path));
    return false;
  }
  if (write(fd.get(), text.data(), text.size()) < 0) {
    FailMap(file, Failure::Last("write", path));
    return false;
  }
  return true;
}

// It is done under the lock, so that either this sees the cancellation, or Cancel() sees that it is done.
void Launch::Finish() {
  Lock lock(&mutex_);
  done_ = true;
  if (cancelled_ && pidfd) {
    KillChild(pidfd.get(), pid);
  }
}

} // namespace linux_ns
