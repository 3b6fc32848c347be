// The events of a task that JavaScript is told of: TaskEvent of types/native.d.ts.
#include <sys/wait.h>

#include <csignal>

#include "../throw.h"
#include "task.h"

namespace linux_ns {

void Task::Emit(const Napi::Object &event) {
  if (callback_.IsEmpty()) {
    return;
  }
  Napi::Env env = Env();
  callback_.MakeCallback(Value(), {event}, *context_);
  TellUncaught(env);
}

void Task::EmitType(const char *type) {
  Napi::Object event = Napi::Object::New(Env());
  event.Set("type", type);
  Emit(event);
}

void Task::EmitFailed(const Failed &failed) {
  Napi::Env env = Env();
  Napi::Object failure = Napi::Object::New(env);
  failure.Set("phase", failed.phase);
  failure.Set("errno", failed.error);
  failure.Set("syscall", failed.syscall);
  failure.Set("step", failed.step);
  if (!failed.path.empty()) {
    failure.Set("path", failed.path);
  }
  if (!failed.detail.empty()) {
    failure.Set("detail", failed.detail);
  }
  if (failed.signal != 0) {
    failure.Set("signal", failed.signal);
  }
  Napi::Object event = Napi::Object::New(env);
  event.Set("type", "failed");
  event.Set("failure", failure);
  Emit(event);
}

// In the order of ResourceNumbers in types/native.d.ts: getrusage(2).
Napi::Value Task::UsageOf(const rusage &usage) {
  constexpr double kSecond = 1e6;
  const double numbers[] = {
      static_cast<double>(usage.ru_utime.tv_sec) * kSecond + static_cast<double>(usage.ru_utime.tv_usec),
      static_cast<double>(usage.ru_stime.tv_sec) * kSecond + static_cast<double>(usage.ru_stime.tv_usec),
      static_cast<double>(usage.ru_maxrss),
      static_cast<double>(usage.ru_minflt),
      static_cast<double>(usage.ru_majflt),
      static_cast<double>(usage.ru_inblock),
      static_cast<double>(usage.ru_oublock),
      static_cast<double>(usage.ru_nvcsw),
      static_cast<double>(usage.ru_nivcsw),
  };
  Napi::Array list = Napi::Array::New(Env());
  for (double number : numbers) {
    list.Set(list.Length(), Napi::Number::New(Env(), number));
  }
  return list;
}

// An init tells how its program ended. If it was killed before it could, only its own end is known.
void Task::EmitExit() {
  Napi::Env env = Env();
  const Ended &own = Main()->end;
  int code = own.code;
  int signal = own.signal;
  if (init_reported_ && own.signal == 0) {
    code = WIFEXITED(init_status_) ? WEXITSTATUS(init_status_) : -1;
    signal = WIFSIGNALED(init_status_) ? WTERMSIG(init_status_) : 0;
  }
  // If an init has ended without telling the end of its program, the program has ended with it: the kernel kills all
  // that is left in a pid namespace.
  if (launch_->plan.has_init && !init_reported_ && own.signal == 0) {
    signal = SIGKILL;
  }
  Napi::Object event = Napi::Object::New(env);
  // A plan that came to its end has succeeded, whatever ended nsinit then.
  if (done_) {
    code = 0;
    signal = 0;
  }
  event.Set("type", "exit");
  event.Set("usage", UsageOf(own.usage));
  event.Set("code", signal == 0 ? Napi::Value::From(env, code) : env.Null());
  event.Set("signal", signal != 0 ? Napi::Value::From(env, signal) : env.Null());
  Emit(event);
}

} // namespace linux_ns
