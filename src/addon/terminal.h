// The master of a pseudoterminal as JavaScript holds it: NativeTerminal of types/native.d.ts.
#ifndef LINUX_NS_ADDON_TERMINAL_H
#define LINUX_NS_ADDON_TERMINAL_H

#include <napi.h>

#include "watched.h"

namespace linux_ns {

class Terminal : public WatchedObject<Terminal> {
public:
  static constexpr char kName[] = "NativeTerminal";

  static void Init(Napi::Env env, Napi::Object exports);
  using WatchedObject::WatchedObject;

private:
  friend WatchedObject;
  bool Begin(const Napi::CallbackInfo &info);

  Napi::Value Read(const Napi::CallbackInfo &info);
  Napi::Value Write(const Napi::CallbackInfo &info);
  void Resize(const Napi::CallbackInfo &info);
  Napi::Value EndOfFile(const Napi::CallbackInfo &info);
  Napi::Value SuspendKey(const Napi::CallbackInfo &info);
  Napi::Value Foreground(const Napi::CallbackInfo &info);
};

} // namespace linux_ns

#endif
