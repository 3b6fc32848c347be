#include "sockets.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

#include "export.h"
#include "descriptors.h"
#include "throw.h"

namespace linux_ns {
namespace {

std::string StringArgument(const Napi::CallbackInfo &info, size_t index) {
  return info[index].IsString() ? info[index].As<Napi::String>().Utf8Value() : "";
}

// The index of an interface. As in getaddrinfo(3), `scope` is a name, or a number where no interface has that name. The
// socket answers for its own namespace: netdevice(7).
Result<uint32_t> InterfaceIndex(int fd, const std::string &scope) {
  ifreq request = {};
  if (scope.size() < sizeof(request.ifr_name)) {
    memcpy(request.ifr_name, scope.data(), scope.size());
    if (ioctl(fd, SIOCGIFINDEX, &request) == 0) {
      return static_cast<uint32_t>(request.ifr_ifindex);
    }
  }
  char *end = nullptr;
  unsigned long index = strtoul(scope.c_str(), &end, 10);
  if (*end != '\0' || index == 0 || index > INT32_MAX) {
    return Failure{ENODEV, "ioctl", scope};
  }
  return static_cast<uint32_t>(index);
}

Result<Address> ToInet(const AddressArguments &given) {
  Address address;
  auto *inet = reinterpret_cast<sockaddr_in *>(&address.storage);
  inet->sin_family = AF_INET;
  inet->sin_port = htons(static_cast<uint16_t>(given.port));
  address.size = sizeof(*inet);
  if (inet_pton(AF_INET, given.text.c_str(), &inet->sin_addr) != 1) {
    return Failure{EINVAL, "inet_pton", given.text};
  }
  return address;
}

Result<Address> ToInet6(int fd, const AddressArguments &given) {
  Address address;
  auto *inet = reinterpret_cast<sockaddr_in6 *>(&address.storage);
  inet->sin6_family = AF_INET6;
  inet->sin6_port = htons(static_cast<uint16_t>(given.port));
  address.size = sizeof(*inet);
  if (inet_pton(AF_INET6, given.text.c_str(), &inet->sin6_addr) != 1) {
    return Failure{EINVAL, "inet_pton", given.text};
  }
  if (!given.scope.empty()) {
    Result<uint32_t> index = InterfaceIndex(fd, given.scope);
    if (!index) {
      return index.failure();
    }
    inet->sin6_scope_id = index.value();
  }
  return address;
}

// An abstract name begins with a NUL and has the length that is given; a path ends with a NUL: unix(7).
Result<Address> ToUnix(const std::string &path) {
  Address address;
  auto *local = reinterpret_cast<sockaddr_un *>(&address.storage);
  bool is_abstract = !path.empty() && path[0] == '\0';
  size_t size = path.size() + (is_abstract ? 0 : 1);
  if (size > sizeof(local->sun_path)) {
    return Failure{ENAMETOOLONG, "connect", ""};
  }
  local->sun_family = AF_UNIX;
  memcpy(local->sun_path, path.data(), path.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
  return address;
}

} // namespace

AddressArguments::AddressArguments(const Napi::CallbackInfo &info)
    : domain(IntArgument(info, 1)), text(StringArgument(info, 2)), port(IntArgument(info, 3)),
      scope(StringArgument(info, 4)) {}

Result<Address> ToAddress(int fd, const AddressArguments &given) {
  switch (given.domain) {
    case AF_INET:
      return ToInet(given);
    case AF_INET6:
      return ToInet6(fd, given);
    case AF_UNIX:
      return ToUnix(given.text);
    default:
      return Failure{EAFNOSUPPORT, "connect", ""};
  }
}

std::string TextOf(int family, const void *bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(family, bytes, text, sizeof(text));
  return text;
}

std::string TextOf(const sockaddr_storage &address) {
  return address.ss_family == AF_INET6 ? TextOf(AF_INET6, &reinterpret_cast<const sockaddr_in6 &>(address).sin6_addr)
                                       : TextOf(AF_INET, &reinterpret_cast<const sockaddr_in &>(address).sin_addr);
}

// The port is at the same place for both families.
int PortOf(const sockaddr_storage &address) { return ntohs(reinterpret_cast<const sockaddr_in &>(address).sin_port); }

namespace {

int SocketError(int fd) {
  int error = 0;
  socklen_t size = sizeof(error);
  return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0 ? errno : error;
}

void BindSocket(const Napi::CallbackInfo &info) {
  int fd = IntArgument(info, 0);
  Result<Address> address = ToAddress(fd, AddressArguments(info));
  if (!address) {
    return ThrowSystem(info.Env(), {address.failure().error, "bind", address.failure().path});
  }
  if (bind(fd, address.value().get(), address.value().size) < 0) {
    ThrowSystem(info.Env(), Failure::Last("bind"));
  }
}

void SetSocketOption(const Napi::CallbackInfo &info) {
  int fd = IntArgument(info, 0);
  int level = IntArgument(info, 1);
  int name = IntArgument(info, 2);
  int result;
  if (info[3].IsString()) {
    std::string value = info[3].As<Napi::String>().Utf8Value();
    result = setsockopt(fd, level, name, value.data(), static_cast<socklen_t>(value.size()));
  } else {
    int value = IntArgument(info, 3);
    result = setsockopt(fd, level, name, &value, sizeof(value));
  }
  if (result < 0) {
    ThrowSystem(info.Env(), Failure::Last("setsockopt"));
  }
}

Napi::Value Pipe(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) {
    ThrowSystem(env, Failure::Last("pipe2"));
    return env.Undefined();
  }
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0u, GiveFd(env, Fd(ends[0])));
  result.Set(1u, GiveFd(env, Fd(ends[1])));
  return result;
}

} // namespace

