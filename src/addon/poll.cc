#include "poll.h"

#include <sys/epoll.h>
#include <uv.h>

#include <cerrno>

#include "poller.h"

namespace linux_ns {

struct Poll::Target : Poller::Target {
  Environment *environment;
  int fd;
  int events = 0; // those of uv_poll_start
  bool referenced;
};

namespace {

uint32_t EpollEvents(int events) {
  return ((events & UV_READABLE) != 0 ? EPOLLIN : 0u) | ((events & UV_WRITABLE) != 0 ? EPOLLOUT : 0u) |
         ((events & UV_DISCONNECT) != 0 ? EPOLLRDHUP : 0u);
}

} // namespace

int Poll::Open(Environment *environment, int fd, int events, bool referenced, std::function<void()> on_event) {
  target_.reset(new Target());
  target_->on_event = std::move(on_event);
  target_->environment = environment;
  target_->fd = fd;
  target_->referenced = referenced;
  return Watch(events);
}

// The loop goes on as long as something is watched that is referenced.
int Poll::Watch(int events) {
  if (target_ == nullptr || events == target_->events) {
    return 0;
  }
  Poller &poller = target_->environment->poller();
  bool watched = target_->events != 0;
  int error = poller.Control(watched, target_->fd, EpollEvents(events), target_);
  if (error != 0) {
    return error;
  }
  target_->events = events;
  if (target_->referenced && watched != (events != 0)) {
    poller.KeepAlive(watched ? -1 : 1);
  }
  return 0;
}

void Poll::Close() {
  Watch(0);
  target_.reset();
}

void Poll::Reference(bool referenced) {
  if (target_ == nullptr || target_->referenced == referenced) {
    return;
  }
  target_->referenced = referenced;
  if (target_->events != 0) {
    target_->environment->poller().KeepAlive(referenced ? 1 : -1);
  }
}

} // namespace linux_ns
