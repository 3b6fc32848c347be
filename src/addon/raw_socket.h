// A raw socket as JavaScript holds it: NativeRawSocket of types/native.d.ts.
#ifndef LINUX_NS_ADDON_RAW_SOCKET_H
#define LINUX_NS_ADDON_RAW_SOCKET_H

#include <napi.h>

#include "watched.h"

namespace linux_ns {

class RawSocket : public WatchedObject<RawSocket> {
public:
  static constexpr char kName[] = "NativeRawSocket";

  static void Init(Napi::Env env, Napi::Object exports);
  using WatchedObject::WatchedObject;

private:
  friend WatchedObject;
  bool Begin(const Napi::CallbackInfo &info);

  Napi::Value Send(const Napi::CallbackInfo &info);
  Napi::Value Receive(const Napi::CallbackInfo &info);
};

} // namespace linux_ns

#endif
