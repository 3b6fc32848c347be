#include "carrier.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#include <algorithm>
#include <cstring>

namespace linux_ns {
namespace {

// Frames that are received and sent with one system call.
constexpr size_t kBatch = 32;
// After so many batches of one direction it is the turn of the others.
constexpr int kBatchesInTurn = 4;
// The largest frame: 64 KiB that are to be segmented, with their headers. A longer one cannot be told to a packet
// socket without being cut off, and is dropped.
constexpr size_t kMostBytes = (64 << 10) + 256;
// The memory that the frames of one direction may take while they wait.
constexpr size_t kMostWaitingBytes = 64 << 20;
// As much as the kernel lets an ordinary process have (net.core.rmem_max), or this.
constexpr int kSocketBuffer = 8 << 20;

uint64_t Now() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000 + static_cast<uint64_t>(now.tv_nsec);
}

bool SetOption(int fd, int level, int name, int value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

// An event of the wake descriptor has no direction.
bool Watch(int epoll, int fd, Direction *direction) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.ptr = direction;
  return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

Counters::Kind Dropped(Fate fate) {
  switch (fate) {
    case Fate::kLost:
      return Counters::kLost;
    case Fate::kTooLarge:
      return Counters::kTooLarge;
    default:
      return Counters::kQueueFull;
  }
}

// The tag that the kernel has taken out of a frame: PACKET_AUXDATA.
bool FindVlanTag(msghdr *message, uint16_t *protocol, uint16_t *tag) {
  for (cmsghdr *each = CMSG_FIRSTHDR(message); each != nullptr; each = CMSG_NXTHDR(message, each)) {
    if (each->cmsg_level != SOL_PACKET || each->cmsg_type != PACKET_AUXDATA ||
        each->cmsg_len < CMSG_LEN(sizeof(tpacket_auxdata))) {
      continue;
    }
    tpacket_auxdata data;
    memcpy(&data, CMSG_DATA(each), sizeof(data));
    *protocol = (data.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0 ? data.tp_vlan_tpid : ETH_P_8021Q;
    *tag = data.tp_vlan_tci;
    return (data.tp_status & TP_STATUS_VLAN_VALID) != 0;
  }
  return false;
}

// Makes a timer or an eventfd that has something to tell quiet again.
void TakeEvents(int fd) {
  uint64_t count;
  static_cast<void>(!read(fd, &count, sizeof(count)));
}

// Frames that the kernel had no room for since the last call: packet(7).
uint64_t TakeOverruns(int fd) {
  tpacket_stats statistics = {};
  socklen_t size = sizeof(statistics);
  return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0 ? statistics.tp_drops : 0;
}

} // namespace

// The memory of the frames that are under way at once, and what the system calls want to know of it.
struct Carrier::Batch {
  struct Slot {
    OffloadHeader offload;
    uint8_t bytes[kVlanTagSize + kMostBytes];
    iovec parts[2];
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(tpacket_auxdata))];
  };
  Slot slots[kBatch];
  mmsghdr received[kBatch];

  // What is to be sent, of one direction.
  mmsghdr ready[kBatch];
  iovec ready_parts[kBatch][2];
  size_t ready_count = 0;

  void Prepare() {
    for (size_t i = 0; i < kBatch; i++) {
      Slot &slot = slots[i];
      slot.parts[0] = {&slot.offload, sizeof(slot.offload)};
      slot.parts[1] = {slot.bytes + kVlanTagSize, kMostBytes};
      received[i].msg_hdr = {};
      received[i].msg_hdr.msg_iov = slot.parts;
      received[i].msg_hdr.msg_iovlen = 2;
      received[i].msg_hdr.msg_control = slot.control;
      received[i].msg_hdr.msg_controllen = sizeof(slot.control);
    }
  }

  void AddReady(const Frame &frame) {
    iovec *parts = ready_parts[ready_count];
    parts[0] = {frame.offload, sizeof(*frame.offload)};
    parts[1] = {frame.bytes, frame.size};
    msghdr &message = ready[ready_count++].msg_hdr;
    message = {};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
  }
};

