// A descriptor watched in the environment's loop.
#ifndef LINUX_NS_ADDON_POLL_H
#define LINUX_NS_ADDON_POLL_H

#include <functional>

#include "environment.h"

namespace linux_ns {

class Poll {
public:
  Poll() = default;
  Poll(const Poll &) = delete;
  Poll &operator=(const Poll &) = delete;
  ~Poll() { Close(); }

  // events: of uv_poll_start. Returns 0, or a libuv error. The descriptor stays the caller's, who closes it after
  // Close().
  int Open(Environment *environment, int fd, int events, bool referenced, std::function<void()> on_event);

  // Watches for these events from now on; 0 is none.
  int Watch(int events);

  // libuv stops watching a descriptor that reports an error. Watches it again, where that has happened.
  void Resume();

  void Close();
  void Reference(bool referenced);

private:
  struct Handle;

  Handle *handle_ = nullptr;
  int events_ = 0; // those of uv_poll_start
};

} // namespace linux_ns

#endif
