// Sockets of other network namespaces, made by a thread of this process: socket(2), setns(2).
#ifndef LINUX_NS_ADDON_SOCKET_IN_H
#define LINUX_NS_ADDON_SOCKET_IN_H

#include <napi.h>

namespace linux_ns {

// A thread is born where its creator is. Before a thread of this process leaves its namespaces, the one that makes
// sockets is started; if it can't be had now it never is.
void StartVisitor();

void InitSocketIn(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
