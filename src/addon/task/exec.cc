// Finds out that the program runs. An exec that succeeds is reported by nobody, because nsinit does not survive it.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "../../plan/plan.h"
#include "../held.h"
#include "../proc.h"
#include "../reaper.h"
#include "task.h"

namespace linux_ns {
namespace {

constexpr uint64_t kExecTakes = 1;        // milliseconds, the rest of an exec under way
constexpr int kMostLooks = 1000;          // at an exec under way: a second, which none takes
constexpr uint64_t kInitTakes = 100;      // milliseconds, in which an init ends unless somebody holds it up
constexpr unsigned kIsEnding = 0x4;       // PF_EXITING
constexpr unsigned kHasForkedOnly = 0x40; // PF_FORKNOEXEC: the kernel takes it away at the exec, for ever

} // namespace

// The descriptor was close-on-exec. After the report "exec is next", its end means that the exec has succeeded, or that
// the task has died just before.
void Task::HangUp() {
  hung_up_ = true;
  StopListening();
  if (!exec_seen_ && !done_) {
    KillAll(); // it has not said what it was to say, and can't any more
  }
  JudgeExec();
}

// The exec gives the task another name, shortly after it has closed the descriptor. A name does not change any more
// when the task dies. So a task that still has the old name is in the middle of its exec, or will never be the program.
void Task::JudgeExec() {
  if (!exec_seen_ || !StartIsPending() || TargetPidfd() < 0) {
    return;
  }
  std::string name = NameOf(TargetPid());
  // The init has waited for it, and its pid may belong to another process now: then the init tells.
  if (program_pidfd_ && SignalPidfd(program_pidfd_.get(), 0) == ESRCH) {
    return;
  }
  if (name != launch_->plan.ExecName() || looks_++ == kMostLooks) {
    return TellStarted("started");
  }
  if (!HasEnded(TargetPidfd())) {
    timer_.Start(environment_, kExecTakes, [this] {
      Napi::HandleScope scope(Env());
      JudgeExec();
    });
  }
}

// The task that was to become the program has ended, or its init has. The hang-up may come later: another task that is
// being started meanwhile has a copy of every descriptor until its own exec. So the name tells, while it is a zombie.
void Task::JudgeEnd(const Process &process) {
  if (launch_->plan.has_init) {
    return;
  }
  // Programs beside it may see its name, and may give themselves that name. If nsinit has forked, the kernel knows
  // more.
  bool forked = processes_.size() > 1;
  if (NameOf(process.pid) != launch_->plan.ExecName() ||
      (forked && (StatOf(process.pid).flags & kHasForkedOnly) == 0)) {
    return TellStarted("started");
  }
  Ended end = WaitPidfd(process.pidfd.get(), WNOHANG | WNOWAIT);
  // Its exec has failed, and a filter or a lack of memory has prevented the report: fail_with() of nsinit.
  if (end.code > 0) {
    failed_.reset(new Failed{"step", end.code, "execve"});
    failed_->step = static_cast<int>(exec_step_);
  }
}

// Reads the line, once nobody can write to it any more who was able to before. Only one message counts.
void Task::TakeLastWord() {
  plan_report report;
  if (!is_init_ || !launch_->line || read(launch_->line.get(), &report, sizeof(report)) != sizeof(report) ||
      report.kind != REPORT_EXITED) {
    // It was killed before it could tell. The same kill may have ended the program in the middle of its exec.
    return is_init_ && exec_seen_ && StartIsPending() ? TellStarted("started") : void();
  }
  report.syscall[sizeof(report.syscall) - 1] = '\0';
  if (report.error != 0 && StartIsPending()) {
    failed_.reset(new Failed{"step", report.error, report.syscall});
    failed_->step = static_cast<int>(report.step);
    return;
  }
  init_reported_ = true;
  init_status_ = static_cast<int>(report.value);
  if (exec_seen_ && StartIsPending()) {
    TellStarted("started");
  }
}

void Task::TellStarted(const char *type) {
  if (started_ || failed_ != nullptr) {
    return;
  }
  started_ = true;
  launch_->unknown.End();
  timer_.Close();
  if (is_init_ && launch_->line) {
    // Watches for its end, because the pidfd tells that only when nobody holds the task up. If this cannot be watched,
    // End() does it.
    line_poll_.Open(environment_, launch_->line.get(), UV_DISCONNECT, false, [this] {
      line_poll_.Close();
      ExpectEnd();
    });
  }
  EmitType(type);
}

// For an init: it cannot end before the strangers in its namespace are reaped.
void Task::ExpectEnd() {
  if (!started_ || finished_ || !is_init_ || expects_end_) {
    return;
  }
  expects_end_ = true;
  timer_.Start(environment_, kInitTakes, [this] {
    if (!Main()->end.ended && (StatOf(Main()->pid).flags & kIsEnding) != 0) {
      ReapStrangers(Main()->pid, &strangers_);
    }
  });
}

// Programs that share the user and pid namespace with a starting task may stop it, and then nothing would ever be heard
// of it again: signal(7), ptrace(2). A task that is found stopped twice is ended.
void Task::LookForHeld() {
  Napi::HandleScope scope(Env());
  if (!StartIsPending()) {
    return timer_.Close();
  }
  if (seeking_) {
    return;
  }
  std::vector<pid_t> ours;
  if (Adopt()) {
    DrainControl(); // it may have told of a child, which Node does not wake for
    ours = Living();
    if (HasUnreported() && Main() != nullptr) {
      std::vector<pid_t> unreported = FindUnreported(launch_->pid);
      ours.insert(ours.end(), unreported.begin(), unreported.end());
    }
  } else if (pid_t child = launch_->FindHeldChild()) {
    ours.push_back(child);
  }
  if (!StartIsPending()) {
    return MaybeFinish();
  }
  bool was_held = held_;
  held_ = !ours.empty() && AnyHeld(ours);
  if (!held_ || !was_held) {
    return MaybeFinish(); // it may have been given up meanwhile
  }
  timer_.Close();
  failed_.reset(new Failed{"held"});
  KillHeldDescendants(ours);
  for (pid_t pid : ours) {
    kill(pid, SIGKILL); // a child of ours, not yet reaped
  }
  MaybeFinish();
}

} // namespace linux_ns
