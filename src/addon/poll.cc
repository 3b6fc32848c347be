#include "poll.h"

#include <uv.h>

namespace linux_ns {

struct Poll::Handle {
  uv_poll_t poll;
  Environment *environment;
  std::function<void()> on_event;
};

int Poll::Open(Environment *environment, int fd, int events, bool referenced, std::function<void()> on_event) {
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

int Poll::Watch(int events) {
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

void Poll::Resume() {
  if (handle_ != nullptr && events_ != 0 && !uv_is_active(reinterpret_cast<uv_handle_t *>(&handle_->poll))) {
    Watch(events_);
  }
}

void Poll::Close() {
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

void Poll::Reference(bool referenced) {
  if (handle_ == nullptr) {
    return;
  }
  uv_handle_t *handle = reinterpret_cast<uv_handle_t *>(&handle_->poll);
  referenced ? uv_ref(handle) : uv_unref(handle);
}

} // namespace linux_ns
