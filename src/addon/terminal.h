// The master of a pseudoterminal as JavaScript holds it: NativeTerminal of types/native.d.ts.
#ifndef LINUX_NS_ADDON_TERMINAL_H
#define LINUX_NS_ADDON_TERMINAL_H

#include <napi.h>

#include "environment.h"
#include "fd.h"
#include "poll.h"

namespace linux_ns {

class Terminal : public Napi::ObjectWrap<Terminal>, public Closable {
public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Terminal(const Napi::CallbackInfo &info);
  ~Terminal() override;

  // Closes it: by JavaScript, or because the environment ends.
  void Shut() override;

private:
  static Napi::Value OpenFunction(const Napi::CallbackInfo &info);
  bool Begin(int fd, const Napi::Function &callback);
  void OnEvent();

  Napi::Value Read(const Napi::CallbackInfo &info);
  Napi::Value Write(const Napi::CallbackInfo &info);
  void Watch(const Napi::CallbackInfo &info);
  void Resize(const Napi::CallbackInfo &info);
  Napi::Value EndOfFile(const Napi::CallbackInfo &info);
  Napi::Value SuspendKey(const Napi::CallbackInfo &info);
  Napi::Value Foreground(const Napi::CallbackInfo &info);
  void RefLoop(const Napi::CallbackInfo &info);
  void UnrefLoop(const Napi::CallbackInfo &info);
  void Close(const Napi::CallbackInfo &info);

  Environment *environment_;
  Fd fd_;
  Poll poll_;
  Napi::FunctionReference callback_;
};

} // namespace linux_ns

#endif
