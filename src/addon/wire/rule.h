// A rule of a wire: the impairment of the frames that it takes, and the chance that decides about each of them.
#ifndef LINUX_NS_ADDON_WIRE_RULE_H
#define LINUX_NS_ADDON_WIRE_RULE_H

#include <array>
#include <cstdint>
#include <deque>
#include <vector>

#include "frame.h"

namespace linux_ns {

// Times are in nanoseconds, chances between 0 and 1.
struct Impairment {
  enum Distribution { kUniform, kNormal, kPareto };

  double delay = 0;
  double jitter = 0;
  Distribution distribution = kUniform;
  double loss = 0;
  double burst = 1; // frames that are lost together, on average
  double duplicate = 0;
  double reorder = 0;
  double corrupt = 0;
  double rate = 0;  // bytes per second; 0: no limit
  double queue = 0; // frames that wait for their turn when there is a rate
  double mtu = 0;   // bytes of a packet; 0: no limit
};

// The chances of one direction of a wire. There is a fixed number of sequences, and the flow of a frame chooses one: so
// the fate of a frame depends on how many of its own flow have gone before it, and not on what else is on the wire.
// However many flows there are, these take no more memory.
class Chances {
public:
  explicit Chances(uint64_t seed);

  // The draws for one frame: always as many, whatever they are needed for.
  static constexpr size_t kDraws = 8;
  using Draws = std::array<double, kDraws>;
  Draws Next(uint64_t flow);

  // True while the sequence is in a burst of losses.
  bool &InBurst(uint64_t flow) { return sequences_[flow % kSequences].in_burst; }

private:
  static constexpr size_t kSequences = 256;
  struct Sequence {
    uint64_t state;
    bool in_burst;
  };
  std::array<Sequence, kSequences> sequences_;
};

enum class Fate { kDelivered, kLost, kQueueFull, kTooLarge };

struct Verdict {
  Fate fate = Fate::kDelivered;
  uint64_t due = 0;
  bool duplicate = false;
  bool reordered = false;
  bool corrupt = false;
  double position = 0; // of the corrupt bit, between 0 and 1
};

class Rule {
public:
  using Address = std::array<uint8_t, kAddressSize>;

  Rule(const Impairment &impairment, std::vector<Address> sources, std::vector<Address> destinations)
      : impairment_(impairment), sources_(std::move(sources)), destinations_(std::move(destinations)) {}

  // A rule without addresses takes every frame.
  bool Takes(const FrameFacts &facts) const;

  // Decides about a frame that comes at this time.
  Verdict Decide(const FrameFacts &facts, size_t size, uint64_t now, Chances *chances);

private:
  // What chance and the size of a frame decide.
  Verdict Drawn(const FrameFacts &facts, const Chances::Draws &draws, Chances *chances) const;
  bool IsLost(uint64_t flow, double draw, Chances *chances) const;
  bool IsQueueFull(uint64_t now);
  uint64_t LeavesQueue(size_t size, uint64_t now);
  double Delay(double first, double second) const;

  Impairment impairment_;
  std::vector<Address> sources_;
  std::vector<Address> destinations_;
  double line_free_ = 0;       // when the line has sent all that waits
  std::deque<double> waiting_; // when each frame that waits begins to be sent
  uint64_t last_due_ = 0;
};

} // namespace linux_ns

#endif
