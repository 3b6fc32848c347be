// Connections that a thread relays, in place of JavaScript: `relay` of types/native.d.ts.
#ifndef LINUX_NS_ADDON_RELAY_RELAYS_H
#define LINUX_NS_ADDON_RELAY_RELAYS_H

#include <napi.h>

namespace linux_ns {

void InitRelays(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
