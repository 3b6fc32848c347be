// A task as JavaScript sees it: the things that it can ask of a task and do to it.
#include "task.h"

#include "../export.h"
#include "../awaited.h"
#include "../descriptors.h"
#include "../environment_job.h"
#include "../proc.h"
#include "../throw.h"

namespace linux_ns {

void Task::Init(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = DefineClass(env, "NativeTask",
                                           {
                                               InstanceAccessor<&Task::GetPid>("pid"),
                                               InstanceAccessor<&Task::GetPidfd>("pidfd"),
                                               InstanceAccessor<&Task::GetInitPid>("initPid"),
                                               InstanceMethod<&Task::Proceed>("proceed"),
                                               InstanceMethod<&Task::Kill>("kill"),
                                               InstanceMethod<&Task::End>("end"),
                                               InstanceMethod<&Task::ReleaseHolder>("release"),
                                               InstanceMethod<&Task::EndByInit>("endByInit"),
                                               InstanceMethod<&Task::TellUsage>("usage"),
                                               InstanceMethod<&Task::Drain>("drain"),
                                               InstanceMethod<&Task::Namespace>("namespace"),
                                               InstanceMethod<&Task::RefLoop>("ref"),
                                               InstanceMethod<&Task::UnrefLoop>("unref"),
                                           });
  Environment::Of(env)->Constructor("NativeTask") = Napi::Persistent(constructor);
  Export<&Task::LaunchFunction>(env, exports, "launch");
}

Task::Task(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Task>(info), environment_(Environment::Of(info.Env())) {}

Napi::Value Task::LaunchFunction(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsFunction()) {
    Napi::TypeError::New(env, "launch(request, callback)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  Napi::Object object = Environment::Of(env)->Constructor("NativeTask").New({});
  Task *task = UnwrapNew<Task>(object);
  if (task == nullptr) {
    return env.Undefined();
  }
  if (!task->Begin(info[0].As<Napi::Object>(), info[1].As<Napi::Function>())) {
    task->launch_.reset(); // the descriptors made so far: not only when this object is collected
    return env.Undefined();
  }
  return object;
}

int Task::TargetPidfd() const {
  if (program_pidfd_) {
    return program_pidfd_.get();
  }
  return Main() == nullptr ? -1 : Main()->pidfd.get();
}

pid_t Task::TargetPid() const {
  if (program_pid_ != 0) {
    return program_pid_;
  }
  return Main() == nullptr ? 0 : Main()->pid;
}

Napi::Value Task::GetPid(const Napi::CallbackInfo &info) { return Napi::Number::New(info.Env(), TargetPid()); }

Napi::Value Task::GetPidfd(const Napi::CallbackInfo &info) { return Napi::Number::New(info.Env(), TargetPidfd()); }

Napi::Value Task::GetInitPid(const Napi::CallbackInfo &info) {
  return Napi::Number::New(info.Env(), is_init_ && Main() != nullptr ? Main()->pid : 0);
}

void Task::Proceed(const Napi::CallbackInfo &) {
  if (finished_ || !adopted_ || !launch_->manual) {
    return;
  }
  launch_->manual = false;
  launch_->Proceed();
}

Napi::Value Task::Kill(const Napi::CallbackInfo &info) {
  int pidfd = TargetPidfd();
  int error = pidfd < 0 ? ESRCH : SignalPidfd(pidfd, IntArgument(info, 0));
  return Napi::Number::New(info.Env(), error);
}

void Task::End(const Napi::CallbackInfo &) {
  if (!finished_ && launch_->Cancel() && Adopt()) {
    KillAll();
    ExpectEnd();
  }
}

void Task::ReleaseHolder(const Napi::CallbackInfo &) {
  if (!finished_ && started_ && !is_init_) {
    CloseControl();
  }
}

// The init hears of the end of the line: watch_line() of nsinit.
void Task::EndByInit(const Napi::CallbackInfo &) {
  if (!finished_ && started_ && is_init_) {
    line_poll_.Close();
    launch_->line.Reset();
    ExpectEnd();
  }
}

// It is asked of the init, of which all others descend. The job holds a pid: at worst it is told of another process,
// which JavaScript does not hear, as the task has ended then.
void Task::TellUsage(const Napi::CallbackInfo &info) {
  if (!info[0].IsFunction()) {
    Napi::TypeError::New(Env(), "usage(callback)").ThrowAsJavaScriptException();
    return;
  }
  Environment *environment = environment_;
  bool in_proportion = BooleanArgument(info, 1);
  Awaited awaited = Await(environment, info[0].As<Napi::Function>());
  pid_t pid = !finished_ && is_init_ && Main() != nullptr ? Main()->pid : 0;
  auto tell = [environment, awaited](TreeUsage usage) {
    environment->Post([environment, awaited, usage] {
      Napi::Env env = awaited->Env();
      Napi::HandleScope scope(env);
      CallAwaited(environment, awaited,
                  {Napi::Number::New(env, static_cast<double>(usage.processes)), Napi::Number::New(env, usage.cpu),
                   Napi::Number::New(env, usage.resident)});
    });
  };
  auto job = std::make_unique<EnvironmentJob>(environment, [pid, in_proportion, tell](const Stack &) {
    tell(pid == 0 ? TreeUsage() : UsageBelow(pid, in_proportion));
  });
  if (!Submit(std::move(job))) {
    tell(TreeUsage());
  }
}

Napi::Value Task::Drain(const Napi::CallbackInfo &info) {
  if (!finished_ && Adopt()) {
    DrainControl();
  }
  return Napi::Boolean::New(info.Env(), finished_ || hung_up_);
}

Napi::Value Task::Namespace(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  // The namespace is asked of the program: an ordinary user cannot look into an init that has joined namespaces first.
  if (TargetPidfd() < 0) {
    ThrowSystem(env, {ESRCH, "ioctl", ""});
    return env.Undefined();
  }
  Result<Fd> fd = OpenNamespaceOf(TargetPidfd(), TargetPid(), static_cast<uint64_t>(IntArgument(info, 0)));
  if (!fd) {
    ThrowSystem(env, fd.failure());
    return env.Undefined();
  }
  return GiveFd(env, std::move(fd.value()));
}

void Task::RefLoop(const Napi::CallbackInfo &) { Reference(true); }

void Task::UnrefLoop(const Napi::CallbackInfo &) { Reference(false); }

void Task::Reference(bool referenced) {
  referenced_ = referenced;
  control_poll_.Reference(referenced);
  for (const std::unique_ptr<Process> &process : processes_) {
    process->poll.Reference(referenced);
  }
}

} // namespace linux_ns
