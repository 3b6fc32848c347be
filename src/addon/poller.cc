#include "poller.h"

#include <sys/epoll.h>

#include <cerrno>

#include "environment.h"

namespace linux_ns {
namespace {

constexpr int kMostAtOnce = 64; // before it is the turn of other events of the loop

} // namespace

int Poller::Create() {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  return epoll_ ? 0 : -errno;
}

int Poller::Start(Environment *environment) {
  int error = uv_poll_init(environment->loop(), &handle_, epoll_.get());
  if (error != 0) {
    return error;
  }
  environment->HandleOpened();
  handle_.data = environment;
  uv_unref(reinterpret_cast<uv_handle_t *>(&handle_));
  return uv_poll_start(&handle_, UV_READABLE,
                       [](uv_poll_t *handle, int, int) { static_cast<Environment *>(handle->data)->poller().Run(); });
}

void Poller::Close() {
  uv_close(reinterpret_cast<uv_handle_t *>(&handle_),
           [](uv_handle_t *handle) { static_cast<Environment *>(handle->data)->HandleClosed(); });
}

int Poller::Control(bool watched, int fd, uint32_t events, const std::shared_ptr<Target> &target) {
  if (events == 0) {
    targets_.erase(target->id);
    epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
    return 0;
  }
  uint64_t id = watched ? target->id : ++last_id_;
  epoll_event event = {};
  event.events = events;
  event.data.u64 = id;
  if (epoll_ctl(epoll_.get(), watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0) {
    return -errno;
  }
  target->id = id;
  targets_[id] = target;
  return 0;
}

// A function that is called may let go of its own descriptor, and of others.
void Poller::Run() {
  epoll_event events[kMostAtOnce];
  int count = epoll_wait(epoll_.get(), events, kMostAtOnce, 0);
  for (int i = 0; i < count; i++) {
    auto found = targets_.find(events[i].data.u64);
    if (found != targets_.end()) {
      std::shared_ptr<Target> target = found->second;
      target->on_event();
    }
  }
}

} // namespace linux_ns
