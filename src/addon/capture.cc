// Packet sockets that receive into a ring in memory: packet(7), and Documentation/networking/packet_mmap.rst of the
// kernel, TPACKET_V3. The kernel fills one block after another, and hands each over when it is full or some
// milliseconds old.
#include "capture.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "bytes.h"
#include "descriptors.h"
#include "throw.h"

namespace linux_ns {
namespace {

constexpr size_t kBlockBytes = 256 << 10; // the longest frame is shorter, segments that wait to be cut up included
constexpr size_t kFrameBytes = 2048;      // must be given, and divide a block; frames of TPACKET_V3 take what they need
constexpr unsigned kRetireMs = 10;
constexpr size_t kVlanBytes = 4;

// Numbers of the pcapng format, draft-ietf-opsawg-pcapng.
constexpr uint32_t kEnhancedPacketBlock = 6;
constexpr uint16_t kFlagsOption = 2;

template <typename Option> bool SetOption(int fd, int level, int name, const Option &value) {
  return setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

bool AttachFilter(int fd, const Bytes &program) {
  std::vector<sock_filter> instructions(program.size / sizeof(sock_filter));
  if (!instructions.empty()) {
    memcpy(instructions.data(), program.data, instructions.size() * sizeof(sock_filter));
  }
  sock_fprog filter = {static_cast<unsigned short>(instructions.size()), instructions.data()};
  return SetOption(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter);
}

bool MakeRing(int fd, size_t blocks) {
  int version = TPACKET_V3;
  tpacket_req3 ring = {};
  ring.tp_block_size = kBlockBytes;
  ring.tp_block_nr = static_cast<unsigned>(blocks);
  ring.tp_frame_size = kFrameBytes;
  ring.tp_frame_nr = static_cast<unsigned>(blocks * (kBlockBytes / kFrameBytes));
  ring.tp_retire_blk_tov = kRetireMs;
  return SetOption(fd, SOL_PACKET, PACKET_VERSION, version) && SetOption(fd, SOL_PACKET, PACKET_RX_RING, ring);
}

bool TakeAllIn(int fd, int index) {
  packet_mreq membership = {};
  membership.mr_ifindex = index;
  membership.mr_type = PACKET_MR_PROMISC;
  return SetOption(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, membership);
}

// From here on frames arrive.
bool ReceiveFrom(int fd, int index) {
  sockaddr_ll address = {};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = index;
  return bind(fd, reinterpret_cast<const sockaddr *>(&address), sizeof(address)) == 0;
}

// ── frames as blocks of pcapng ────────────────────────────────────────────────────────────────────────────────────

class Writer {
public:
  explicit Writer(size_t room) { bytes.reserve(room); }

  template <typename Number> void Put(Number number) { Put(&number, sizeof(number)); }

  void Put(const void *data, size_t size) {
    const char *from = static_cast<const char *>(data);
    bytes.insert(bytes.end(), from, from + size);
  }

  void Pad() { bytes.resize((bytes.size() + 3) & ~static_cast<size_t>(3)); }

  std::vector<char> bytes;
};

// A frame in the ring. The offsets are the kernel's, who alone writes there.
class Frame {
public:
  explicit Frame(const char *at) : header_(reinterpret_cast<const tpacket3_hdr *>(at)), at_(at) {
    // packet(7): the address follows the header.
    memcpy(&address_, at + TPACKET_ALIGN(sizeof(tpacket3_hdr)), sizeof(address_));
  }

  // What goes out through lo comes in through it, too.
  bool IsTwice() const { return address_.sll_hatype == ARPHRD_LOOPBACK && address_.sll_pkttype == PACKET_OUTGOING; }

  void Write(Writer *out) const {
    // The header of the link is left out where it is no Ethernet's: one of zeros takes its place, as lo has it.
    uint32_t skipped = IsEthernet() ? 0 : static_cast<uint32_t>(header_->tp_net - header_->tp_mac);
    if (skipped > header_->tp_snaplen) {
      return;
    }
    uint32_t kept = header_->tp_snaplen - skipped;
    const char *data = at_ + header_->tp_mac + skipped;
    uint32_t added = IsEthernet() ? VlanBytes(kept) : ETH_HLEN;
    size_t start = out->bytes.size();
    out->Put(kEnhancedPacketBlock);
    out->Put(uint32_t{0}); // the size of the block, below
    out->Put(static_cast<uint32_t>(address_.sll_ifindex));
    uint64_t time = uint64_t{header_->tp_sec} * 1000000000 + header_->tp_nsec;
    out->Put(static_cast<uint32_t>(time >> 32));
    out->Put(static_cast<uint32_t>(time));
    out->Put(kept + added);
    out->Put(header_->tp_len - skipped + added);
    if (!IsEthernet()) {
      PutHeader(out);
    } else if (added > 0) {
      PutVlan(out, data);
      data += 2 * ETH_ALEN;
      kept -= 2 * ETH_ALEN;
    }
    out->Put(data, kept);
    out->Pad();
    out->Put(kFlagsOption);
    out->Put(static_cast<uint16_t>(sizeof(uint32_t)));
    out->Put(Flags());
    out->Put(uint32_t{0}); // the end of the options
    uint32_t size = static_cast<uint32_t>(out->bytes.size() - start + sizeof(uint32_t));
    out->Put(size);
    memcpy(&out->bytes[start + sizeof(uint32_t)], &size, sizeof(size));
  }

private:
  bool IsEthernet() const { return address_.sll_hatype == ARPHRD_ETHER || address_.sll_hatype == ARPHRD_LOOPBACK; }

  // The kernel has taken the tag out of the frame: tpacket_auxdata of packet(7).
  uint32_t VlanBytes(uint32_t kept) const {
    bool tagged = (header_->tp_status & TP_STATUS_VLAN_VALID) != 0;
    return tagged && kept >= 2 * ETH_ALEN ? kVlanBytes : 0;
  }

  void PutVlan(Writer *out, const char *data) const {
    bool has_protocol = (header_->tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
    uint16_t protocol = has_protocol ? static_cast<uint16_t>(header_->hv1.tp_vlan_tpid) : ETH_P_8021Q;
    out->Put(data, 2 * ETH_ALEN);
    out->Put(htons(protocol));
    out->Put(htons(static_cast<uint16_t>(header_->hv1.tp_vlan_tci)));
  }

  void PutHeader(Writer *out) const {
    char none[2 * ETH_ALEN] = {};
    out->Put(none, sizeof(none));
    out->Put(address_.sll_protocol);
  }

  // epb_flags: the direction, and to whom the frame is.
  uint32_t Flags() const {
    constexpr uint32_t kIn = 1, kOut = 2, kUnicast = 1 << 2, kMulticast = 2 << 2, kBroadcast = 3 << 2, kOthers = 4 << 2;
    switch (address_.sll_pkttype) {
      case PACKET_HOST:
        return kIn | kUnicast;
      case PACKET_BROADCAST:
        return kIn | kBroadcast;
      case PACKET_MULTICAST:
        return kIn | kMulticast;
      case PACKET_OTHERHOST:
        return kIn | kOthers;
      case PACKET_OUTGOING:
        return kOut;
      default:
        return 0;
    }
  }

  const tpacket3_hdr *header_;
  const char *at_;
  sockaddr_ll address_;
};

std::vector<char> BlocksOf(const tpacket_block_desc *block) {
  const tpacket_hdr_v1 &header = block->hdr.bh1;
  // A frame has at most 60 bytes more in the file than it takes in the ring.
  Writer out(header.blk_len + header.num_pkts * 64);
  const char *at = reinterpret_cast<const char *>(block) + header.offset_to_first_pkt;
  for (uint32_t i = 0; i < header.num_pkts; i++) {
    Frame frame(at);
    if (!frame.IsTwice()) {
      frame.Write(&out);
    }
    at += reinterpret_cast<const tpacket3_hdr *>(at)->tp_next_offset;
  }
  return std::move(out.bytes);
}

} // namespace

void Capture::Init(Napi::Env env, Napi::Object exports) {
  Define(env, exports, "openCapture",
         {
             InstanceMethod<&Capture::Receive>("receive"),
             InstanceMethod<&Capture::Statistics>("statistics"),
             InstanceMethod<&Capture::Stop>("stop"),
         });
}

bool Capture::Begin(const Napi::CallbackInfo &info) {
  int fd = IntArgument(info, 0);
  int index = IntArgument(info, 1);
  size_t blocks = static_cast<size_t>(IntArgument(info, 2)) / kBlockBytes;
  Bytes filter;
  if (!BytesArgument(info, 3, &filter)) {
    return false;
  }
  bool promiscuous = BooleanArgument(info, 4);
  if (!AttachFilter(fd, filter) || !MakeRing(fd, blocks) || (promiscuous && !TakeAllIn(fd, index))) {
    ThrowSystem(Env(), Failure::Last("setsockopt"));
    return false;
  }
  if (!ring_.Map(fd, blocks * kBlockBytes)) {
    ThrowSystem(Env(), Failure::Last("mmap"));
    return false;
  }
  bool bound = ReceiveFrom(fd, index);
  if (!bound) {
    ThrowSystem(Env(), Failure::Last("bind"));
  }
  if (!bound || !TakeOver(Env(), fd, 0, info[5].As<Napi::Function>())) {
    ring_.Unmap();
    return false;
  }
  return true;
}

void Capture::Shut() {
  Watched::Shut();
  ring_.Unmap();
}

// An interface that goes down is told of as an error; frames come again when it is up.
void Capture::TakeNoteOfError() {
  int error = 0;
  socklen_t size = sizeof(error);
  getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &size);
}

Napi::Value Capture::Receive(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  if (!IsOpen()) {
    return env.Undefined();
  }
  auto *block = reinterpret_cast<tpacket_block_desc *>(ring_.bytes() + next_ * kBlockBytes);
  uint32_t status = __atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE);
  if ((status & TP_STATUS_USER) == 0) {
    TakeNoteOfError();
    return env.Undefined();
  }
  std::vector<char> bytes = BlocksOf(block);
  in_ring_ -= block->hdr.bh1.num_pkts;
  __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
  next_ = (next_ + 1) % (ring_.size() / kBlockBytes);
  return GiveBytes(env, std::move(bytes));
}

Napi::Value Capture::Statistics(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  tpacket_stats_v3 counted = {};
  socklen_t size = sizeof(counted);
  if (!IsOpen() || getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &counted, &size) < 0) {
    ThrowSystem(env, IsOpen() ? Failure::Last("getsockopt") : Failure{EBADF, "getsockopt", ""});
    return env.Undefined();
  }
  in_ring_ += counted.tp_packets - counted.tp_drops; // the kernel begins anew with each look
  dropped_ += counted.tp_drops;
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(0u, Napi::Number::New(env, in_ring_));
  result.Set(1u, Napi::Number::New(env, dropped_));
  return result;
}

void Capture::Stop(const Napi::CallbackInfo &info) {
  sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  Bytes program = {reinterpret_cast<char *>(&nothing), sizeof(nothing)};
  if (!IsOpen() || !AttachFilter(fd(), program)) {
    ThrowSystem(info.Env(), IsOpen() ? Failure::Last("setsockopt") : Failure{EBADF, "setsockopt", ""});
  }
}

} // namespace linux_ns
