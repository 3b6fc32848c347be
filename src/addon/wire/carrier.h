// The thread that carries the frames of the wires of one environment's lab. A wire is two packet sockets, each bound to
// an interface: what one interface receives leaves by the other. packet(7)
#ifndef LINUX_NS_ADDON_WIRE_CARRIER_H
#define LINUX_NS_ADDON_WIRE_CARRIER_H

#include <sys/socket.h>
#include <uv.h>

#include <atomic>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "../failure.h"
#include "../fd.h"
#include "rule.h"

namespace linux_ns {

// Written by the thread, read by JavaScript at any time.
struct Counters {
  // In the order of WireCounters of types/native.d.ts.
  enum Kind {
    kSent,
    kDelivered,
    kLost,
    kQueueFull,
    kTooLarge,
    kOverrun,
    kRefused,
    kDuplicated,
    kReordered,
    kCorrupted,
    kKinds
  };
  std::array<std::atomic<uint64_t>, kKinds> values = {};

  void Add(Kind kind, uint64_t count = 1) { values[kind].fetch_add(count, std::memory_order_relaxed); }
};

// One direction of a wire. It is the thread's, but for the counters.
struct Direction {
  Direction(int from_fd, int to_fd, uint64_t seed, std::shared_ptr<Counters> counted)
      : from(from_fd), to(to_fd), chances(seed), counters(std::move(counted)) {}

  int from;
  int to;
  Chances chances;
  std::shared_ptr<Counters> counters;
  std::vector<std::pair<uint32_t, Rule>> rules; // the first that takes a frame has it; in the order of their numbers
  size_t waiting_bytes = 0;
};

// A frame that waits for its time.
struct Waiting {
  uint64_t due;
  uint64_t order; // among those with the same time
  Direction *direction;
  size_t size;
  std::unique_ptr<uint8_t[]> bytes; // the header of its offloads, then the frame

  // For a heap with the first one on top.
  bool operator<(const Waiting &other) const { return due != other.due ? due > other.due : order > other.order; }
};

class Carrier {
public:
  // Opens what the thread needs.
  static Result<std::shared_ptr<Carrier>> Open();
  ~Carrier();

  // Prepares a packet socket for a wire, on any thread.
  static Failure PrepareSocket(int fd, int interface);

  // The functions from here on are called on Node's thread. What they ask for is done in its order, on the carrier's.
  void AddWire(uint32_t wire, int first, int second, const std::array<uint64_t, 2> &seeds,
               const std::array<std::shared_ptr<Counters>, 2> &counters);
  void SetRule(uint32_t wire, size_t direction, uint32_t number, Rule rule);
  void RemoveRule(uint32_t wire, size_t direction, uint32_t number);
  // Delivers all that waits, and impairs nothing from then on.
  void Release(uint32_t wire);
  // Uses its sockets no longer, and forgets what waits.
  void RemoveWire(uint32_t wire);
  // Calls the function, on the carrier's thread, when all that was asked for before is done.
  void Then(std::function<void()> done) { Post(std::move(done)); }
  void Stop();

  // The thread itself: until Stop().
  void Run();

private:
  struct Wire {
    std::array<Direction, 2> directions;
  };
  struct Batch;

  Carrier();
  void Post(std::function<void()> command);
  void RunCommands();
  void Receive(Direction *direction);
  int ReceiveBatch(Direction *direction);
  void Take(Direction *direction, Frame frame, uint64_t now);
  void Deliver(Direction *direction, const Frame &frame, uint64_t due, uint64_t now);
  void Keep(Direction *direction, const Frame &frame, uint64_t due);
  void SendDue(uint64_t now);
  void SendReady(Direction *direction);
  void ForgetWaiting(const Wire *wire);
  void ArmTimer();
  Direction *Find(uint32_t wire, size_t direction);

  Fd epoll_;
  Fd wake_;
  Fd timer_;
  uv_mutex_t mutex_;
  std::vector<std::function<void()>> commands_; // guarded by mutex_
  bool stopped_ = false;
  std::unordered_map<uint32_t, std::unique_ptr<Wire>> wires_;
  std::vector<Waiting> waiting_; // a heap
  uint64_t order_ = 0;
  uint64_t armed_ = 0;
  std::unique_ptr<Batch> batch_;
};

} // namespace linux_ns

#endif
