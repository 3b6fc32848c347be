// Questions about a namespace by its descriptor, and changes of the calling thread: ioctl_ns(2), setns(2), unshare(2).
#ifndef LINUX_NS_ADDON_NAMESPACES_H
#define LINUX_NS_ADDON_NAMESPACES_H

#include <napi.h>

namespace linux_ns {

void InitNamespaces(Napi::Env env, Napi::Object exports);
void InitThread(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
