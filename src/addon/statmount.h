// Facts about mounts that are not in /proc/PID/mountinfo: listmount(2), statmount(2), Linux 6.8.
#ifndef LINUX_NS_ADDON_STATMOUNT_H
#define LINUX_NS_ADDON_STATMOUNT_H

#include <napi.h>

namespace linux_ns {

void InitStatmount(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
