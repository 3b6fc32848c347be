// The wires of a lab as JavaScript has them: NativeWires of types/native.d.ts.
#ifndef LINUX_NS_ADDON_WIRE_WIRES_H
#define LINUX_NS_ADDON_WIRE_WIRES_H

#include <napi.h>
#include <uv.h>

#include <memory>
#include <unordered_map>

#include "../environment.h"
#include "carrier.h"

namespace linux_ns {

class Wires : public Napi::ObjectWrap<Wires>, public Closable {
public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Wires(const Napi::CallbackInfo &info);

  void CallOff() override;
  void Shut() override;

private:
  static Napi::Value OpenFunction(const Napi::CallbackInfo &info);
  Failure Begin();
  static void ThreadMain(void *argument);
  bool IsOpen() const { return carrier_ != nullptr && !closing_; }
  std::function<void()> Teller(const Napi::CallbackInfo &info, size_t index);

  Napi::Value Add(const Napi::CallbackInfo &info);
  void SetRule(const Napi::CallbackInfo &info);
  void RemoveRule(const Napi::CallbackInfo &info);
  void Release(const Napi::CallbackInfo &info);
  void Remove(const Napi::CallbackInfo &info);
  void Settle(const Napi::CallbackInfo &info);
  Napi::Value CountersOf(const Napi::CallbackInfo &info);
  void Close(const Napi::CallbackInfo &info);

  Environment *environment_;
  std::shared_ptr<Carrier> carrier_;
  uv_thread_t thread_; // as long as there is a carrier
  bool closing_ = false;
  uint32_t last_ = 0; // number of a wire
  std::unordered_map<uint32_t, std::array<std::shared_ptr<Counters>, 2>> counters_;
};

} // namespace linux_ns

#endif
