// The reports that nsinit sends on its way: src/plan/plan.h.
#include <unistd.h>

#include <cstring>

#include "../../plan/plan.h"
#include "../children.h"
#include "../control.h"
#include "../descriptors.h"
#include "../reaper.h"
#include "task.h"

namespace linux_ns {
namespace {

constexpr int kMostFailedReceives = 16;

} // namespace

void Task::OnControl() {
  Napi::HandleScope scope(Env());
  if (!Adopt()) {
    return;
  }
  DrainControl();
  MaybeFinish();
}

void Task::OnProcess(Process *process) {
  Napi::HandleScope scope(Env());
  // Reports that it sent before it ended still count.
  DrainControl();
  if (process == Main() && exec_seen_ && StartIsPending() && HasEnded(process->pidfd.get())) {
    JudgeEnd(*process);
  }
  process->end = WaitPidfd(process->pidfd.get(), WNOHANG);
  if (process->end.ended) {
    process->poll.Close();
    process->pidfd.Reset();
    SetKnown(process->pid, false);
    if (process == Main()) {
      TakeLastWord();
    }
  }
  MaybeFinish();
}

// Only nsinit has the socket, before any program of the user's has run: src/plan/plan.h. Nevertheless nothing is
// believed that can be checked.
void Task::DrainControl() {
  Packet packet;
  while (launch_->control && !hung_up_) {
    Receive(launch_->control.get(), &packet);
    if (packet.size < 0 && errno == EAGAIN) {
      return;
    }
    // Nothing was taken out of the queue, and its messages may be the only ones that ever tell of a child. If a hang-up
    // with unread messages is the cause, the next read gives the end.
    if (packet.size < 0 && failed_receives_++ < kMostFailedReceives) {
      continue;
    }
    if (IsHangUp(packet)) {
      return HangUp();
    }
    if (packet.size < 0) {
      return Break("recvmsg", errno, -1);
    }
    if (!packet.IsReport()) {
      Break("recvmsg", EBADMSG, -1);
      continue;
    }
    plan_report report = packet.Report();
    // This process has as many descriptors as it may: without the one that was sent it cannot go on.
    if (packet.lost) {
      Break("recvmsg", EMFILE, static_cast<int>(report.step));
      continue;
    }
    Handle(report, packet.data(), packet.data_size(), std::move(packet.fd), packet.sender);
  }
}

// nsinit has left messages unread: ECONNRESET, unix(7).
bool Task::IsHangUp(const Packet &packet) const {
  return packet.size == 0 || (packet.size < 0 && (errno == ECONNRESET || errno == EPIPE));
}

// The task cannot succeed any more, and no message counts but one that tells of a child.
void Task::Break(const char *syscall, int error, int step) {
  if (failed_ == nullptr) {
    failed_.reset(new Failed{step < 0 ? "prepare" : "step", error, syscall});
    failed_->step = step;
  }
  broken_ = true;
  KillAll();
}

bool Task::IsOurs(pid_t pid) const {
  for (const std::unique_ptr<Process> &process : processes_) {
    if (process->pid == pid) {
      return true;
    }
  }
  return false;
}

// The child of an init is not known before it sends its first message.
bool Task::MaySpeak(pid_t sender) const {
  static const pid_t own = getpid();
  return IsOurs(sender) || (launch_->plan.has_init && sender > 0 && sender != own);
}

// A sender that is a child of this process, and of which nothing is known yet, is the child that nsinit has forked.
void Task::Handle(const plan_report &report, const char *data, size_t size, Fd fd, pid_t sender) {
  if (MayHaveForked() && !IsOurs(sender) && !IsKnown(sender) && IsOwnChild(sender)) {
    TakeChild(report, sender);
  }
  if (broken_ || !MaySpeak(sender)) {
    return;
  }
  Napi::Env env = Env();
  switch (report.kind) {
    case REPORT_FORKED:
      return;
    case REPORT_FAILED:
      return TakeFailure(report, data, size);
    case REPORT_EXEC:
      return TakeExec(report, std::move(fd), sender);
    case REPORT_READY:
      if (launch_->plan.stays && !launch_->plan.has_init && sender == Main()->pid) {
        is_init_ = report.value != 0;
        hung_up_ = true;
        StopListening();
        TellStarted("ready");
      }
      return;
    case REPORT_DONE:
      done_ = sender == Main()->pid;
      return;
    case REPORT_FD:
    case REPORT_POINT: {
      if (!fd) {
        return;
      }
      Napi::Object event = Napi::Object::New(env);
      event.Set("type", report.kind == REPORT_FD ? "fd" : "point");
      event.Set("fd", GiveFd(env, std::move(fd)));
      return Emit(event);
    }
    case REPORT_DATA: {
      Napi::Object event = Napi::Object::New(env);
      event.Set("type", "data");
      event.Set("data", Napi::Buffer<char>::Copy(env, data, size));
      return Emit(event);
    }
  }
}

// A child of ours that is not yet reaped keeps its pid.
void Task::TakeChild(const plan_report &report, pid_t pid) {
  sought_ = false; // it may have forked in its turn
  Result<Fd> pidfd = OpenPidfd(pid);
  if (!pidfd) {
    unwatched_.push_back(pid);
    return Break("pidfd_open", pidfd.failure().error, static_cast<int>(report.step));
  }
  Watch(std::move(pidfd.value()), pid);
  if (failed_ != nullptr || launch_->cancelled()) {
    KillAll();
  }
}

void Task::TakeExec(const plan_report &report, Fd fd, pid_t sender) {
  if (exec_seen_) {
    return;
  }
  if (launch_->plan.has_init) {
    if (!fd || !IsPidfdOf(fd.get(), sender, Main()->pid)) {
      return Break("recvmsg", EBADMSG, static_cast<int>(report.step));
    }
    is_init_ = true;
    program_pid_ = sender;
    program_pidfd_ = std::move(fd);
  } else if (sender != Main()->pid) {
    return;
  }
  exec_seen_ = true;
  exec_step_ = report.step;
}

void Task::TakeFailure(const plan_report &report, const char *data, size_t size) {
  if (failed_ != nullptr) {
    return;
  }
  failed_.reset(new Failed{"step", report.error, report.syscall});
  failed_->step = static_cast<int>(report.step);
  KillAll(); // it ends by itself, unless somebody keeps it from that
  const std::vector<int> &forks = launch_->plan.forks;
  fork_failed_ = processes_.size() <= forks.size() && failed_->step <= forks[processes_.size() - 1];
  const char *path_end = static_cast<const char *>(memchr(data, '\0', size));
  if (path_end == nullptr) {
    return;
  }
  failed_->path.assign(data, path_end);
  const char *detail = path_end + 1;
  const char *detail_end = static_cast<const char *>(memchr(detail, '\0', data + size - detail));
  if (detail_end != nullptr) {
    failed_->detail.assign(detail, detail_end);
  }
}

} // namespace linux_ns
