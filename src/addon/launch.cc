#include "launch.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "../plan/plan.h"
#include "child.h"
#include "image.h"
#include "pidfd.h"

namespace linux_ns {
namespace {

constexpr size_t kPlanThatFits = 64 << 10;
constexpr int kMostTries = 10000;
constexpr useconds_t kNap = 100; // microseconds

uint64_t SetSignalMask(uint64_t mask) {
  uint64_t previous = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &previous, sizeof(mask));
  return previous;
}

// False when nobody is there to read any more.
bool SendPacket(int control, const char *data, size_t size) {
  while (send(control, data, size, MSG_NOSIGNAL) < 0) {
    // The loop that watches this socket has made it non-blocking.
    pollfd writable = {control, POLLOUT, 0};
    if (errno == EAGAIN) {
      poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

long Clone(child_plan *child) {
  uint64_t mask = SetSignalMask(~UINT64_C(0));
  long result = child_clone(child);
  SetSignalMask(mask);
  return result;
}

// The files of a task in /proc belong to root while it is not dumpable: proc_pid(5). Linux 7 makes a task so for the
// duration of an exec (seen on 7.3), and the wait of CLONE_VFORK ends in the midst of it.
Fd OpenAfterExec(const std::string &path) {
  for (int tries = 1;; tries++) {
    Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd || errno != EACCES || tries == kMostTries) {
      return fd;
    }
    usleep(kNap);
  }
}

class Lock {
public:
  explicit Lock(uv_mutex_t *mutex) : mutex_(mutex) { uv_mutex_lock(mutex_); }
  ~Lock() { uv_mutex_unlock(mutex_); }

private:
  uv_mutex_t *mutex_;
};

} // namespace

// nsinit's end is to stay out of the way of PLAN_CONTROL_FD, which it becomes.
bool Launch::MakeControl() {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    return false;
  }
  control.Reset(pair[0]);
  // An init names its program by its credentials, which the kernel translates into our pid namespace: unix(7).
  int pass = 1;
  setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &pass, sizeof(pass));
  // For a plan that is sent before there is anybody to read it. A host may have set the default too low for that:
  // net.core.wmem_default, socket(7). The kernel takes each packet for somewhat more than its bytes.
  int room = 2 * kPlanThatFits;
  setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
  theirs_.Reset(pair[1]);
  if (theirs_.get() == PLAN_CONTROL_FD) {
    theirs_.Reset(fcntl(PLAN_CONTROL_FD, F_DUPFD_CLOEXEC, PLAN_FIRST_FD));
  }
  return static_cast<bool>(theirs_);
}

// A plan that fits into the socket's buffer is there before nsinit is, which then need not sleep until it comes. What
// it has to say before its end is not to be heard before the outcome is there: then it waits for a word, too.
void Launch::Run(const Stack &stack) {
  bool fits = plan.bytes.size() <= kPlanThatFits;
  bool has_maps = !setgroups.empty() || !uid_map.empty() || !gid_map.empty();
  bool waits = manual || has_maps || plan.talks || cgroup;
  bool goes_on = waits && !manual; // once it is done Node's thread may have let it go on, and changed `manual`
  reinterpret_cast<plan_header *>(plan.bytes.data())->waits = waits ? 1 : 0;
  if (fits) {
    WritePlan();
  }
  Start(stack);
  plan.fds.clear();
  Finish();
  if (phase == nullptr && goes_on && fits) {
    Proceed(); // for which there is room
  }
  PrepareImage(); // while nsinit is at work
  // From here on a hang-up tells, to those who write too: a task that is killed does not read.
  theirs_.Reset();
  if (phase == nullptr && !fits) {
    WritePlan();
    goes_on ? Proceed() : void();
  }
  plan.bytes = {};
  SetIdle();
}

void Launch::Proceed() { SendPacket(control.get(), "", 1); }

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

void Launch::WritePlan() {
  size_t sent = sizeof(plan_header);
  bool alive = SendPacket(control.get(), plan.bytes.data(), sent);
  while (alive && sent < plan.bytes.size()) {
    size_t size = std::min<size_t>(plan.bytes.size() - sent, PLAN_PACKET_BYTES);
    alive = SendPacket(control.get(), plan.bytes.data() + sent, size);
    sent += size;
  }
}

bool Launch::Cancel() {
  Lock lock(&mutex_);
  cancelled_ = true;
  if (done_ && pidfd) {
    SignalPidfd(pidfd.get(), SIGKILL);
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
  child.cgroup = cgroup ? cgroup.get() : -1;
  child.control = theirs_.get();
  child.fds = plan.numbers.data();
  child.fd_count = plan.numbers.size();
  child.stack = stack.base;
  child.stack_size = stack.size;
  child.launcher_lives = stack.lives;
  long result = Clone(&child);
  if (result >= 0 && child.began == 0 && child.cgroup >= 0) {
    // Since Linux 6.14, and stable releases of its time, a task that is born into another cgroup is killed where one of
    // the two has ever been (cgroup.kill, cgroups(7)) and the other not so often: that is taken for a fork that a kill
    // has missed.
    WaitPidfd(Fd(child.pidfd).get(), 0);
    child.cgroup = -1;
    result = Clone(&child);
  }
  if (result < 0) {
    return Fail("clone", {static_cast<int>(-result), child.legacy != 0 ? "clone" : "clone3", ""});
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
  WriteProcFile("setgroups", setgroups) && WriteProcFile("uid_map", uid_map) && WriteProcFile("gid_map", gid_map);
}

// A task that somebody has killed meanwhile has no files in /proc, or not ours: that is the reason then.
void Launch::FailMap(const char *file, Failure why) {
  pollfd end = {pidfd.get(), POLLIN, 0};
  if (poll(&end, 1, 0) == 0) {
    return Fail(file, std::move(why));
  }
  signal = WaitPidfd(pidfd.get(), 0).signal;
  pidfd.Reset();
  Fail("killed", {0, why.syscall, ""});
}

// Where clone3 could not give birth in it: cgroups(7). The plan waits meanwhile.
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
    SignalPidfd(pidfd.get(), SIGKILL);
    WaitPidfd(pidfd.get(), 0);
    pidfd.Reset();
  }
}

// Each of these files wants its text in one write: user_namespaces(7).
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

// Under the lock, so that either this sees the cancellation, or Cancel() sees that it is done.
void Launch::Finish() {
  Lock lock(&mutex_);
  done_ = true;
  if (cancelled_ && pidfd) {
    SignalPidfd(pidfd.get(), SIGKILL);
  }
}

} // namespace linux_ns
