#include "listener.h"

#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <vector>

#include "export.h"
#include "descriptors.h"
#include "environment.h"
#include "poll.h"
#include "sockets.h"
#include "throw.h"
#include "timer.h"

namespace linux_ns {
namespace {

// So many are accepted before it is the turn of other events.
constexpr size_t kMostAtOnce = 64;
// Milliseconds until it is tried again, when a connection cannot be accepted: for want of descriptors, above all.
constexpr uint64_t kTryAgain = 20;

struct Accepted {
  Fd socket;
  Address from;
};

Address AddressOf(int fd) {
  Address address;
  address.size = sizeof(address.storage);
  getsockname(fd, reinterpret_cast<sockaddr *>(&address.storage), &address.size);
  return address;
}

class Listener : public Closable {
public:
  explicit Listener(Environment *environment) : environment_(environment) {}

  // False: it has thrown, and the descriptor is still JavaScript's.
  bool Open(Napi::Env env, Fd fd, const Napi::Function &take) {
    int on = 1;
    int error = ioctl(fd.get(), FIONBIO, &on) < 0 ? -errno : 0;
    if (error == 0) {
      error = poll_.Open(environment_, fd.get(), UV_READABLE, false, [this] { Accept(); });
    }
    if (error != 0) {
      static_cast<void>(fd.Release());
      ThrowSystem(env, {-error, "epoll_ctl", ""});
      return false;
    }
    environment_->Disown(fd.get());
    environment_->Add(this);
    fd_ = std::move(fd);
    take_ = Napi::Persistent(take);
    return true;
  }

  void Shut() override {
    environment_->Remove(this);
    delete this;
  }

private:
  // A function that is called may close this.
  void Accept() {
    std::vector<Accepted> accepted = AcceptAll();
    Napi::Env env = take_.Env();
    Napi::HandleScope scope(env);
    Napi::Function take = take_.Value();
    for (Accepted &each : accepted) {
      Address to = AddressOf(each.socket.get());
      take.MakeCallback(env.Global(),
                        {GiveFd(env, std::move(each.socket)), Napi::String::New(env, TextOf(to.storage)),
                         Napi::Number::New(env, PortOf(to.storage)), Napi::String::New(env, TextOf(each.from.storage)),
                         Napi::Number::New(env, PortOf(each.from.storage))});
      TellUncaught(env);
    }
  }

  std::vector<Accepted> AcceptAll() {
    std::vector<Accepted> accepted;
    while (accepted.size() < kMostAtOnce) {
      Address from;
      from.size = sizeof(from.storage);
      Fd socket(
          accept4(fd_.get(), reinterpret_cast<sockaddr *>(&from.storage), &from.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!socket) {
        if (errno != EAGAIN) {
          Pause();
        }
        break;
      }
      accepted.push_back({std::move(socket), from});
    }
    return accepted;
  }

  void Pause() {
    poll_.Watch(0);
    timer_.Start(environment_, kTryAgain, [this] {
      timer_.Close();
      poll_.Watch(UV_READABLE);
    });
  }

  Environment *environment_;
  Fd fd_;
  Poll poll_; // closed before the descriptor
  Timer timer_;
  Napi::FunctionReference take_;
};

void CloseListener(const Napi::CallbackInfo &info) { static_cast<Listener *>(info.Data())->Shut(); }

// The function that is returned closes it, and is called once at most.
Napi::Value ListenSocket(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  Fd fd(IntArgument(info, 0));
  if (listen(fd.get(), IntArgument(info, 1)) < 0) {
    Failure failure = Failure::Last("listen");
    static_cast<void>(fd.Release());
    ThrowSystem(env, failure);
    return env.Undefined();
  }
  auto *listener = new Listener(Environment::Of(env));
  if (!listener->Open(env, std::move(fd), info[2].As<Napi::Function>())) {
    delete listener;
    return env.Undefined();
  }
  return Napi::Function::New<CloseListener>(env, "close", listener);
}

Napi::Value SocketPort(const Napi::CallbackInfo &info) {
  return Napi::Number::New(info.Env(), PortOf(AddressOf(IntArgument(info, 0)).storage));
}

} // namespace

void InitListener(Napi::Env env, Napi::Object exports) {
  Export<ListenSocket>(env, exports, "listenSocket");
  Export<SocketPort>(env, exports, "socketPort");
}

} // namespace linux_ns
