// The one exception to invariant 1: a Worker that asks for it moves its own thread. lib/thread says what that means.
#include <sched.h>

#include "launcher.h"
#include "namespaces.h"
#include "throw.h"

namespace linux_ns {
namespace {

void UnshareThread(const Napi::CallbackInfo &info) {
  StartAllThreads();
  if (unshare(info[0].ToNumber().Int32Value()) < 0) {
    ThrowSystem(info.Env(), Failure::Last("unshare"));
  }
}

// A thread that shares its root and working directory (CLONE_FS) may not join a mount namespace: setns(2).
void SetnsThread(const Napi::CallbackInfo &info) {
  int flag = info[1].ToNumber().Int32Value();
  StartAllThreads();
  if (flag == CLONE_NEWNS && unshare(CLONE_FS) < 0) {
    return ThrowSystem(info.Env(), Failure::Last("unshare"));
  }
  if (setns(info[0].ToNumber().Int32Value(), flag) < 0) {
    ThrowSystem(info.Env(), Failure::Last("setns"));
  }
}

} // namespace

void InitThread(Napi::Env env, Napi::Object exports) {
  exports.Set("unshareThread", Napi::Function::New<UnshareThread>(env, "unshareThread"));
  exports.Set("setnsThread", Napi::Function::New<SetnsThread>(env, "setnsThread"));
}

} // namespace linux_ns
