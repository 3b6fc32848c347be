// Netlink sockets, and addresses as text: netlink(7), rtnetlink(7), inet_pton(3).
#include "netlink.h"

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "export.h"
#include "awaited.h"
#include "bytes.h"
#include "descriptors.h"
#include "environment_job.h"
#include "throw.h"

namespace linux_ns {
namespace {

// More than any datagram has: a dump fills 32 kB at most, and one message of an interface with many virtual functions
// comes close to that.
constexpr size_t kMostBytes = 256 << 10;

// After this many bytes of answers no further segment is sent. Those that are there are read first, in turns that do
// not hold up the event loop, and do not fill the memory meanwhile.
constexpr size_t kEnoughBytes = 1 << 20;

// Sends messages and gathers the answers, on a thread for netlink.
class Conversation {
public:
  Conversation(std::shared_ptr<Fd> socket, const Bytes &request, const Bytes &segments)
      : socket_(std::move(socket)), request_(request.data, request.data + request.size),
        segments_(NumbersOf(segments)) {}

  void Run() {
    scratch_.reset(new char[kMostBytes]);
    size_t at = 0;
    while (sent < segments_.size() && answers.size() < kEnoughBytes) {
      size_t size = segments_[sent++];
      if (size > request_.size() - at || !Send(request_.data() + at, size) || !Drain()) {
        break;
      }
      at += size;
    }
    scratch_.reset();
    socket_.reset();
  }

