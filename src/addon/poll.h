// A descriptor watched in the environment's loop.
#ifndef LINUX_NS_ADDON_POLL_H
#define LINUX_NS_ADDON_POLL_H

#include <uv.h>

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
  int Open(Environment *environment, int fd, int events, bool referenced, std::function<void()> on_event) {
    Handle *handle = new Handle{{}, environment, std::move(on_event)};
    int error = uv_poll_init(environment->loop(), &handle->poll, fd);
    if (error != 0) {
      delete handle;
      return error;
    }
    handle->poll.data = handle;
    environment->HandleOpened();
    handle_ = handle;
    Reference(referenced);
    return Watch(events);
  }

  // Watches for these events from now on; 0 is none.
  int Watch(int events) {
    if (handle_ == nullptr) {
      return 0;
    }
    events_ = events;
    if (events == 0) {
      return uv_poll_stop(&handle_->poll);
    }
    // An error condition (a peer that died with unread data) counts as the end, like a hang-up: the reader finds it
    // out.
    return uv_poll_start(&handle_->poll, events,
                         [](uv_poll_t *poll, int, int) { static_cast<Handle *>(poll->data)->on_event(); });
  }

  // libuv stops watching a descriptor that reports an error. Watches it again, where that has happened.
  void Resume() {
    if (handle_ != nullptr && events_ != 0 && !uv_is_active(reinterpret_cast<uv_handle_t *>(&handle_->poll))) {
      Watch(events_);
    }
  }

  void Close() {
    if (handle_ == nullptr) {
      return;
    }
    uv_close(reinterpret_cast<uv_handle_t *>(&handle_->poll), [](uv_handle_t *closed) {
      Handle *handle = static_cast<Handle *>(closed->data);
      handle->environment->HandleClosed();
      delete handle;
    });
    handle_ = nullptr;
  }

  void Reference(bool referenced) {
    if (handle_ == nullptr) {
      return;
    }
    uv_handle_t *handle = reinterpret_cast<uv_handle_t *>(&handle_->poll);
    referenced ? uv_ref(handle) : uv_unref(handle);
  }

private:
  struct Handle {
    uv_poll_t poll;
    Environment *environment;
    std::function<void()> on_event;
  };

  Handle *handle_ = nullptr;
  int events_ = 0; // those of uv_poll_start
};

} // namespace linux_ns

#endif
