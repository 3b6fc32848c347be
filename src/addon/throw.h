// Failures as JavaScript errors: an Error with `errno` (positive), `syscall` and perhaps `path`; lib/ makes the rest.
#ifndef LINUX_NS_ADDON_THROW_H
#define LINUX_NS_ADDON_THROW_H

#include <napi.h>

#include <cstring>

#include "failure.h"

namespace linux_ns {

inline void ThrowSystem(Napi::Env env, const Failure &failure) {
  Napi::Error error = Napi::Error::New(env, std::string(failure.syscall) + ": " + strerror(failure.error));
  error.Set("errno", Napi::Number::New(env, failure.error));
  error.Set("syscall", Napi::String::New(env, failure.syscall));
  if (!failure.path.empty()) {
    error.Set("path", Napi::String::New(env, failure.path));
  }
  error.ThrowAsJavaScriptException();
}

// Makes an exception that a callback has thrown an uncaught one. Left pending, it would come out of the next call of
// the addon.
inline void TellUncaught(Napi::Env env) {
  if (env.IsExceptionPending()) {
    napi_fatal_exception(env, env.GetAndClearPendingException().Value());
  }
}

// The C++ object that a new object wraps. In a Worker that is being terminated either may be missing: then null.
template <typename Wrapped> Wrapped *UnwrapNew(const Napi::Object &object) {
  return object.IsEmpty() ? nullptr : Wrapped::Unwrap(object);
}

} // namespace linux_ns

#endif
