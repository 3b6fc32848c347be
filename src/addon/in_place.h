#ifndef LINUX_NS_ADDON_IN_PLACE_H
#define LINUX_NS_ADDON_IN_PLACE_H

#include <napi.h>

namespace linux_ns {

void InitInPlace(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
