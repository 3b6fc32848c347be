#include "namespaces.h"

#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

#include "export.h"
#include "descriptors.h"
#include "fd.h"
#include "pidfd.h"
#include "status.h"
#include "throw.h"

namespace linux_ns {
namespace {

Napi::Value FdOrThrow(Napi::Env env, Result<Fd> fd) {
  if (!fd) {
    ThrowSystem(env, fd.failure());
    return env.Undefined();
  }
  return GiveFd(env, std::move(fd.value()));
}

// The reason why an ioctl of nsfs failed; called right after it. A namespace that does not know the request belongs to
// an emulated kernel, or to a kernel older than the request: ENOSYS. Any other file that does not know it is no
// namespace.
Failure RequestFailure(int fd) {
  Failure failure = Failure::Last("ioctl");
  struct statfs status;
  if (failure.error == ENOTTY && fstatfs(fd, &status) == 0 && status.f_type == NSFS_MAGIC) {
    failure.error = ENOSYS;
  }
  return failure;
}

// Opens a namespace that is related to this one, as a descriptor.
Napi::Value Related(const Napi::CallbackInfo &info, unsigned long request) {
  int fd = IntArgument(info, 0);
  Fd related(ioctl(fd, request));
  if (!related) {
    ThrowSystem(info.Env(), RequestFailure(fd));
    return info.Env().Undefined();
  }
  return GiveFd(info.Env(), std::move(related));
}

Napi::Value NamespaceInfo(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  struct statx status;
  int fd = IntArgument(info, 0);
  if (!StatusOf(fd, &status)) {
    ThrowSystem(env, Failure::Last("statx"));
    return env.Undefined();
  }
  // A descriptor that is no namespace answers ENOTTY, or something of its own, which is worse: so only nsfs is asked.
  if (!S_ISREG(status.stx_mode)) {
    ThrowSystem(env, {EINVAL, "ioctl", ""});
    return env.Undefined();
  }
  int flag = ioctl(fd, NS_GET_NSTYPE);
  if (flag < 0) {
    Failure failure = RequestFailure(fd);
    ThrowSystem(env, {failure.error == ENOTTY ? EINVAL : failure.error, "ioctl", ""});
    return env.Undefined();
  }
  Napi::Object result = Napi::Object::New(env);
  result.Set("flag", Napi::Number::New(env, flag));
  result.Set("ino", Napi::BigInt::New(env, static_cast<uint64_t>(status.stx_ino)));
  result.Set("dev", Napi::BigInt::New(env, static_cast<uint64_t>(DeviceOf(status))));
  return result;
}

Napi::Value NamespaceParent(const Napi::CallbackInfo &info) { return Related(info, NS_GET_PARENT); }

Napi::Value NamespaceUser(const Napi::CallbackInfo &info) { return Related(info, NS_GET_USERNS); }

Napi::Value NamespaceOwner(const Napi::CallbackInfo &info) {
  uid_t owner = 0;
  int fd = IntArgument(info, 0);
  if (ioctl(fd, NS_GET_OWNER_UID, &owner) < 0) {
    ThrowSystem(info.Env(), RequestFailure(fd));
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), owner);
}

Napi::Value PidfdNamespace(const Napi::CallbackInfo &info) {
  return FdOrThrow(info.Env(), OpenNamespaceOf(IntArgument(info, 0), IntArgument(info, 1),
                                               static_cast<uint64_t>(IntArgument(info, 2)), BooleanArgument(info, 3)));
}

Napi::Value PidfdSocketNamespace(const Napi::CallbackInfo &info) {
  return FdOrThrow(info.Env(), OpenNamespaceOfSocket(IntArgument(info, 0), IntArgument(info, 1)));
}

Napi::Value PidfdOpen(const Napi::CallbackInfo &info) { return FdOrThrow(info.Env(), OpenPidfd(IntArgument(info, 0))); }

} // namespace

void InitNamespaces(Napi::Env env, Napi::Object exports) {
  Export<NamespaceInfo>(env, exports, "namespaceInfo");
  Export<NamespaceParent>(env, exports, "namespaceParent");
  Export<NamespaceUser>(env, exports, "namespaceUser");
  Export<NamespaceOwner>(env, exports, "namespaceOwner");
  Export<PidfdNamespace>(env, exports, "pidfdNamespace");
  Export<PidfdSocketNamespace>(env, exports, "pidfdSocketNamespace");
  Export<PidfdOpen>(env, exports, "pidfdOpen");
}

} // namespace linux_ns
