// Starts a task: a launch is made from the request, and is handed to a thread that clones.
#include <fcntl.h>

#include "../../plan/plan.h"
#include "../descriptors.h"
#include "../environment_job.h"
#include "../reaper.h"
#include "../throw.h"
#include "task.h"

namespace linux_ns {
namespace {

constexpr uint64_t kLookAfter = 1000; // milliseconds, in which a start is over unless somebody holds it up

std::string OptionalString(const Napi::Object &object, const char *name) {
  Napi::Value value = object.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
}

// In a Worker that is being terminated a property may not be readable: it is an empty value, which cannot even be
// converted.
uint64_t OptionalNumber(const Napi::Object &object, const char *name) {
  Napi::Value value = object.Get(name);
  return value.IsNumber() ? static_cast<uint64_t>(value.As<Napi::Number>().Int64Value()) : 0;
}

std::vector<int> OptionalNumbers(const Napi::Object &object, const char *name) {
  std::vector<int> numbers;
  Napi::Value value = object.Get(name);
  if (value.IsArray()) {
    Napi::Array list = value.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
      Napi::Value number = list.Get(i);
      numbers.push_back(number.IsNumber() ? number.As<Napi::Number>().Int32Value() : 0);
    }
  }
  return numbers;
}

bool BooleanOr(const Napi::Object &object, const char *name, bool otherwise) {
  Napi::Value value = object.Get(name);
  return value.IsBoolean() ? value.As<Napi::Boolean>().Value() : otherwise;
}

} // namespace

bool Task::Begin(const Napi::Object &request, const Napi::Function &callback) {
  launch_ = std::shared_ptr<Launch>(new Launch()); // make_shared without RTTI takes a symbol of libstdc++ 9
  launch_->clone_flags = OptionalNumber(request, "flags");
  launch_->set_tid = OptionalNumbers(request, "setTid");
  launch_->setgroups = OptionalString(request, "setgroups");
  launch_->uid_map = OptionalString(request, "uidMap");
  launch_->gid_map = OptionalString(request, "gidMap");
  launch_->manual = BooleanOr(request, "manual", false);
  dies_with_environment_ = BooleanOr(request, "dieWithEnvironment", true);
  Napi::Value cgroup = request.Get("cgroup");
  if (cgroup.IsNumber()) {
    launch_->cgroup.Reset(fcntl(cgroup.As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, PLAN_FIRST_FD));
    if (!launch_->cgroup) {
      ThrowSystem(Env(), Failure::Last("fcntl"));
      return false;
    }
  }
  if (!EncodePlan(Env(), request.Get("steps"), &launch_->plan)) {
    return false;
  }
  std::optional<Failure> failure = launch_->MakeControl();
  if (failure) {
    ThrowSystem(Env(), *failure);
    return false;
  }
  // If the plan makes nsinit send no reports, Node wakes only for the hang-up: the exec, a failure, or the end.
  int events = launch_->plan.talks ? UV_READABLE : UV_DISCONNECT;
  int error = control_poll_.Open(environment_, launch_->control.get(), events, referenced_, [this] { OnControl(); });
  if (error != 0) {
    ThrowSystem(Env(), {-error, "epoll_ctl", ""});
    return false;
  }
  callback_ = Napi::Persistent(callback);
  context_ = std::make_unique<Napi::AsyncContext>(Env(), "LinuxNamespaceTask", Value());
  environment_->Add(this);
  timer_.Start(environment_, kLookAfter, [this] { LookForHeld(); });
  Ref();
  HandOver();
  return true;
}

void Task::HandOver() {
  std::shared_ptr<Launch> launch = launch_;
  Environment *environment = environment_;
  std::function<void()> cloned;
  if (launch_->manual) {
    // The task may have come to its end, and be gone, before this runs.
    cloned = [this, launch, environment] {
      if (environment->IsOpen(this) && launch_ == launch) {
        OnCloned();
      }
    };
  }
  bool submitted =
      Submit(std::make_unique<EnvironmentJob>(environment_, [launch, environment, cloned](const Stack &stack) {
        launch->Run(stack);
        if (cloned) {
          environment->Post(cloned);
        }
      }));
  if (!submitted) {
    launch_->Refuse({EAGAIN, "pthread_create", ""});
  }
}

// Takes over the results of the thread that cloned. False while it is not done.
bool Task::Adopt() {
  if (adopted_) {
    return true;
  }
  if (!launch_->done()) {
    return false;
  }
  adopted_ = true;
  if (launch_->phase != nullptr) {
    const Failure &failure = launch_->failure;
    failed_.reset(new Failed{launch_->phase, failure.error, failure.syscall, failure.path});
    failed_->signal = launch_->signal;
    return true;
  }
  Watch(std::move(launch_->pidfd), launch_->pid);
  return true;
}

void Task::OnCloned() {
  Napi::HandleScope scope(Env());
  // A failure, or an end, is told by the socket.
  if (!finished_ && Adopt() && failed_ == nullptr) {
    EmitType("cloned");
  }
}

// A process that cannot be watched (no memory or descriptors left for epoll) is not kept.
void Task::Watch(Fd pidfd, pid_t pid) {
  processes_.push_back(std::make_unique<Process>());
  Process *process = processes_.back().get();
  process->pidfd = std::move(pidfd);
  process->pid = pid;
  SetKnown(pid, true);
  if (!MayHaveForked()) {
    launch_->unknown.End();
  }
  int error = process->poll.Open(environment_, process->pidfd.get(), UV_READABLE, referenced_,
                                 [this, process] { OnProcess(process); });
  if (error != 0) {
    KillChild(process->pidfd.get(), process->pid);
    process->end = WaitPidfd(process->pidfd.get(), 0);
    process->poll.Close();
    process->pidfd.Reset();
    SetKnown(pid, false); // the pid may be another's from here on
  }
}

} // namespace linux_ns
