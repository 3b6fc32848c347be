#include "relays.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>

#include <memory>
#include <unordered_map>

#include "../export.h"
#include "../bytes.h"
#include "../descriptors.h"
#include "../environment.h"
#include "../threads.h"
#include "relay.h"

namespace linux_ns {
namespace {

constexpr size_t kStack = 128 << 10;
constexpr int kEvents = 64;

// The relays of an environment, and the thread that carries them out. It is started with the first relay, and ends with
// the environment.
class Relays : public Closable {
public:
  explicit Relays(Environment *environment) : environment_(environment) {
    uv_mutex_init(&mutex_);
    environment->Add(this);
  }
  ~Relays() override { uv_mutex_destroy(&mutex_); }

  Environment *environment() const { return environment_; }
  uint32_t NextNumber() { return ++last_; }
  Failure Add(const std::shared_ptr<Relay> &relay);
  std::shared_ptr<Relay> Find(uint32_t number);
  // Null where the relay has been taken out before.
  std::shared_ptr<Relay> Take(uint32_t number);
  void Cancel(uint32_t number, bool reset);

  void CallOff() override;
  void Shut() override;

private:
  Failure Start();
  void Run();
  void Note(const epoll_event &event, std::vector<std::shared_ptr<Relay>> *ready);
  void Tell(uint32_t number, bool broken);