  std::vector<char> answers;
  size_t sent = 0; // segments, the one that failed among them
  Failure failure;

private:
  bool Send(const char *data, size_t size) {
    ssize_t sent;
    do {
      sent = send(socket_->get(), data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent >= 0 || Fail("sendmsg", errno);
  }

  // The kernel has answered when send(2) returns; for a dump, each recv(2) makes the next part. The answers come to an
  // end, because nobody else can send to this socket (ConnectToKernel).
  bool Drain() {
    for (;;) {
      sockaddr_nl sender = {};
      socklen_t size = sizeof(sender);
      ssize_t got = recvfrom(socket_->get(), scratch_.get(), kMostBytes, MSG_DONTWAIT | MSG_TRUNC,
                             reinterpret_cast<sockaddr *>(&sender), &size);
      if (got < 0 && errno == EINTR) {
        continue;
      }
      if (got < 0 && errno == ENOBUFS) {
        Fail("recvmsg", ENOBUFS); // some are lost; those that are not come after this
        continue;
      }
      if (got < 0) {
        return errno == EAGAIN || Fail("recvmsg", errno);
      }
      if (got == 0) {
        // A socket that has an end, and no sender, is no netlink socket: somebody has closed ours. A netlink socket
        // gives empty datagrams, over and over, when a route of the IPv6 part of a list fits in none: the list goes no
        // further.
        return Fail("recvmsg", size == 0 ? EBADF : EMSGSIZE);
      }
      if (static_cast<size_t>(got) > kMostBytes) {
        return Fail("recvmsg", EMSGSIZE);
      }
      answers.insert(answers.end(), scratch_.get(), scratch_.get() + got);
      answers.resize(NLMSG_ALIGN(answers.size()));
    }
  }

  bool Fail(const char *syscall, int error) {
    failure = {error, syscall, ""};
    return false;
  }

  std::shared_ptr<Fd> socket_;
  std::vector<char> request_;
  std::vector<uint32_t> segments_;
  std::unique_ptr<char[]> scratch_; // not filled with zeros
};

void Tell(Environment *environment, Awaited awaited, Conversation *conversation) {
  Napi::Env env = awaited->Env();
  Napi::HandleScope scope(env);
  Napi::Value answers = GiveBytes(env, std::move(conversation->answers));
  if (answers.IsEmpty()) { // the environment is being terminated
    TakeAwaited(environment, awaited);
    return;
  }
  const Failure &failure = conversation->failure;
  CallAwaited(environment, awaited,
              {answers, Napi::Number::New(env, failure.error), Napi::String::New(env, failure.syscall),
               Napi::Number::New(env, static_cast<double>(conversation->sent))});
}

bool SetOption(int fd, int level, int option, int value) {
  return setsockopt(fd, level, option, &value, sizeof(value)) == 0;
}

// Without a port of its own, which bind(2) gives it, a socket is taken for the kernel's, and gets no events. A
// connected socket takes messages from nobody else. Otherwise a process with CAP_NET_ADMIN over the network could send
// messages that look like the kernel's answers, or send without end.
bool ConnectToKernel(int fd, Failure *failure) {
  sockaddr_nl any = {};
  any.nl_family = AF_NETLINK;
  const sockaddr *address = reinterpret_cast<const sockaddr *>(&any);
  if (bind(fd, address, sizeof(any)) < 0) {
    *failure = Failure::Last("bind");
    return false;
  }
  if (connect(fd, address, sizeof(any)) < 0) {
    *failure = Failure::Last("connect");
    return false;
  }
  return true;
}

Napi::Value AddressBytes(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  char text[INET6_ADDRSTRLEN] = {};
  size_t length = 0;
  if (!info[0].IsString() || napi_get_value_string_utf8(env, info[0], text, sizeof(text), &length) != napi_ok ||
      length + 1 >= sizeof(text) || strlen(text) != length) {
    return env.Undefined();
  }
  char bytes[sizeof(in6_addr)];
  if (inet_pton(AF_INET, text, bytes) == 1) {
    return Napi::Buffer<char>::Copy(env, bytes, sizeof(in_addr));
  }
  if (inet_pton(AF_INET6, text, bytes) == 1) {
    return Napi::Buffer<char>::Copy(env, bytes, sizeof(in6_addr));
  }
  return env.Undefined();
}

Napi::Value AddressText(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  Bytes bytes;
  if (!BytesArgument(info, 0, &bytes)) {
    return env.Undefined();
  }
  size_t offset = static_cast<size_t>(IntArgument(info, 1));
  size_t length = static_cast<size_t>(IntArgument(info, 2));
  bool fits = (length == sizeof(in_addr) || length == sizeof(in6_addr)) && length <= bytes.size &&
              offset <= bytes.size - length;
  if (!fits) {
    ThrowSystem(env, {EINVAL, "inet_ntop", ""});
    return env.Undefined();
  }
  char text[INET6_ADDRSTRLEN];
  inet_ntop(length == sizeof(in_addr) ? AF_INET : AF_INET6, bytes.data + offset, text, sizeof(text));
  return Napi::String::New(env, text);
}

} // namespace

void Netlink::Init(Napi::Env env, Napi::Object exports) {
  Define(env, exports, "openNetlink",
         {
             InstanceMethod<&Netlink::Exchange>("exchange"),
             InstanceMethod<&Netlink::Join>("join"),
             InstanceMethod<&Netlink::Leave>("leave"),
             InstanceMethod<&Netlink::Receive>("receive"),
         });
  Export<AddressBytes>(env, exports, "addressBytes");
  Export<AddressText>(env, exports, "addressText");
}

bool Netlink::Begin(const Napi::CallbackInfo &info) {
  int fd = IntArgument(info, 0);
  int receive_buffer = IntArgument(info, 1);
  bool set = SetOption(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1) && SetOption(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1) &&
             SetOption(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1) &&
             // A buffer above net.core.rmem_max needs CAP_NET_ADMIN: socket(7).
             (SetOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, receive_buffer) ||
              SetOption(fd, SOL_SOCKET, SO_RCVBUF, receive_buffer));
  if (!set) {
    ThrowSystem(Env(), Failure::Last("setsockopt"));
    return false;
  }
  Failure failure;
  if (!ConnectToKernel(fd, &failure)) {
    ThrowSystem(Env(), failure);
    return false;
  }
  return TakeOver(Env(), fd, 0, info[2].As<Napi::Function>());
}

void Netlink::Exchange(const Napi::CallbackInfo &info) {
  Environment *environment = environment_;
  Bytes request;
  Bytes segments;
  if (!BytesArgument(info, 0, &request) || !BytesArgument(info, 1, &segments)) {
    return;
  }
  std::shared_ptr<Conversation> conversation(new Conversation(fd_, request, segments));
  Awaited awaited = Await(environment, info[2].As<Napi::Function>());
  auto tell = [environment, awaited, conversation] { Tell(environment, awaited, conversation.get()); };
  auto job = std::make_unique<EnvironmentJob>(environment, [environment, conversation, tell](const Stack &) {
    conversation->Run();
    environment->Post(tell);
  });
  if (!Submit(std::move(job), Lane::kNetlink)) {
    conversation->failure = {EAGAIN, "clone", ""};
    environment->Post(tell);
  }
}

void Netlink::SetMembership(const Napi::CallbackInfo &info, int option) {
  if (!SetOption(fd(), SOL_NETLINK, option, IntArgument(info, 0))) {
    ThrowSystem(info.Env(), Failure::Last("setsockopt"));
  }
}

void Netlink::Join(const Napi::CallbackInfo &info) { SetMembership(info, NETLINK_ADD_MEMBERSHIP); }

void Netlink::Leave(const Napi::CallbackInfo &info) { SetMembership(info, NETLINK_DROP_MEMBERSHIP); }

Napi::Value Netlink::Receive(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  // This is no dump. The longest event is that of a link with many alternative names, whose list has 64 KiB at most.
  alignas(NLMSG_ALIGNTO) char bytes[128 << 10];
  sockaddr_nl sender = {};
  ssize_t got;
  do {
    socklen_t size = sizeof(sender);
    got = recvfrom(fd(), bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC, reinterpret_cast<sockaddr *>(&sender), &size);
  } while (got < 0 && errno == EINTR);
  if (got < 0 && errno == EAGAIN) {
    return env.Undefined();
  }
  // Others may send to a group too, whether the socket is connected or not. Their messages are not believed.
  if (got >= 0 && sender.nl_pid != 0) {
    return Napi::Buffer<char>::Copy(env, bytes, 0);
  }
  if (got <= 0 || static_cast<size_t>(got) > sizeof(bytes)) {
    ThrowSystem(env, {got < 0 ? errno : got == 0 ? EBADF : EMSGSIZE, "recvmsg", ""});
    return env.Undefined();
  }
  return Napi::Buffer<char>::Copy(env, bytes, static_cast<size_t>(got));
}

} // namespace linux_ns
