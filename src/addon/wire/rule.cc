#include "rule.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace linux_ns {
namespace {

// The draws by their use.
enum { kLoss, kDuplicate, kReorder, kCorrupt, kPosition, kJitter, kSecondJitter, kUnused, kUses };
static_assert(kUses == Chances::kDraws, "a use for each draw");

constexpr double kSecond = 1e9;

// SplitMix64 of Steele, Lea and Flood: every state has a good sequence, so a seed needs no preparation.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
  return value ^ (value >> 31);
}

bool Contains(const std::vector<Rule::Address> &addresses, const uint8_t *address) {
  return std::any_of(addresses.begin(), addresses.end(),
                     [address](const Rule::Address &each) { return memcmp(each.data(), address, kAddressSize) == 0; });
}

} // namespace

Chances::Chances(uint64_t seed) {
  for (size_t i = 0; i < kSequences; i++) {
    sequences_[i] = {Mix(seed ^ Mix(i + 1)), false};
  }
}

Chances::Draws Chances::Next(uint64_t flow) {
  uint64_t &state = sequences_[flow % kSequences].state;
  Draws draws;
  for (double &draw : draws) {
    state += UINT64_C(0x9e3779b97f4a7c15);
    draw = static_cast<double>(Mix(state) >> 11) * 0x1p-53;
  }
  return draws;
}

bool Rule::Takes(const FrameFacts &facts) const {
  if (destinations_.empty()) {
    return true;
  }
  return facts.has_addresses && Contains(sources_, facts.source) && Contains(destinations_, facts.destination);
}

// Bursts are those of Gilbert's model: a state in which all is lost, and one in which nothing is. The chances to go
// from one to the other follow from the share that is lost, and from how long a burst is on average.
bool Rule::IsLost(uint64_t flow, double draw, Chances *chances) const {
  if (impairment_.burst <= 1) {
    return draw < impairment_.loss;
  }
  bool &in_burst = chances->InBurst(flow);
  double begin = impairment_.loss / (impairment_.burst * (1 - impairment_.loss));
  in_burst = impairment_.loss > 0 && (in_burst ? draw >= 1 / impairment_.burst : draw < begin);
  return in_burst;
}

bool Rule::IsQueueFull(uint64_t now) {
  while (!waiting_.empty() && waiting_.front() <= static_cast<double>(now)) {
    waiting_.pop_front();
  }
  bool is_busy = line_free_ > static_cast<double>(now);
  return is_busy && static_cast<double>(waiting_.size()) >= impairment_.queue;
}

// The time when its last bit has been sent.
uint64_t Rule::LeavesQueue(size_t size, uint64_t now) {
  if (impairment_.rate == 0) {
    return now;
  }
  double begins = std::max(line_free_, static_cast<double>(now));
  waiting_.push_back(begins);
  line_free_ = begins + static_cast<double>(size) * kSecond / impairment_.rate;
  return static_cast<uint64_t>(line_free_);
}

// log(3) and pow(3) would need glibc 2.29: log1p(3) and cbrt(3) are older.
double Rule::Delay(double first, double second) const {
  double deviation = 0;
  switch (impairment_.distribution) {
    case Impairment::kUniform:
      deviation = 2 * first - 1;
      break;
    case Impairment::kNormal: // by Box and Muller, with a standard deviation of 1
      deviation = std::sqrt(-2 * std::log1p(-first)) * std::cos(2 * M_PI * second);
      break;
    case Impairment::kPareto: // of shape 3, moved and scaled to a mean of 0 and a standard deviation of 1
      deviation = (1 / std::cbrt(1 - first) - 1.5) / std::sqrt(0.75);
      break;
  }
  return std::max(0.0, impairment_.delay + impairment_.jitter * deviation);
}

// What resolves addresses is delayed as all is, and no more: without it the sender itself would drop what it cannot
// address, at times that no seed decides about.
Verdict Rule::Decide(const FrameFacts &facts, size_t size, uint64_t now, Chances *chances) {
  Chances::Draws draws = chances->Next(facts.flow);
  Verdict verdict;
  if (!facts.resolves_addresses) {
    verdict = Drawn(facts, draws, chances);
  }
  if (verdict.fate == Fate::kDelivered && impairment_.rate > 0 && IsQueueFull(now)) {
    verdict.fate = Fate::kQueueFull;
  }
  if (verdict.fate != Fate::kDelivered) {
    return verdict;
  }
  uint64_t sent = LeavesQueue(size, now);
  if (verdict.reordered) {
    verdict.due = sent;
    return verdict;
  }
  // Jitter alone puts nothing out of order: on a link, what comes later waits behind what came before.
  uint64_t delayed = sent + static_cast<uint64_t>(Delay(draws[kJitter], draws[kSecondJitter]));
  last_due_ = verdict.due = std::max(delayed, last_due_);
  return verdict;
}

Verdict Rule::Drawn(const FrameFacts &facts, const Chances::Draws &draws, Chances *chances) const {
  Verdict verdict;
  bool lost = IsLost(facts.flow, draws[kLoss], chances);
  bool is_too_large = impairment_.mtu > 0 && static_cast<double>(facts.network_size) > impairment_.mtu;
  verdict.fate = is_too_large ? Fate::kTooLarge : lost ? Fate::kLost : Fate::kDelivered;
  verdict.duplicate = draws[kDuplicate] < impairment_.duplicate;
  verdict.reordered = draws[kReorder] < impairment_.reorder;
  verdict.corrupt = draws[kCorrupt] < impairment_.corrupt;
  verdict.position = draws[kPosition];
  return verdict;
}

} // namespace linux_ns