Carrier::Carrier() : batch_(new Batch) { uv_mutex_init(&mutex_); }

Carrier::~Carrier() { uv_mutex_destroy(&mutex_); }

Result<std::shared_ptr<Carrier>> Carrier::Open() {
  std::shared_ptr<Carrier> carrier(new Carrier());
  carrier->epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!carrier->epoll_) {
    return Failure::Last("epoll_create1");
  }
  carrier->wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!carrier->wake_) {
    return Failure::Last("eventfd2");
  }
  carrier->timer_.Reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!carrier->timer_) {
    return Failure::Last("timerfd_create");
  }
  if (!Watch(carrier->epoll_.get(), carrier->wake_.get(), nullptr) ||
      !Watch(carrier->epoll_.get(), carrier->timer_.get(), nullptr)) {
    return Failure::Last("epoll_ctl");
  }
  return carrier;
}

// The header of offloads has to be asked for before the socket receives anything. What the interface itself sends is no
// business of a wire: without PACKET_IGNORE_OUTGOING a wire would carry it back.
Failure Carrier::PrepareSocket(int fd, int interface) {
  bool set =
      SetOption(fd, SOL_PACKET, PACKET_VNET_HDR, 1) && SetOption(fd, SOL_PACKET, PACKET_AUXDATA, 1) &&
      SetOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) &&
      (SetOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, kSocketBuffer) ||
       SetOption(fd, SOL_SOCKET, SO_RCVBUF, kSocketBuffer)) &&
      (SetOption(fd, SOL_SOCKET, SO_SNDBUFFORCE, kSocketBuffer) || SetOption(fd, SOL_SOCKET, SO_SNDBUF, kSocketBuffer));
  if (!set) {
    return Failure::Last("setsockopt");
  }
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = interface;
  if (bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) < 0) {
    return Failure::Last("bind");
  }
  return {};
}

// ── asked for by Node's thread ────────────────────────────────────────────────────────────────────────────────────

void Carrier::Post(std::function<void()> command) {
  uv_mutex_lock(&mutex_);
  commands_.push_back(std::move(command));
  uv_mutex_unlock(&mutex_);
  eventfd_write(wake_.get(), 1);
}

void Carrier::Stop() {
  Post([this] { stopped_ = true; });
}

void Carrier::AddWire(uint32_t number, int first, int second, const std::array<uint64_t, 2> &seeds,
                      const std::array<std::shared_ptr<Counters>, 2> &counters) {
  Post([=] {
    std::unique_ptr<Wire> wire(
        new Wire{{Direction(first, second, seeds[0], counters[0]), Direction(second, first, seeds[1], counters[1])}});
    for (Direction &direction : wire->directions) {
      Watch(epoll_.get(), direction.from, &direction);
    }
    wires_[number] = std::move(wire);
  });
}

void Carrier::SetRule(uint32_t wire, size_t direction, uint32_t number, Rule rule) {
  Post([this, wire, direction, number, rule = std::move(rule)]() mutable {
    Direction *found = Find(wire, direction);
    if (found == nullptr) {
      return;
    }
    auto place = std::find_if(found->rules.begin(), found->rules.end(),
                              [number](const std::pair<uint32_t, Rule> &each) { return each.first >= number; });
    if (place != found->rules.end() && place->first == number) {
      place->second = std::move(rule);
    } else {
      found->rules.insert(place, {number, std::move(rule)});
    }
  });
}

void Carrier::RemoveRule(uint32_t wire, size_t direction, uint32_t number) {
  Post([=] {
    Direction *found = Find(wire, direction);
    if (found != nullptr) {
      auto &rules = found->rules;
      rules.erase(std::remove_if(rules.begin(), rules.end(), [number](auto &each) { return each.first == number; }),
                  rules.end());
    }
  });
}

void Carrier::Release(uint32_t number) {
  Post([=] {
    auto found = wires_.find(number);
    if (found == wires_.end()) {
      return;
    }
    for (Direction &direction : found->second->directions) {
      direction.rules.clear();
      for (Waiting &each : waiting_) {
        each.due = each.direction == &direction ? 0 : each.due;
      }
    }
    std::make_heap(waiting_.begin(), waiting_.end());
  });
}

