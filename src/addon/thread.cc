// The calling thread: its credentials, and the one exception to invariant 1. A Worker that asks for it moves its own
// thread; lib/thread says what that means.
#include <linux/capability.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "descriptors.h"
#include "export.h"
#include "threads.h"
#include "namespaces.h"
#include "socket_in.h"
#include "throw.h"

namespace linux_ns {
namespace {

// The number of the call on all architectures, and LANDLOCK_CREATE_RULESET_VERSION: older systems' headers lack them.
constexpr long kLandlockCreateRuleset = 444;
constexpr unsigned kLandlockVersion = 1;

Napi::Value Credentials(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) < 0) {
    ThrowSystem(env, Failure::Last("capget"));
    return env.Undefined();
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("uid", Napi::Number::New(env, geteuid()));
  result.Set("gid", Napi::Number::New(env, getegid()));
  uint64_t effective = data[0].effective | static_cast<uint64_t>(data[1].effective) << 32;
  result.Set("capabilities", Napi::BigInt::New(env, effective));
  return result;
}

Napi::Value LandlockVersion(const Napi::CallbackInfo &info) {
  long version = syscall(kLandlockCreateRuleset, nullptr, 0, kLandlockVersion);
  if (version < 0) {
    ThrowSystem(info.Env(), Failure::Last("landlock_create_ruleset"));
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), static_cast<double>(version));
}

void UnshareThread(const Napi::CallbackInfo &info) {
  StartAllThreads();
  StartVisitor();
  if (unshare(IntArgument(info, 0)) < 0) {
    ThrowSystem(info.Env(), Failure::Last("unshare"));
  }
}

// A thread that shares its root and working directory (CLONE_FS) may not join a mount namespace: setns(2).
void SetnsThread(const Napi::CallbackInfo &info) {
  int flag = IntArgument(info, 1);
  StartAllThreads();
  StartVisitor();
  if (flag == CLONE_NEWNS && unshare(CLONE_FS) < 0) {
    return ThrowSystem(info.Env(), Failure::Last("unshare"));
  }
  if (setns(IntArgument(info, 0), flag) < 0) {
    ThrowSystem(info.Env(), Failure::Last("setns"));
  }
}

} // namespace

void InitThread(Napi::Env env, Napi::Object exports) {
  Export<Credentials>(env, exports, "credentials");
  Export<LandlockVersion>(env, exports, "landlockVersion");
  Export<UnshareThread>(env, exports, "unshareThread");
  Export<SetnsThread>(env, exports, "setnsThread");
}

} // namespace linux_ns
