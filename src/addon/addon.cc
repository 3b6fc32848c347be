// The module: one Environment for each that loads it, and the surface that types/native.d.ts describes.
#include <napi.h>

#include "capture.h"
#include "descriptors.h"
#include "discovery/scan.h"
#include "environment.h"
#include "image.h"
#include "in_place.h"
#include "listener.h"
#include "namespaces.h"
#include "netlink.h"
#include "raw_socket.h"
#include "relay/relays.h"
#include "socket_in.h"
#include "sockets.h"
#include "statmount.h"
#include "task/task.h"
#include "terminal.h"
#include "throw.h"
#include "wire/wires.h"

namespace linux_ns {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  int error = Environment::Create(env);
  if (error != 0) {
    ThrowSystem(env, {-error, "uv_async_init", ""});
    return exports;
  }
  Task::Init(env, exports);
  Terminal::Init(env, exports);
  Netlink::Init(env, exports);
  Capture::Init(env, exports);
  InitListener(env, exports);
  RawSocket::Init(env, exports);
  InitRelays(env, exports);
  InitDescriptors(env, exports);
  InitDiscovery(env, exports);
  InitInPlace(env, exports);
  InitNamespaces(env, exports);
  InitSocketIn(env, exports);
  InitSockets(env, exports);
  InitThread(env, exports);
  InitStatmount(env, exports);
  Wires::Init(env, exports);
  exports.Set("nsinitBytes", Napi::Number::New(env, static_cast<double>(ImageSize())));
  return exports;
}

NODE_API_MODULE(linux_ns, Init)

} // namespace linux_ns
