// The end of a task, and of all that it has started: wait(2).
#include <csignal>

#include "../children.h"
#include "../environment_job.h"
#include "../held.h"
#include "../reaper.h"
#include "task.h"

namespace linux_ns {

void Task::StopListening() { control_poll_.Close(); }

// If nsinit only waits for its release, it ends then.
void Task::CloseControl() {
  StopListening();
  line_poll_.Close();
  timer_.Close();
  launch_->CloseControl();
  launch_->line.Reset();
}

bool Task::MayHaveForked() const { return processes_.size() <= launch_->plan.forks.size(); }

// True while it is possible that nsinit has forked and has not told of the child.
bool Task::HasUnreported() const { return !started_ && !fork_failed_ && MayHaveForked(); }

void Task::MaybeFinish() {
  if (finished_ || seeking_) {
    return;
  }
  for (const std::unique_ptr<Process> &process : processes_) {
    if (!process->end.ended) {
      return;
    }
  }
  if (Main() == nullptr) {
    return hung_up_ ? Finish() : void(); // there is none, or the launcher is not done with it
  }
  if (!HasUnreported() || sought_) {
    return Finish();
  }
  // The task was killed at its fork, and its child, if there is one, is ours to wait for. The child tells of itself, or
  // was killed as well, or cannot tell: it is frozen (cgroups(7)), stopped, or has no memory for it. Only if the task
  // has exited normally may the child's message still be on its way.
  bool exited_well = Main()->end.signal == 0 && Main()->end.code == 0;
  if (hung_up_ || failed_ != nullptr || launch_->cancelled() || !exited_well) {
    SeekChild();
  }
}

// All tasks that could fork have ended. So a child that is not found now has told of itself by then, or does not exist.
// Nothing more will come, whoever may still have the other end of the socket.
void Task::SeekChild() {
  sought_ = true;
  seeking_ = true;
  std::shared_ptr<Launch> launch = launch_;
  Environment *environment = environment_;
  std::vector<pid_t> unwatched;
  unwatched.swap(unwatched_);
  std::function<void()> done = [this, environment] {
    Napi::HandleScope scope(Env());
    environment->KeepAlive(-1);
    seeking_ = false;
    DrainControl();
    MaybeFinish();
  };
  environment->KeepAlive(1);
  auto seek = [launch, environment, unwatched, done](const Stack &) {
    for (pid_t pid : unwatched) {
      EndChild(pid);
    }
    ReapUnreported(launch->pid);
    environment->Post(done);
  };
  bool submitted = Submit(std::make_unique<EnvironmentJob>(environment_, seek));
  if (!submitted) {
    done();
  }
}

void Task::Finish() {
  finished_ = true;
  CloseControl();
  program_pidfd_.Reset();
  std::optional<Failure> unsent = launch_->unsent();
  if (failed_ == nullptr && !started_ && !done_ && unsent) {
    failed_.reset(new Failed{"prepare", unsent->error, unsent->syscall});
  }
  if (failed_ != nullptr) {
    EmitFailed(*failed_);
  } else if (started_ || done_) {
    EmitExit();
  } else {
    Failed killed = {"killed"};
    killed.signal = Main() == nullptr ? SIGKILL : Main()->end.signal;
    EmitFailed(killed);
  }
  Release();
}

// This is the last that is done with this object: it may be collected from here on.
void Task::Release() {
  environment_->Remove(this);
  callback_.Reset();
  context_.reset();
  launch_.reset();
  Unref();
}

// The task is killed at once, too: the launcher may be waiting for the task to read its plan, and need not.
void Task::CallOff() {
  if (!started_) {
    launch_->Cancel();
    KillAll();
  }
}

void Task::Shut() {
  Remains remains;
  if (!adopted_ && launch_->pidfd) {
    remains.pidfds.push_back(std::move(launch_->pidfd));
  }
  StopListening();
  line_poll_.Close();
  timer_.Close();
  for (const std::unique_ptr<Process> &process : processes_) {
    process->poll.Close();
    SetKnown(process->pid, false);
    if (process->pidfd) {
      remains.pidfds.push_back(std::move(process->pidfd));
    }
  }
  if (dies_with_environment_ || !started_) {
    for (const Fd &pidfd : remains.pidfds) {
      SignalPidfd(pidfd.get(), SIGKILL);
    }
  }
  if (is_init_ && dies_with_environment_ && !processes_.empty()) {
    remains.init = Main()->pid;
  }
  if (HasUnreported() && !hung_up_ && launch_->pid != 0) {
    remains.control = std::move(launch_->control);
    remains.first = launch_->pid;
  }
  processes_.clear();
  if (!remains.pidfds.empty() || remains.control) {
    Reap(std::move(remains));
  }
  Release();
}

std::vector<pid_t> Task::Living() const {
  std::vector<pid_t> pids;
  for (const std::unique_ptr<Process> &process : processes_) {
    if (!process->end.ended) {
      pids.push_back(process->pid);
    }
  }
  return pids;
}

// A helper that nsinit has started shares what nsinit holds, so it is killed as well.
void Task::KillAll() {
  if (!started_) {
    KillHeldDescendants(Living());
  }
  for (const std::unique_ptr<Process> &process : processes_) {
    if (process->pidfd) {
      KillChild(process->pidfd.get(), process->pid);
    }
  }
}

} // namespace linux_ns
