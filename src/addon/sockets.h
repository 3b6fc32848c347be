// Sockets by descriptor: bind(2), connect(2), setsockopt(2).
#ifndef LINUX_NS_ADDON_SOCKETS_H
#define LINUX_NS_ADDON_SOCKETS_H

#include <napi.h>
#include <sys/socket.h>
#include <uv.h>

#include <string>

#include "environment.h"
#include "failure.h"
#include "poll.h"

namespace linux_ns {

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;

  const sockaddr *get() const { return reinterpret_cast<const sockaddr *>(&storage); }
};

// The arguments `domain, address, port, scope` of types/native.d.ts, from the second on.
struct AddressArguments {
  int domain;
  std::string text;
  int port;
  std::string scope; // empty for none

  explicit AddressArguments(const Napi::CallbackInfo &info);
};

// The address that the arguments stand for; the socket answers for the names of its interfaces.
Result<Address> ToAddress(int fd, const AddressArguments &given);

// An IP address as text, without its scope; its port.
std::string TextOf(int family, const void *bytes);
std::string TextOf(const sockaddr_storage &address);
int PortOf(const sockaddr_storage &address);

// A connection that is being made: NativeConnecting of types/native.d.ts. The descriptor stays JavaScript's.
class Connecting : public Napi::ObjectWrap<Connecting>, public Closable {
public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Connecting(const Napi::CallbackInfo &info);

  // Waits no longer, and calls nobody.
  void Shut() override;

private:
  static Napi::Value ConnectFunction(const Napi::CallbackInfo &info);
  bool Begin(int fd, const Napi::Function &callback);
  void OnEvent();
  void Cancel(const Napi::CallbackInfo &info);

  Environment *environment_;
  int fd_ = -1; // while it waits
  Poll poll_;
  Napi::FunctionReference callback_;
};

void InitSockets(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
