// A packet socket with a ring, as JavaScript holds it: NativeCapture of types/native.d.ts.
#ifndef LINUX_NS_ADDON_CAPTURE_H
#define LINUX_NS_ADDON_CAPTURE_H

#include <napi.h>

#include <cstddef>

#include "environment.h"
#include "fd.h"
#include "poll.h"

namespace linux_ns {

class Capture : public Napi::ObjectWrap<Capture>, public Closable {
public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Capture(const Napi::CallbackInfo &info);
  ~Capture() override;

  // Closes it: by JavaScript, or because the environment ends.
  void Shut() override;

private:
  static Napi::Value OpenFunction(const Napi::CallbackInfo &info);
  bool Begin(const Napi::CallbackInfo &info);
  void OnReadable();

  Napi::Value Receive(const Napi::CallbackInfo &info);
  Napi::Value Statistics(const Napi::CallbackInfo &info);
  void Stop(const Napi::CallbackInfo &info);
  void Watch(const Napi::CallbackInfo &info);
  void RefLoop(const Napi::CallbackInfo &info);
  void UnrefLoop(const Napi::CallbackInfo &info);
  void Close(const Napi::CallbackInfo &info);

  Environment *environment_;
  Fd socket_;
  char *ring_ = nullptr; // mapped while the socket is open
  size_t blocks_ = 0;
  size_t next_ = 0;    // the block that is received next
  double in_ring_ = 0; // frames that the kernel has counted, and that were not received yet
  double dropped_ = 0;
  Poll poll_;
  int watched_ = 0; // events of uv_poll_start
  Napi::FunctionReference callback_;
};

} // namespace linux_ns

#endif
