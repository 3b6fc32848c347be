// All that an environment watches: one descriptor of its loop, an epoll(7) of our own. A handle of libuv for each would
// take four system calls more, and as many again when it is closed.
#ifndef LINUX_NS_ADDON_POLLER_H
#define LINUX_NS_ADDON_POLLER_H

#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "fd.h"

namespace linux_ns {

class Environment;

class Poller {
public:
  struct Target {
    uint64_t id = 0; // while it is watched
    std::function<void()> on_event;
  };

  // Both return 0, or a libuv error.
  int Create();
  int Start(Environment *environment);

  // After a start. The environment is told when the handle is closed.
  void Close();

  // Begins to watch a descriptor, or goes on with other events of epoll_ctl(2), or stops: events 0. Returns 0, or a
  // libuv error.
  int Control(bool watched, int fd, uint32_t events, const std::shared_ptr<Target> &target);

  void KeepAlive(int change) {
    keep_alive_ += change;
    uv_handle_t *handle = reinterpret_cast<uv_handle_t *>(&handle_);
    keep_alive_ > 0 ? uv_ref(handle) : uv_unref(handle);
  }

private:
  void Run();

  Fd epoll_;
  uv_poll_t handle_ = {};
  int keep_alive_ = 0;
  uint64_t last_id_ = 0;
  // By their ids: an event may have been taken out of the queue when its descriptor is let go of.
  std::unordered_map<uint64_t, std::shared_ptr<Target>> targets_;
};

} // namespace linux_ns

#endif
