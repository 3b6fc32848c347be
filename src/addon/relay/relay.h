// Two connected sockets, of which each sends what the other receives: tcp(7).
#ifndef LINUX_NS_ADDON_RELAY_RELAY_H
#define LINUX_NS_ADDON_RELAY_RELAY_H

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <vector>

#include "../awaited.h"
#include "../failure.h"
#include "../fd.h"

namespace linux_ns {

// The most that is received in one system call. Larger parts wake the two programs less often; those of a megabyte are
// not faster any more, and other connections wait for each.
constexpr size_t kRelayPart = 512 << 10;

// A socket, and the flow of what it receives to the other one.
struct RelaySide {
  Fd socket;
  bool open = false;         // the end of its flow has not come yet
  std::vector<uint8_t> held; // received, and not sent yet
  size_t sent = 0;           // of those
  // True until the kernel says that there is nothing to receive, or no room to send: epoll(7), edge-triggered.
  bool readable = true;
  bool writable = true;
  std::atomic<uint64_t> received{0};
};

class Relay {
public:
  enum class State { kWaits, kReady, kEnded, kBroken };

  // Before it is watched, `sides` may be filled in. Where the flow of the first side is not open, it is Node's: Node
  // then has a part in both connections, and ends them.
  Relay(uint32_t number, Awaited ended) : number(number), ended(ended) { uv_mutex_init(&mutex_); }
  ~Relay() { uv_mutex_destroy(&mutex_); }
  Relay(const Relay &) = delete;
  Relay &operator=(const Relay &) = delete;

  // Has an epoll(7) instance watch it. Events have the number of the relay, shifted by one bit, which is the side.
  // Where it fails, the relay is closed, and nothing has been sent.
  Failure Watch(int epoll);

  // On the thread: takes note of an event; receives and sends what is possible, up to a limit, after which it is still
  // ready.
  void Note(size_t side, uint32_t events);
  // `buffer` has kRelayPart bytes.
  State Move(uint8_t *buffer);

  // Any thread: when it returns, nothing more is received or sent. Waits while one call of Move() goes on.
  void Close(int epoll, bool reset);

  const uint32_t number;
  const Awaited ended; // Node's thread
  bool queued = false; // the relays' thread
  RelaySide sides[2];

private:
  Failure WatchSide(int epoll, size_t at);
  void CloseSides(int epoll, bool reset);
  State MoveFrom(RelaySide *from, RelaySide *to, uint8_t *buffer);

  uv_mutex_t mutex_; // guards the sides, once they are watched
  bool both_ = false;
  bool broken_ = false;
};

} // namespace linux_ns

#endif
