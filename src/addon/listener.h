// Connections that come to a listening socket, by their descriptors: `listenSocket` of types/native.d.ts.
#ifndef LINUX_NS_ADDON_LISTENER_H
#define LINUX_NS_ADDON_LISTENER_H

#include <napi.h>

namespace linux_ns {

void InitListener(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
