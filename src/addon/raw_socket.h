// A raw socket as JavaScript holds it: NativeRawSocket of types/native.d.ts.
#ifndef LINUX_NS_ADDON_RAW_SOCKET_H
#define LINUX_NS_ADDON_RAW_SOCKET_H

#include <napi.h>

#include "environment.h"
#include "fd.h"
#include "poll.h"

namespace linux_ns {

class RawSocket : public Napi::ObjectWrap<RawSocket>, public Closable {
public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit RawSocket(const Napi::CallbackInfo &info);
  ~RawSocket() override;

  // Closes it: by JavaScript, or because the environment ends.
  void Shut() override;

private:
  static Napi::Value OpenFunction(const Napi::CallbackInfo &info);
  bool Begin(int fd, const Napi::Function &callback);
  void OnReadable();

  Napi::Value Send(const Napi::CallbackInfo &info);
  Napi::Value Receive(const Napi::CallbackInfo &info);
  void Close(const Napi::CallbackInfo &info);

  Environment *environment_;
  Fd socket_;
  Poll poll_;
  Napi::FunctionReference callback_;
};

} // namespace linux_ns

#endif