void Carrier::RemoveWire(uint32_t number) {
  Post([=] {
    auto found = wires_.find(number);
    if (found == wires_.end()) {
      return;
    }
    for (Direction &direction : found->second->directions) {
      epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, direction.from, nullptr);
    }
    ForgetWaiting(found->second.get());
    wires_.erase(found);
  });
}

// ── on the carrier's thread ───────────────────────────────────────────────────────────────────────────────────────

// Events are looked at one at a time, because a command may have removed the direction of another.
void Carrier::Run() {
  batch_->Prepare();
  while (!stopped_) {
    epoll_event event;
    int count = epoll_wait(epoll_.get(), &event, 1, -1);
    if (count == 1 && event.data.ptr != nullptr) {
      Receive(static_cast<Direction *>(event.data.ptr));
    } else {
      TakeEvents(timer_.get());
      TakeEvents(wake_.get());
      RunCommands();
    }
    SendDue(Now());
    ArmTimer();
  }
  wires_.clear();
  waiting_.clear();
}

void Carrier::RunCommands() {
  std::vector<std::function<void()>> commands;
  uv_mutex_lock(&mutex_);
  commands.swap(commands_);
  uv_mutex_unlock(&mutex_);
  for (std::function<void()> &command : commands) {
    command();
  }
}

Direction *Carrier::Find(uint32_t wire, size_t direction) {
  auto found = wires_.find(wire);
  return found == wires_.end() ? nullptr : &found->second->directions[direction];
}

void Carrier::Receive(Direction *direction) {
  for (int i = 0; i < kBatchesInTurn; i++) {
    int count = ReceiveBatch(direction);
    // EAGAIN is the end. Others are the error of one frame, or of an interface that has gone, and are told once.
    if (count < 0 && errno != EAGAIN && errno != EINTR) {
      direction->counters->Add(Counters::kRefused);
    }
    if (count < static_cast<int>(kBatch)) {
      break;
    }
  }
  uint64_t overruns = TakeOverruns(direction->from);
  direction->counters->Add(Counters::kSent, overruns);
  direction->counters->Add(Counters::kOverrun, overruns);
}

int Carrier::ReceiveBatch(Direction *direction) {
  for (mmsghdr &message : batch_->received) {
    message.msg_hdr.msg_controllen = sizeof(Batch::Slot::control);
  }
  int count = recvmmsg(direction->from, batch_->received, kBatch, MSG_DONTWAIT, nullptr);
  uint64_t now = Now();
  SendDue(now);
  for (int i = 0; i < count; i++) {
    mmsghdr &message = batch_->received[i];
    Batch::Slot &slot = batch_->slots[i];
    direction->counters->Add(Counters::kSent);
    size_t header = sizeof(slot.offload) + ETH_HLEN;
    if ((message.msg_hdr.msg_flags & MSG_TRUNC) != 0 || message.msg_len < header) {
      direction->counters->Add(Counters::kRefused);
      continue;
    }
    Frame frame = {&slot.offload, slot.bytes + kVlanTagSize, message.msg_len - sizeof(slot.offload)};
    uint16_t protocol;
    uint16_t tag;
    if (FindVlanTag(&message.msg_hdr, &protocol, &tag)) {
      InsertVlanTag(&frame, protocol, tag);
    }
    Take(direction, frame, now);
  }
  SendReady(direction);
  return count;
}

void Carrier::Take(Direction *direction, Frame frame, uint64_t now) {
  FrameFacts facts = ReadFrame(frame);
  auto rule = std::find_if(direction->rules.begin(), direction->rules.end(),
                           [&facts](const std::pair<uint32_t, Rule> &each) { return each.second.Takes(facts); });
  if (rule == direction->rules.end()) {
    return Deliver(direction, frame, now, now);
  }
  Verdict verdict = rule->second.Decide(facts, frame.size, now, &direction->chances);
  Counters &counters = *direction->counters;
  if (verdict.fate != Fate::kDelivered) {
    return counters.Add(Dropped(verdict.fate));
  }
  if (verdict.corrupt) {
    counters.Add(Counters::kCorrupted);
    if (!FlipBit(&frame, verdict.position)) {
      return; // its receiver would find one of its packets damaged: the frame does not arrive
    }
  }
  if (verdict.reordered) {
    counters.Add(Counters::kReordered);
  }
  Deliver(direction, frame, verdict.due, now);
  if (verdict.duplicate) {
    counters.Add(Counters::kDuplicated);
    Deliver(direction, frame, verdict.due, now);
  }
}

