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

uint64_t SetSignalMask(uint64_t mask) {
  uint64_t previous = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, &previous, sizeof(mask));
  return previous;
}

// nsinit's end is to stay out of the way of PLAN_CONTROL_FD, which it becomes.
bool MakeControl(Fd *ours, Fd *theirs) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    return false;
  }
  ours->Reset(pair[0]);
  theirs->Reset(pair[1]);
  if (theirs->get() == PLAN_CONTROL_FD) {
    theirs->Reset(fcntl(theirs->get(), F_DUPFD_CLOEXEC, PLAN_FIRST_FD));
  }
  return static_cast<bool>(*theirs);
}

void Fail(Launch *launch, const char *phase, Failure failure) {
  launch->phase = phase;
  launch->failure = std::move(failure);
  if (launch->pidfd) {
    SignalPidfd(launch->pidfd.get(), SIGKILL);
    WaitPidfd(launch->pidfd.get(), 0);
    launch->pidfd.Reset();
  }
}

// user_namespaces(7): each in one write; gid_map of an unprivileged writer only after setgroups has been denied.
bool WriteProcFile(Launch *launch, const char *file, const std::string &text) {
  if (text.empty()) {
    return true;
  }
  std::string path = "/proc/" + std::to_string(launch->pid) + "/" + file;
  Fd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) {
    Fail(launch, file, Failure::Last("open", path));
    return false;
  }
  if (write(fd.get(), text.data(), text.size()) < 0) {
    Fail(launch, file, Failure::Last("write", path));
    return false;
  }
  return true;
}

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

} // namespace

void SendPlan(int control, const Plan &plan) {
  size_t sent = sizeof(plan_header);
  bool alive = SendPacket(control, plan.bytes.data(), sent);
  while (alive && sent < plan.bytes.size()) {
    size_t size = std::min<size_t>(plan.bytes.size() - sent, PLAN_PACKET_BYTES);
    alive = SendPacket(control, plan.bytes.data() + sent, size);
    sent += size;
  }
}

void RunLaunch(Launch *launch, const Stack &stack) {
  if (launch->cancelled) {
    return Fail(launch, "killed", {0, "clone3", ""});
  }
  if (stack.base == nullptr) {
    return Fail(launch, "prepare", {ENOMEM, "mmap", ""});
  }
  Result<Fd> image = OpenImage();
  if (!image) {
    return Fail(launch, "prepare", image.failure());
  }
  Fd theirs;
  if (!MakeControl(&launch->control, &theirs)) {
    return Fail(launch, "prepare", Failure::Last("socketpair"));
  }
  child_plan child = {};
  child.clone_flags = launch->clone_flags;
  child.image = image.value().get();
  child.control = theirs.get();
  child.fds = launch->plan.numbers.data();
  child.fd_count = launch->plan.numbers.size();
  child.stack = stack.base;
  child.stack_size = stack.size;
  uint64_t mask = SetSignalMask(~UINT64_C(0));
  long pid = child_clone(&child);
  SetSignalMask(mask);
  launch->plan.fds.clear();
  if (pid < 0) {
    return Fail(launch, "clone", {static_cast<int>(-pid), "clone3", ""});
  }
  launch->pid = static_cast<pid_t>(pid);
  launch->pidfd.Reset(child.pidfd);
  if (child.error != 0) {
    return Fail(launch, "exec", {static_cast<int>(-child.error), "execveat", "nsinit"});
  }
  if (!WriteProcFile(launch, "setgroups", launch->setgroups) || !WriteProcFile(launch, "uid_map", launch->uid_map) ||
      !WriteProcFile(launch, "gid_map", launch->gid_map)) {
    return;
  }
  if (!launch->manual) {
    SendPlan(launch->control.get(), launch->plan);
  }
}

} // namespace linux_ns
