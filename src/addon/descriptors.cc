#include "descriptors.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "export.h"
#include "awaited.h"
#include "environment.h"
#include "environment_job.h"
#include "fd.h"
#include "throw.h"

namespace linux_ns {
namespace {

// Converts nothing, as with all arguments: in an environment that is being ended JavaScript cannot be called.
std::vector<int> IntList(const Napi::Value &value) {
  std::vector<int> numbers;
  if (value.IsArray()) {
    Napi::Array list = value.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
      Napi::Value number = list.Get(i);
      if (number.IsNumber()) {
        numbers.push_back(number.As<Napi::Number>().Int32Value());
      }
    }
  }
  return numbers;
}

int FdArgument(const Napi::CallbackInfo &info) { return IntArgument(info, 0); }

void Adopt(const Napi::CallbackInfo &info) { Environment::Of(info.Env())->Adopt(FdArgument(info)); }

void Disown(const Napi::CallbackInfo &info) { Environment::Of(info.Env())->Disown(FdArgument(info)); }

void CloseEach(const std::vector<int> &fds) {
  for (int fd : fds) {
    close(fd);
  }
}

void Close(const Napi::CallbackInfo &info) {
  Environment *environment = Environment::Of(info.Env());
  std::vector<int> fds = IntList(info[0]);
  for (int fd : fds) {
    environment->Disown(fd);
  }
  std::function<void()> done = [] {};
  if (info[1].IsFunction()) {
    done = [environment, awaited = Await(environment, info[1].As<Napi::Function>())] {
      Napi::HandleScope scope(awaited->Env());
      CallAwaited(environment, awaited, {});
    };
  }
  auto job = std::make_unique<EnvironmentJob>(environment, [environment, fds, done](const Stack &) {
    CloseEach(fds);
    environment->Post(done);
  });
  if (!Submit(std::move(job))) {
    CloseEach(fds);
    environment->Post(done);
  }
}

void CloseNow(const Napi::CallbackInfo &info) {
  int fd = FdArgument(info);
  Environment::Of(info.Env())->Disown(fd);
  close(fd);
}

Napi::Value Duplicate(const Napi::CallbackInfo &info) {
  Fd copy(fcntl(FdArgument(info), F_DUPFD_CLOEXEC, 3));
  if (!copy) {
    ThrowSystem(info.Env(), Failure::Last("fcntl"));
    return info.Env().Undefined();
  }
  return GiveFd(info.Env(), std::move(copy));
}

Napi::Value ThreadNetwork(const Napi::CallbackInfo &info) {
  Fd net(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!net) {
    ThrowSystem(info.Env(), Failure::Last("open", "/proc/thread-self/ns/net"));
    return info.Env().Undefined();
  }
  return GiveFd(info.Env(), std::move(net));
}

Napi::Value Socket(const Napi::CallbackInfo &info) {
  Fd created(socket(IntArgument(info, 0), IntArgument(info, 1) | SOCK_CLOEXEC, IntArgument(info, 2)));
  if (!created) {
    ThrowSystem(info.Env(), Failure::Last("socket"));
    return info.Env().Undefined();
  }
  return GiveFd(info.Env(), std::move(created));
}

// A program could send a descriptor along with the bytes that it writes. Nobody takes it, so the kernel would close it
// when Node reads, and the last close of a file may take as long as the program likes: SO_LINGER of socket(7). Since
// Linux 6.16 the kernel refuses to send it.
void RefuseDescriptors(int socket) {
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif
  int none = 0;
  setsockopt(socket, SOL_SOCKET, SO_PASSRIGHTS, &none, sizeof(none)); // older kernels don't know it
}

// The first of the pair is this process's end.
Napi::Value SocketPair(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
    ThrowSystem(env, Failure::Last("socketpair"));
    return env.Undefined();
  }
  RefuseDescriptors(pair[0]);
  Environment::Of(env)->Adopt(pair[0]);
  Environment::Of(env)->Adopt(pair[1]);
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0u, Napi::Number::New(env, pair[0]));
  result.Set(1u, Napi::Number::New(env, pair[1]));
  return result;
}

} // namespace

Napi::Value GiveFd(Napi::Env env, Fd fd) {
  Environment::Of(env)->Adopt(fd.get());
  return Napi::Number::New(env, fd.Release());
}

void InitDescriptors(Napi::Env env, Napi::Object exports) {
  Export<Adopt>(env, exports, "adopt");
  Export<Disown>(env, exports, "disown");
  Export<Close>(env, exports, "close");
  Export<CloseNow>(env, exports, "closeNow");
  Export<Duplicate>(env, exports, "duplicate");
  Export<ThreadNetwork>(env, exports, "threadNetwork");
  Export<Socket>(env, exports, "socket");
  Export<SocketPair>(env, exports, "socketPair");
}

} // namespace linux_ns
