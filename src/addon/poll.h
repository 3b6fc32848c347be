// Descriptors watched in the environment's loop.
#ifndef LINUX_NS_ADDON_POLL_H
#define LINUX_NS_ADDON_POLL_H

#include <cstdint>
#include <functional>
#include <memory>

#include "environment.h"

namespace linux_ns {

class Poll {
public:
  Poll() = default;
  Poll(const Poll &) = delete;
  Poll &operator=(const Poll &) = delete;
  ~Poll() { Close(); }

  // events: of uv_poll_start; an error or a hang-up is always told. Returns 0, or a libuv error. The descriptor stays
  // the caller's, who closes it after Close(). It is not made non-blocking.
  int Open(Environment *environment, int fd, int events, bool referenced, std::function<void()> on_event);

  // Watches for these events from now on; 0 is none. Returns 0, or a libuv error.
  int Watch(int events);

  void Close();
  void Reference(bool referenced);

private:
  struct Target;

  std::shared_ptr<Target> target_; // shared with the call of its function
};

} // namespace linux_ns

#endif
