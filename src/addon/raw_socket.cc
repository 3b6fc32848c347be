// Raw sockets: raw(7), icmp(7).
#include "raw_socket.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>

#include <cstdint>
#include <cstring>

#include "bytes.h"
#include "descriptors.h"
#include "sockets.h"
#include "throw.h"

namespace linux_ns {
namespace {

constexpr size_t kMostBytes = 64 << 10; // a packet of IP is not longer

uint64_t Nanoseconds(const timespec &time) {
  return static_cast<uint64_t>(time.tv_sec) * 1000000000 + static_cast<uint64_t>(time.tv_nsec);
}

uint64_t Now() {
  timespec now = {};
  clock_gettime(CLOCK_REALTIME, &now);
  return Nanoseconds(now);
}

// The time at which the kernel has received it.
uint64_t ReceivedAt(msghdr *message) {
  for (cmsghdr *part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
      timespec time;
      memcpy(&time, CMSG_DATA(part), sizeof(time));
      return Nanoseconds(time);
    }
  }
  return Now();
}

std::string TextOf(const sockaddr_storage &address) {
  char text[INET6_ADDRSTRLEN] = "";
  const void *bytes = address.ss_family == AF_INET6
                          ? static_cast<const void *>(&reinterpret_cast<const sockaddr_in6 &>(address).sin6_addr)
                          : &reinterpret_cast<const sockaddr_in &>(address).sin_addr;
  inet_ntop(address.ss_family, bytes, text, sizeof(text));
  return text;
}

} // namespace

void RawSocket::Init(Napi::Env env, Napi::Object exports) {
  Define(env, exports, "openRawSocket",
         {
             InstanceMethod<&RawSocket::Send>("send"),
             InstanceMethod<&RawSocket::Receive>("receive"),
         });
}

bool RawSocket::Begin(const Napi::CallbackInfo &info) {
  int fd = IntArgument(info, 0);
  int on = 1;
  if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) < 0) {
    ThrowSystem(Env(), Failure::Last("setsockopt"));
    return false;
  }
  return TakeOver(Env(), fd, UV_READABLE, info[1].As<Napi::Function>());
}

Napi::Value RawSocket::Send(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  Bytes bytes;
  if (!BytesArgument(info, 0, &bytes)) {
    return env.Undefined();
  }
  Result<Address> address = ToAddress(fd(), AddressArguments(info));
  if (!address) {
    ThrowSystem(env, {address.failure().error, "sendto", address.failure().path});
    return env.Undefined();
  }
  uint64_t at = Now();
  ssize_t sent =
      sendto(fd(), bytes.data, bytes.size, MSG_DONTWAIT | MSG_NOSIGNAL, address.value().get(), address.value().size);
  if (sent < 0) {
    ThrowSystem(env, Failure::Last("sendto"));
    return env.Undefined();
  }
  return Napi::BigInt::New(env, at);
}

Napi::Value RawSocket::Receive(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  char data[kMostBytes];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(timespec))];
  sockaddr_storage from = {};
  iovec part = {data, sizeof(data)};
  msghdr message = {};
  message.msg_name = &from;
  message.msg_namelen = sizeof(from);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ssize_t got;
  do {
    got = recvmsg(fd(), &message, MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) {
    return env.Undefined();
  }
  if (got < 0) {
    ThrowSystem(env, Failure::Last("recvmsg"));
    return env.Undefined();
  }
  Napi::Array result = Napi::Array::New(env, 3);
  result.Set(0u, Napi::Buffer<char>::Copy(env, data, static_cast<size_t>(got)));
  result.Set(1u, Napi::String::New(env, TextOf(from)));
  result.Set(2u, Napi::BigInt::New(env, ReceivedAt(&message)));
  return result;
}

} // namespace linux_ns
