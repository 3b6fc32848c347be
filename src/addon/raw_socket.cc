// Raw sockets, and those of UDP whose datagrams come for many addresses: raw(7), icmp(7), udp(7), ip(7).
#include "raw_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

// What the kernel adds to a packet. Zeros are what it has not been asked for.
struct Addition {
  timespec time = {};
  int family = AF_UNSPEC;
  in6_addr to = {};
};

Addition AdditionTo(msghdr *message) {
  Addition found;
  for (cmsghdr *part = CMSG_FIRSTHDR(message); part != nullptr; part = CMSG_NXTHDR(message, part)) {
    if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMPNS) {
      memcpy(&found.time, CMSG_DATA(part), sizeof(found.time));
    } else if (part->cmsg_level == IPPROTO_IP && part->cmsg_type == IP_PKTINFO) {
      in_pktinfo info;
      memcpy(&info, CMSG_DATA(part), sizeof(info));
      found.family = AF_INET;
      memcpy(&found.to, &info.ipi_addr, sizeof(info.ipi_addr));
    } else if (part->cmsg_level == IPPROTO_IPV6 && part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info;
      memcpy(&info, CMSG_DATA(part), sizeof(info));
      found.family = AF_INET6;
      found.to = info.ipi6_addr;
    }
  }
  return found;
}

// The room for an address to send from, and what the kernel adds to a packet.
union Control {
  cmsghdr align;
  char bytes[CMSG_SPACE(sizeof(timespec)) + CMSG_SPACE(sizeof(in6_pktinfo))];
};

template <typename Info> void AddInfo(msghdr *message, int level, int type, const Info &info) {
  message->msg_controllen = CMSG_SPACE(sizeof(info));
  cmsghdr *part = CMSG_FIRSTHDR(message);
  part->cmsg_level = level;
  part->cmsg_type = type;
  part->cmsg_len = CMSG_LEN(sizeof(info));
  memcpy(CMSG_DATA(part), &info, sizeof(info));
}

// Says which of its addresses the socket sends from. False for what is no address of that family.
bool SendFrom(int family, const std::string &address, msghdr *message) {
  if (family == AF_INET) {
    in_pktinfo info = {};
    if (inet_pton(AF_INET, address.c_str(), &info.ipi_spec_dst) != 1) {
      return false;
    }
    AddInfo(message, IPPROTO_IP, IP_PKTINFO, info);
    return true;
  }
  in6_pktinfo info = {};
  if (inet_pton(AF_INET6, address.c_str(), &info.ipi6_addr) != 1) {
    return false;
  }
  AddInfo(message, IPPROTO_IPV6, IPV6_PKTINFO, info);
  return true;
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
    ThrowSystem(env, {address.failure().error, "sendmsg", address.failure().path});
    return env.Undefined();
  }
  Control control = {};
  iovec part = {bytes.data, bytes.size};
  msghdr message = {};
  message.msg_name = &address.value().storage;
  message.msg_namelen = address.value().size;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (info[5].IsString()) {
    message.msg_control = &control;
    if (!SendFrom(address.value().storage.ss_family, info[5].As<Napi::String>().Utf8Value(), &message)) {
      ThrowSystem(env, {EINVAL, "sendmsg", ""});
      return env.Undefined();
    }
  }
  uint64_t at = Now();
  if (sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    ThrowSystem(env, Failure::Last("sendmsg"));
    return env.Undefined();
  }
  return Napi::BigInt::New(env, at);
}

Napi::Value RawSocket::Receive(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  char data[kMostBytes];
  Control control;
  sockaddr_storage from = {};
  iovec part = {data, sizeof(data)};
  msghdr message = {};
  message.msg_name = &from;
  message.msg_namelen = sizeof(from);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = &control;
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
  Addition addition = AdditionTo(&message);
  uint64_t at = addition.time.tv_sec == 0 ? Now() : Nanoseconds(addition.time);
  Napi::Array result = Napi::Array::New(env, 5);
  result.Set(0u, Napi::Buffer<char>::Copy(env, data, static_cast<size_t>(got)));
  result.Set(1u, Napi::String::New(env, TextOf(from)));
  result.Set(2u, Napi::BigInt::New(env, at));
  result.Set(3u, Napi::Number::New(env, PortOf(from)));
  if (addition.family != AF_UNSPEC) {
    result.Set(4u, Napi::String::New(env, TextOf(addition.family, &addition.to)));
  }
  return result;
}

} // namespace linux_ns
