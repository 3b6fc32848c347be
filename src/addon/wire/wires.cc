#include "wires.h"

#include <sys/prctl.h>

#include <cstring>

#include "../export.h"
#include "../awaited.h"
#include "../bytes.h"
#include "../descriptors.h"
#include "../threads.h"
#include "../throw.h"

namespace linux_ns {
namespace {

constexpr size_t kStack = 128 << 10;
constexpr size_t kParameters = 11;

// What the thread of a carrier needs. It uses nothing of JavaScript's.
struct Thread {
  std::shared_ptr<Carrier> carrier;
  Environment *environment;
};

bool ImpairmentArgument(const Napi::CallbackInfo &info, size_t index, Impairment *impairment) {
  Bytes bytes;
  if (!BytesArgument(info, index, &bytes)) {
    return false;
  }
  double numbers[kParameters];
  if (bytes.size != sizeof(numbers)) {
    ThrowSystem(info.Env(), {EINVAL, "setRule", ""});
    return false;
  }
  memcpy(numbers, bytes.data, sizeof(numbers));
  const double *next = numbers;
  impairment->delay = *next++;
  impairment->jitter = *next++;
  impairment->distribution = static_cast<Impairment::Distribution>(static_cast<int>(*next++));
  impairment->loss = *next++;
  impairment->burst = *next++;
  impairment->duplicate = *next++;
  impairment->reorder = *next++;
  impairment->corrupt = *next++;
  impairment->rate = *next++;
  impairment->queue = *next++;
  impairment->mtu = *next++;
  return true;
}

bool AddressesArgument(const Napi::CallbackInfo &info, size_t index, std::vector<Rule::Address> *addresses) {
  Bytes bytes;
  if (!BytesArgument(info, index, &bytes)) {
    return false;
  }
  for (size_t at = 0; at + kAddressSize <= bytes.size; at += kAddressSize) {
    addresses->emplace_back();
    memcpy(addresses->back().data(), bytes.data + at, kAddressSize);
  }
  return true;
}

uint32_t NumberArgument(const Napi::CallbackInfo &info, size_t index) {
  return static_cast<uint32_t>(IntArgument(info, index));
}

size_t DirectionArgument(const Napi::CallbackInfo &info, size_t index) { return IntArgument(info, index) == 1 ? 1 : 0; }

} // namespace

void Wires::Init(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = DefineClass(env, "NativeWires",
                                           {
                                               InstanceMethod<&Wires::Add>("add"),
                                               InstanceMethod<&Wires::SetRule>("setRule"),
                                               InstanceMethod<&Wires::RemoveRule>("removeRule"),
                                               InstanceMethod<&Wires::Release>("release"),
                                               InstanceMethod<&Wires::Remove>("remove"),
                                               InstanceMethod<&Wires::Settle>("settle"),
                                               InstanceMethod<&Wires::CountersOf>("counters"),
                                               InstanceMethod<&Wires::Close>("close"),
                                           });
  Environment::Of(env)->Constructor("NativeWires") = Napi::Persistent(constructor);
  Export<&Wires::OpenFunction>(env, exports, "openWires");
}

Wires::Wires(const Napi::CallbackInfo &info)
    : Napi::ObjectWrap<Wires>(info), environment_(Environment::Of(info.Env())) {}

Napi::Value Wires::OpenFunction(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  Napi::Object object = Environment::Of(env)->Constructor("NativeWires").New({});
  Wires *wires = UnwrapNew<Wires>(object);
  if (wires == nullptr) {
    return env.Undefined();
  }
  Failure failure = wires->Begin();
  if (failure.error != 0) {
    ThrowSystem(env, failure);
    return env.Undefined();
  }
  return object;
}

Failure Wires::Begin() {
  Result<std::shared_ptr<Carrier>> carrier = Carrier::Open();
  if (!carrier) {
    return carrier.failure();
  }
  auto *argument = new Thread{carrier.value(), environment_};
  uv_thread_options_t options = {};
  options.flags = UV_THREAD_HAS_STACK_SIZE;
  options.stack_size = kStack;
  environment_->JobSubmitted();
  int error = uv_thread_create_ex(&thread_, &options, ThreadMain, argument);
  if (error != 0) {
    environment_->JobDone();
    delete argument;
    return {-error, "pthread_create", ""};
  }
  carrier_ = carrier.value();
  environment_->Add(this);
  Ref(); // not collected while the thread runs
  return {};
}

// The environment does not end before this has: its descriptors are in use here.
void Wires::ThreadMain(void *argument) {
  std::unique_ptr<Thread> thread(static_cast<Thread *>(argument));
  prctl(PR_SET_NAME, "ns-wires");
  BlockSignals();
  thread->carrier->Run();
  Environment *environment = thread->environment;
  thread.reset();
  environment->JobDone();
}

void Wires::CallOff() { carrier_->Stop(); }

// The thread has stopped by now, or is about to.
void Wires::Shut() {
  environment_->Remove(this);
  uv_thread_join(&thread_);
  carrier_.reset();
  counters_.clear();
  Unref();
}

// A function for the carrier's thread, after which JavaScript's is called.
std::function<void()> Wires::Teller(const Napi::CallbackInfo &info, size_t index) {
  Environment *environment = environment_;
  Awaited awaited = Await(environment, info[index].As<Napi::Function>());
  return [environment, awaited] {
    environment->Post([environment, awaited] {
      Napi::HandleScope scope(awaited->Env());
      CallAwaited(environment, awaited, {});
    });
  };
}

Napi::Value Wires::Add(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  int sockets[2] = {IntArgument(info, 0), IntArgument(info, 2)};
  int interfaces[2] = {IntArgument(info, 1), IntArgument(info, 3)};
  Bytes bytes;
  std::array<uint64_t, 2> seeds;
  if (!BytesArgument(info, 4, &bytes)) {
    return env.Undefined();
  }
  if (!IsOpen() || bytes.size != sizeof(seeds)) {
    ThrowSystem(env, {EINVAL, "add", ""});
    return env.Undefined();
  }
  memcpy(seeds.data(), bytes.data, sizeof(seeds));
  for (int i = 0; i < 2; i++) {
    Failure failure = Carrier::PrepareSocket(sockets[i], interfaces[i]);
    if (failure.error != 0) {
      ThrowSystem(env, failure);
      return env.Undefined();
    }
  }
  uint32_t number = ++last_;
  // Not make_shared: without RTTI it takes a symbol of libstdc++ 9.
  counters_[number] = {std::shared_ptr<Counters>(new Counters()), std::shared_ptr<Counters>(new Counters())};
  carrier_->AddWire(number, sockets[0], sockets[1], seeds, counters_[number]);
  return Napi::Number::New(env, number);
}

void Wires::SetRule(const Napi::CallbackInfo &info) {
  Impairment impairment;
  std::vector<Rule::Address> sources;
  std::vector<Rule::Address> destinations;
  if (IsOpen() && ImpairmentArgument(info, 3, &impairment) && AddressesArgument(info, 4, &sources) &&
      AddressesArgument(info, 5, &destinations)) {
    carrier_->SetRule(NumberArgument(info, 0), DirectionArgument(info, 1), NumberArgument(info, 2),
                      Rule(impairment, std::move(sources), std::move(destinations)));
  }
}

void Wires::RemoveRule(const Napi::CallbackInfo &info) {
  if (IsOpen()) {
    carrier_->RemoveRule(NumberArgument(info, 0), DirectionArgument(info, 1), NumberArgument(info, 2));
  }
}

void Wires::Release(const Napi::CallbackInfo &info) {
  if (IsOpen()) {
    carrier_->Release(NumberArgument(info, 0));
    carrier_->Then(Teller(info, 1));
  }
}

void Wires::Remove(const Napi::CallbackInfo &info) {
  if (IsOpen()) {
    counters_.erase(NumberArgument(info, 0));
    carrier_->RemoveWire(NumberArgument(info, 0));
    carrier_->Then(Teller(info, 1));
  }
}

void Wires::Settle(const Napi::CallbackInfo &info) {
  if (IsOpen()) {
    carrier_->Then(Teller(info, 0));
  }
}

Napi::Value Wires::CountersOf(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  auto found = counters_.find(NumberArgument(info, 0));
  if (found == counters_.end()) {
    return env.Undefined();
  }
  Napi::Array result = Napi::Array::New(env, Counters::kKinds);
  uint32_t at = 0;
  for (const auto &value : found->second[DirectionArgument(info, 1)]->values) {
    result.Set(at++, Napi::Number::New(env, static_cast<double>(value.load(std::memory_order_relaxed))));
  }
  return result;
}

// The thread tells just before it stops, and uses no socket after that.
void Wires::Close(const Napi::CallbackInfo &info) {
  if (!IsOpen()) {
    return;
  }
  closing_ = true;
  Environment *environment = environment_;
  Awaited awaited = Await(environment, info[0].As<Napi::Function>());
  carrier_->Then([this, environment, awaited] {
    environment->Post([this, environment, awaited] {
      Napi::HandleScope scope(awaited->Env());
      Shut();
      CallAwaited(environment, awaited, {});
    });
  });
  carrier_->Stop();
}

} // namespace linux_ns
