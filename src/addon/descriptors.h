// Descriptors that JavaScript has.
#ifndef LINUX_NS_ADDON_DESCRIPTORS_H
#define LINUX_NS_ADDON_DESCRIPTORS_H

#include <napi.h>

#include "fd.h"

namespace linux_ns {

// An argument that is a number; it is not converted, which would run JavaScript where a Worker is being terminated.
inline int IntArgument(const Napi::CallbackInfo &info, size_t index) {
  return info[index].IsNumber() ? info[index].As<Napi::Number>().Int32Value() : -1;
}

// Returns true for the boolean true alone: other values are not converted either.
inline bool BooleanArgument(const Napi::CallbackInfo &info, size_t index) {
  return info[index].IsBoolean() && info[index].As<Napi::Boolean>().Value();
}

// Hands a descriptor to JavaScript; it is closed with the environment, unless that disowns or closes it before.
Napi::Value GiveFd(Napi::Env env, Fd fd);

void InitDescriptors(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