  Environment *environment_;
  bool started_ = false;
  uint32_t last_ = 0; // number of a relay
  uv_thread_t thread_;
  Fd epoll_;
  Fd stop_;
  std::atomic<bool> stopped_{false};
  uv_mutex_t mutex_;
  std::unordered_map<uint32_t, std::shared_ptr<Relay>> relays_; // guarded by mutex_; Node's thread alone changes it
};

// ── on Node's thread ──────────────────────────────────────────────────────────────────────────────────────────────

// Once started, it does not end before its environment: Environment::AwaitJobs.
Failure Relays::Start() {
  Fd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) {
    return Failure::Last("epoll_create1");
  }
  Fd stop(eventfd(0, EFD_CLOEXEC));
  if (!stop) {
    return Failure::Last("eventfd");
  }
  epoll_event event = {}; // the data 0 is of no relay
  event.events = EPOLLIN;
  if (epoll_ctl(epoll.get(), EPOLL_CTL_ADD, stop.get(), &event) < 0) {
    return Failure::Last("epoll_ctl");
  }
  epoll_ = std::move(epoll);
  stop_ = std::move(stop);
  uv_thread_options_t options = {};
  options.flags = UV_THREAD_HAS_STACK_SIZE;
  options.stack_size = kStack;
  environment_->JobSubmitted();
  auto main = [](void *relays) { static_cast<Relays *>(relays)->Run(); };
  int error = uv_thread_create_ex(&thread_, &options, main, this);
  if (error != 0) {
    environment_->JobDone();
    return {-error, "pthread_create", ""};
  }
  started_ = true;
  return {};
}

// The thread needs no word of it: what can be received or sent already is an event.
Failure Relays::Add(const std::shared_ptr<Relay> &relay) {
  Failure failure = started_ ? Failure{} : Start();
  if (failure.error != 0) {
    return failure;
  }
  uv_mutex_lock(&mutex_);
  relays_[relay->number] = relay;
  uv_mutex_unlock(&mutex_);
  failure = relay->Watch(epoll_.get());
  if (failure.error != 0) {
    Take(relay->number);
  }
  return failure;
}

std::shared_ptr<Relay> Relays::Find(uint32_t number) {
  uv_mutex_lock(&mutex_);
  auto found = relays_.find(number);
  std::shared_ptr<Relay> relay = found == relays_.end() ? nullptr : found->second;
  uv_mutex_unlock(&mutex_);
  return relay;
}

std::shared_ptr<Relay> Relays::Take(uint32_t number) {
  std::shared_ptr<Relay> relay = Find(number);
  uv_mutex_lock(&mutex_);
  relays_.erase(number);
  uv_mutex_unlock(&mutex_);
  return relay;
}

void Relays::Cancel(uint32_t number, bool reset) {
  std::shared_ptr<Relay> relay = Take(number);
  if (relay) {
    relay->Close(epoll_.get(), reset);
    TakeAwaited(environment_, relay->ended);
  }
}

void Relays::Tell(uint32_t number, bool broken) {
  std::shared_ptr<Relay> relay = Take(number);
  if (!relay) {
    return; // it has been cancelled meanwhile
  }
  Napi::Env env = relay->ended->Env();
  Napi::HandleScope scope(env);
  CallAwaited(environment_, relay->ended,
              {Napi::Boolean::New(env, broken), Napi::Number::New(env, static_cast<double>(relay->sides[0].received)),
               Napi::Number::New(env, static_cast<double>(relay->sides[1].received))});
}

void Relays::CallOff() {
  if (started_) {
    stopped_ = true;
    eventfd_write(stop_.get(), 1);
  }
}

void Relays::Shut() {
  environment_->Remove(this);
  if (started_) {
    uv_thread_join(&thread_);
  }
  delete this;
}

// ── on the thread ─────────────────────────────────────────────────────────────────────────────────────────────────

void Relays::Run() {
  prctl(PR_SET_NAME, "ns-relays");
  BlockSignals();
  std::unique_ptr<uint8_t[]> buffer(new uint8_t[kRelayPart]);
  std::vector<std::shared_ptr<Relay>> ready;
  epoll_event events[kEvents];
  while (!stopped_) {
    int count = epoll_wait(epoll_.get(), events, kEvents, ready.empty() ? -1 : 0);
    for (int i = 0; i < count; i++) {
      Note(events[i], &ready);
    }
    std::vector<std::shared_ptr<Relay>> turn;
    turn.swap(ready);
    for (std::shared_ptr<Relay> &relay : turn) {
      Relay::State state = relay->Move(buffer.get());
      relay->queued = state == Relay::State::kReady;
      if (relay->queued) {
        ready.push_back(std::move(relay));
      } else if (state != Relay::State::kWaits) {
        bool broken = state == Relay::State::kBroken;
        relay->Close(epoll_.get(), broken);
        environment_->Post([this, number = relay->number, broken] { Tell(number, broken); });
      }
    }
  }
  ready.clear();
  environment_->JobDone();
}

void Relays::Note(const epoll_event &event, std::vector<std::shared_ptr<Relay>> *ready) {
  std::shared_ptr<Relay> relay = Find(static_cast<uint32_t>(event.data.u64 >> 1));
  if (!relay) {
    return;
  }
  relay->Note(event.data.u64 & 1, event.events);
  if (!relay->queued) {
    relay->queued = true;
    ready->push_back(std::move(relay));
  }
}

// ── functions of JavaScript ───────────────────────────────────────────────────────────────────────────────────────

Relays *Of(const Napi::CallbackInfo &info) { return static_cast<Relays *>(info.Data()); }

uint32_t NumberArgument(const Napi::CallbackInfo &info) { return static_cast<uint32_t>(IntArgument(info, 0)); }

Napi::Value StartRelay(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  Relays *relays = Of(info);
  Environment *environment = relays->environment();
  Awaited ended = Await(environment, info[5].As<Napi::Function>());
  std::shared_ptr<Relay> relay(new Relay(relays->NextNumber(), ended));
  Failure failure;
  for (size_t i = 0; i < 2; i++) {
    RelaySide &side = relay->sides[i];
    side.open = i == 1 || BooleanArgument(info, 2);
    Bytes first;
    if (FindBytes(env, info[3 + i], &first)) {
      side.held.assign(first.data, first.data + first.size);
    }
    side.socket.Reset(fcntl(IntArgument(info, i), F_DUPFD_CLOEXEC, 3));
    failure = side.socket ? failure : Failure::Last("fcntl");
  }
  failure = failure.error == 0 ? relays->Add(relay) : failure;
  if (failure.error != 0) {
    TakeAwaited(environment, ended);
    ThrowSystem(env, failure);
    return env.Undefined();
  }
  return Napi::Number::New(env, relay->number);
}

Napi::Value BytesRelayed(const Napi::CallbackInfo &info) {
  std::shared_ptr<Relay> relay = Of(info)->Find(NumberArgument(info));
  uint64_t bytes = relay ? relay->sides[IntArgument(info, 1) == 1 ? 1 : 0].received.load() : 0;
  return Napi::Number::New(info.Env(), static_cast<double>(bytes));
}

void CancelRelay(const Napi::CallbackInfo &info) { Of(info)->Cancel(NumberArgument(info), BooleanArgument(info, 1)); }

} // namespace

void InitRelays(Napi::Env env, Napi::Object exports) {
  Relays *relays = new Relays(Environment::Of(env));
  Export<StartRelay>(env, exports, "startRelay", relays);
  Export<BytesRelayed>(env, exports, "bytesRelayed", relays);
  Export<CancelRelay>(env, exports, "cancelRelay", relays);
}

} // namespace linux_ns