// ── connections ───────────────────────────────────────────────────────────────────────────────────────────────────

void Connecting::Init(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = DefineClass(env, "NativeConnecting", {InstanceMethod<&Connecting::Cancel>("cancel")});
  Environment::Of(env)->Constructor("NativeConnecting") = Napi::Persistent(constructor);
  Export<&Connecting::ConnectFunction>(env, exports, "connectSocket");
}

Connecting::Connecting(const Napi::CallbackInfo &info)
    : Napi::ObjectWrap<Connecting>(info), environment_(Environment::Of(info.Env())) {}

Napi::Value Connecting::ConnectFunction(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  int fd = IntArgument(info, 0);
  Result<Address> address = ToAddress(fd, AddressArguments(info));
  if (!address) {
    ThrowSystem(env, {address.failure().error, "connect", address.failure().path});
    return env.Undefined();
  }
  int on = 1;
  if (ioctl(fd, FIONBIO, &on) < 0) {
    ThrowSystem(env, Failure::Last("ioctl")); // connect(2) would hold up the event loop
    return env.Undefined();
  }
  if (connect(fd, address.value().get(), address.value().size) == 0) {
    return env.Undefined();
  }
  if (errno != EINPROGRESS) {
    ThrowSystem(env, Failure::Last("connect"));
    return env.Undefined();
  }
  // Through lo or a veth, the handshake is over by now, and there is nothing to wait for.
  pollfd writable = {fd, POLLOUT, 0};
  if (poll(&writable, 1, 0) > 0) {
    int error = SocketError(fd);
    if (error != 0) {
      ThrowSystem(env, {error, "connect", ""});
    }
    return env.Undefined();
  }
  Napi::Object object = Environment::Of(env)->Constructor("NativeConnecting").New({});
  Connecting *connecting = UnwrapNew<Connecting>(object);
  if (connecting == nullptr || !connecting->Begin(fd, info[5].As<Napi::Function>())) {
    return env.Undefined();
  }
  return object;
}

bool Connecting::Begin(int fd, const Napi::Function &callback) {
  int error = poll_.Open(environment_, fd, UV_WRITABLE, true, [this] { OnEvent(); });
  if (error != 0) {
    poll_.Close();
    ThrowSystem(Env(), {-error, "epoll_ctl", ""});
    return false;
  }
  environment_->Add(this);
  fd_ = fd;
  callback_ = Napi::Persistent(callback);
  Ref(); // not collected while it waits
  return true;
}

void Connecting::Shut() {
  if (fd_ < 0) {
    return;
  }
  environment_->Remove(this);
  poll_.Close();
  fd_ = -1;
  callback_.Reset();
  Unref();
}

void Connecting::OnEvent() {
  Napi::Env env = Env();
  Napi::HandleScope scope(env);
  int error = SocketError(fd_);
  Napi::FunctionReference callback = std::move(callback_);
  Shut();
  callback.MakeCallback(env.Global(), {Napi::Number::New(env, error)});
  TellUncaught(env);
}

void Connecting::Cancel(const Napi::CallbackInfo &) { Shut(); }

void InitSockets(Napi::Env env, Napi::Object exports) {
  Connecting::Init(env, exports);
  Export<BindSocket>(env, exports, "bindSocket");
  Export<SetSocketOption>(env, exports, "setSocketOption");
  Export<Pipe>(env, exports, "pipe");
}

} // namespace linux_ns
