#include "relay.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

namespace linux_ns {
namespace {

// What is received though there may be no room for it: a send(2) that finds none has an event when there is some.
constexpr size_t kLeastPart = 64 << 10;

// The number of bytes to receive: for so many the other socket has room. It would be a waste to keep more, as they
// would have to be copied.
size_t PartFor(int fd) {
  uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t size = sizeof(memory);
  getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &size);
  uint32_t most = memory[SK_MEMINFO_SNDBUF];
  uint32_t taken = memory[SK_MEMINFO_WMEM_QUEUED];
  return std::clamp<size_t>(most > taken ? most - taken : 0, kLeastPart, kRelayPart);
}

// The number of bytes for which there is room; -1 where the connection has broken off.
ssize_t SendTo(RelaySide *to, const uint8_t *bytes, size_t size) {
  ssize_t count = send(to->socket.get(), bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count >= 0 || errno != EAGAIN) {
    return count;
  }
  to->writable = false;
  return 0;
}

// Sends what is held. False where the connection has broken off.
bool SendHeld(RelaySide *from, RelaySide *to) {
  while (to->writable && from->sent < from->held.size()) {
    ssize_t count = SendTo(to, from->held.data() + from->sent, from->held.size() - from->sent);
    if (count < 0) {
      return false;
    }
    from->sent += static_cast<size_t>(count);
  }
  if (from->sent == from->held.size() && from->sent > 0) {
    std::vector<uint8_t>().swap(from->held); // gives its memory back
    from->sent = 0;
  }
  return true;
}

} // namespace

// The thread waits meanwhile: it must not relay anything where the second socket cannot be watched.
Failure Relay::Watch(int epoll) {
  uv_mutex_lock(&mutex_);
  both_ = sides[0].open;
  Failure failure;
  for (size_t i = 0; i < 2 && failure.error == 0; i++) {
    failure = WatchSide(epoll, i);
  }
  if (failure.error != 0) {
    CloseSides(epoll, false);
  }
  uv_mutex_unlock(&mutex_);
  return failure;
}

// Of a socket from which nothing is received here, Node hears by itself what comes.
Failure Relay::WatchSide(int epoll, size_t at) {
  epoll_event event = {};
  event.events = EPOLLET | EPOLLOUT;
  if (sides[at].open) {
    event.events |= EPOLLIN | EPOLLRDHUP;
  }
  event.data.u64 = (static_cast<uint64_t>(number) << 1) | at;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, sides[at].socket.get(), &event) < 0 ? Failure::Last("epoll_ctl") : Failure{};
}

void Relay::Note(size_t at, uint32_t events) {
  uv_mutex_lock(&mutex_);
  RelaySide &side = sides[at];
  side.readable |= (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  side.writable |= (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
  // Where something is still to be received, that tells of the error, after the bytes that have come before it.
  broken_ |= (events & EPOLLERR) != 0 && !side.open;
  uv_mutex_unlock(&mutex_);
}

Relay::State Relay::Move(uint8_t *buffer) {
  uv_mutex_lock(&mutex_);
  State result = State::kWaits;
  if (broken_) {
    result = State::kBroken;
  } else if (sides[0].socket) { // else it has been closed
    State there = MoveFrom(&sides[0], &sides[1], buffer);
    State back = there == State::kBroken ? there : MoveFrom(&sides[1], &sides[0], buffer);
    result = back == State::kWaits ? there : back;
    if (result == State::kWaits && !sides[0].open && !sides[1].open) {
      result = State::kEnded;
    }
  }
  uv_mutex_unlock(&mutex_);
  return result;
}

Relay::State Relay::MoveFrom(RelaySide *from, RelaySide *to, uint8_t *buffer) {
  if (!SendHeld(from, to)) {
    return State::kBroken;
  }
  if (!from->held.empty() || !from->open || !from->readable || !to->writable) {
    return State::kWaits;
  }
  ssize_t size = recv(from->socket.get(), buffer, PartFor(to->socket.get()), MSG_DONTWAIT);
  if (size < 0 && errno == EAGAIN) {
    from->readable = false;
    return State::kWaits;
  }
  if (size < 0) {
    return State::kBroken;
  }
  if (size == 0) {
    from->open = false;
    if (both_) {
      shutdown(to->socket.get(), SHUT_WR); // where that fails, the socket has an event
    }
    return State::kWaits;
  }
  from->received += static_cast<uint64_t>(size);
  ssize_t count = SendTo(to, buffer, static_cast<size_t>(size));
  if (count < 0) {
    return State::kBroken;
  }
  from->held.assign(buffer + count, buffer + size);
  return State::kReady;
}

void Relay::Close(int epoll, bool reset) {
  uv_mutex_lock(&mutex_);
  CloseSides(epoll, reset);
  uv_mutex_unlock(&mutex_);
}

// The descriptors are copies of Node's where Node has a part in the connections. So to close them does not end the
// watch, and does not end the connections either.
void Relay::CloseSides(int epoll, bool reset) {
  for (RelaySide &side : sides) {
    epoll_ctl(epoll, EPOLL_CTL_DEL, side.socket.get(), nullptr);
    if (reset && both_) {
      linger now = {1, 0}; // close(2) resets: socket(7)
      setsockopt(side.socket.get(), SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    side.socket.Reset();
  }
}

} // namespace linux_ns
