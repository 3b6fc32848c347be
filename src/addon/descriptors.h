// Descriptors in JavaScript's hands.
#ifndef LINUX_NS_ADDON_DESCRIPTORS_H
#define LINUX_NS_ADDON_DESCRIPTORS_H

#include <napi.h>

namespace linux_ns {

void InitDescriptors(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