// A frame that is due is sent with the others of its batch; its memory is theirs.
void Carrier::Deliver(Direction *direction, const Frame &frame, uint64_t due, uint64_t now) {
  if (due > now) {
    return Keep(direction, frame, due);
  }
  batch_->AddReady(frame);
  if (batch_->ready_count == kBatch) {
    SendReady(direction);
  }
}

void Carrier::Keep(Direction *direction, const Frame &frame, uint64_t due) {
  size_t size = sizeof(*frame.offload) + frame.size;
  if (direction->waiting_bytes + size > kMostWaitingBytes) {
    return direction->counters->Add(Counters::kQueueFull);
  }
  direction->waiting_bytes += size;
  std::unique_ptr<uint8_t[]> bytes(new uint8_t[size]);
  memcpy(bytes.get(), frame.offload, sizeof(*frame.offload));
  memcpy(bytes.get() + sizeof(*frame.offload), frame.bytes, frame.size);
  waiting_.push_back({due, order_++, direction, frame.size, std::move(bytes)});
  std::push_heap(waiting_.begin(), waiting_.end());
}

void Carrier::SendDue(uint64_t now) {
  std::vector<Waiting> sent; // their memory stays until they have been sent
  Direction *direction = nullptr;
  while (!waiting_.empty() && waiting_.front().due <= now) {
    std::pop_heap(waiting_.begin(), waiting_.end());
    sent.push_back(std::move(waiting_.back()));
    waiting_.pop_back();
    Waiting &each = sent.back();
    if (each.direction != direction || batch_->ready_count == kBatch) {
      SendReady(direction);
    }
    direction = each.direction;
    direction->waiting_bytes -= sizeof(OffloadHeader) + each.size;
    batch_->AddReady(
        {reinterpret_cast<OffloadHeader *>(each.bytes.get()), each.bytes.get() + sizeof(OffloadHeader), each.size});
  }
  SendReady(direction);
}

// sendmmsg(2) stops at a frame that cannot be sent, and tells its error only if it is the first. That frame is dropped.
void Carrier::SendReady(Direction *direction) {
  size_t at = 0;
  while (at < batch_->ready_count) {
    int count =
        sendmmsg(direction->to, batch_->ready + at, static_cast<unsigned>(batch_->ready_count - at), MSG_DONTWAIT);
    if (count > 0) {
      direction->counters->Add(Counters::kDelivered, static_cast<uint64_t>(count));
      at += static_cast<size_t>(count);
    } else if (errno != EINTR) {
      direction->counters->Add(Counters::kRefused);
      at++;
    }
  }
  batch_->ready_count = 0;
}

void Carrier::ForgetWaiting(const Wire *wire) {
  auto is_its = [wire](const Waiting &each) {
    return each.direction == &wire->directions[0] || each.direction == &wire->directions[1];
  };
  waiting_.erase(std::remove_if(waiting_.begin(), waiting_.end(), is_its), waiting_.end());
  std::make_heap(waiting_.begin(), waiting_.end());
}

// A time of zero would disarm it, and nothing is due then.
void Carrier::ArmTimer() {
  uint64_t due = waiting_.empty() ? 0 : waiting_.front().due;
  if (due == armed_) {
    return;
  }
  armed_ = due;
  itimerspec time = {};
  time.it_value.tv_sec = static_cast<time_t>(due / 1000000000);
  time.it_value.tv_nsec = static_cast<long>(due % 1000000000);
  timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &time, nullptr);
}

} // namespace linux_ns
