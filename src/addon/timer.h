// A timer of the environment's loop, which does not keep the loop alive.
#ifndef LINUX_NS_ADDON_TIMER_H
#define LINUX_NS_ADDON_TIMER_H

#include <uv.h>

#include <functional>

#include "environment.h"

namespace linux_ns {

class Timer {
public:
  Timer() = default;
  Timer(const Timer &) = delete;
  Timer &operator=(const Timer &) = delete;
  ~Timer() { Close(); }

  // Calls the function again and again until the timer is closed, each time after that many milliseconds.
  void Start(Environment *environment, uint64_t milliseconds, std::function<void()> on_time) {
    Close();
    handle_ = new Handle{{}, environment, std::move(on_time)};
    uv_timer_init(environment->loop(), &handle_->timer);
    handle_->timer.data = handle_;
    environment->HandleOpened();
    uv_unref(reinterpret_cast<uv_handle_t *>(&handle_->timer));
    uv_timer_start(
        &handle_->timer, [](uv_timer_t *timer) { static_cast<Handle *>(timer->data)->on_time(); }, milliseconds,
        milliseconds);
  }

  // May be called from within the callback.
  void Close() {
    if (handle_ == nullptr) {
      return;
    }
    uv_close(reinterpret_cast<uv_handle_t *>(&handle_->timer), [](uv_handle_t *closed) {
      Handle *handle = static_cast<Handle *>(closed->data);
      handle->environment->HandleClosed();
      delete handle;
    });
    handle_ = nullptr;
  }

private:
  struct Handle {
    uv_timer_t timer;
    Environment *environment;
    std::function<void()> on_time;
  };

  Handle *handle_ = nullptr;
};

} // namespace linux_ns

#endif
