// A netlink socket as JavaScript holds it: NativeNetlink of types/native.d.ts.
#ifndef LINUX_NS_ADDON_NETLINK_H
#define LINUX_NS_ADDON_NETLINK_H

#include <napi.h>

#include "watched.h"

namespace linux_ns {

class Netlink : public WatchedObject<Netlink> {
public:
  static constexpr char kName[] = "NativeNetlink";

  static void Init(Napi::Env env, Napi::Object exports);
  using WatchedObject::WatchedObject;

private:
  friend WatchedObject;
  bool Begin(const Napi::CallbackInfo &info);

  void Exchange(const Napi::CallbackInfo &info);
  void Join(const Napi::CallbackInfo &info);
  void Leave(const Napi::CallbackInfo &info);
  Napi::Value Receive(const Napi::CallbackInfo &info);
  void SetMembership(const Napi::CallbackInfo &info, int option);
};

} // namespace linux_ns

#endif
