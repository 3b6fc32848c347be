// Sockets of other network namespaces, made by a thread of this process: socket(2), setns(2).
#ifndef LINUX_NS_ADDON_SOCKET_IN_H
#define LINUX_NS_ADDON_SOCKET_IN_H

#include <napi.h>

namespace linux_ns {

// A thread is born in the namespaces of its creator. So before a thread of this process leaves its namespaces, the
// thread that makes sockets is started. If it cannot be made then, it is never made.
void StartVisitor();

void InitSocketIn(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
