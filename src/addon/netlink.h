// A netlink socket as JavaScript holds it: NativeNetlink of types/native.d.ts.
#ifndef LINUX_NS_ADDON_NETLINK_H
#define LINUX_NS_ADDON_NETLINK_H

#include <napi.h>

#include <memory>

#include "environment.h"
#include "fd.h"
#include "poll.h"

namespace linux_ns {

class Netlink : public Napi::ObjectWrap<Netlink>, public Closable {
public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Netlink(const Napi::CallbackInfo &info);
  ~Netlink() override;

  // Closes it, once no thread uses it: by JavaScript, or because the environment ends.
  void Shut() override;

private:
  static Napi::Value OpenFunction(const Napi::CallbackInfo &info);
  bool Begin(int fd, int receive_buffer, const Napi::Function &callback);
  void OnReadable();

  void Exchange(const Napi::CallbackInfo &info);
  void Join(const Napi::CallbackInfo &info);
  void Leave(const Napi::CallbackInfo &info);
  void Watch(const Napi::CallbackInfo &info);
  Napi::Value Receive(const Napi::CallbackInfo &info);
  void RefLoop(const Napi::CallbackInfo &info);
  void UnrefLoop(const Napi::CallbackInfo &info);
  void Close(const Napi::CallbackInfo &info);

  void SetMembership(const Napi::CallbackInfo &info, int option);

  Environment *environment_;
  std::shared_ptr<Fd> socket_; // shared with an exchange under way
  Poll poll_;
  int watched_ = 0; // events of uv_poll_start
  Napi::FunctionReference callback_;
};

} // namespace linux_ns

#endif
