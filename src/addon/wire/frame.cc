#include "frame.h"

#include <linux/if_ether.h>

#include <algorithm>
#include <cstring>

namespace linux_ns {
namespace {

constexpr size_t kTypeOffset = 12;
constexpr size_t kIpv4Header = 20;
constexpr size_t kIpv6Header = 40;
constexpr int kMostTags = 2;
constexpr uint8_t kIcmpv6 = 58;
// Router solicitation to redirect: RFC 4861.
constexpr uint8_t kFirstDiscovery = 133;
constexpr uint8_t kLastDiscovery = 137;

uint16_t ReadBig16(const uint8_t *at) { return static_cast<uint16_t>(at[0] << 8 | at[1]); }

// FNV-1a
uint64_t Hash(uint64_t hash, const uint8_t *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
  }
  return hash;
}

void MapIpv4(const uint8_t *from, uint8_t *address) {
  memset(address, 0, 10);
  memset(address + 10, 0xff, 2);
  memcpy(address + 12, from, 4);
}

// The length of the Ethernet header with its VLAN tags, and the protocol after them.
size_t ReadEthernet(const Frame &frame, uint16_t *protocol) {
  size_t at = kTypeOffset;
  *protocol = 0;
  for (int tags = 0; at + 2 <= frame.size; tags++) {
    *protocol = ReadBig16(frame.bytes + at);
    bool is_tag = *protocol == ETH_P_8021Q || *protocol == ETH_P_8021AD;
    if (!is_tag || tags == kMostTags) {
      return at + 2;
    }
    at += kVlanTagSize;
  }
  return frame.size;
}

bool IsSegmented(const Frame &frame) { return frame.offload->gso_type != 0; }

// The size of one packet of a frame that is to be segmented: its headers, and so much data.
size_t PacketSize(const Frame &frame, size_t link_header) {
  size_t whole = frame.size - link_header;
  if (!IsSegmented(frame)) {
    return whole;
  }
  size_t headers = std::max<size_t>(frame.offload->hdr_len, link_header) - link_header;
  return std::min(whole, headers + frame.offload->gso_size);
}

// RFC 1071, over the bytes as they are. The size may be odd.
uint16_t Checksum(const uint8_t *bytes, size_t size) {
  uint32_t sum = 0;
  for (size_t i = 0; i < size; i++) {
    sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<uint16_t>(~sum);
}

// The field holds the sum of the pseudo header until then. A sum of zero is sent as 0xffff, because zero stands for no
// checksum in UDP (RFC 768), and both are zero in the arithmetic of the others.
void CompleteChecksum(Frame *frame) {
  OffloadHeader *offload = frame->offload;
  if ((offload->flags & kNeedsChecksum) == 0) {
    return;
  }
  offload->flags &= static_cast<uint8_t>(~kNeedsChecksum);
  size_t start = offload->csum_start;
  size_t field = start + offload->csum_offset;
  if (start >= frame->size || field + 2 > frame->size) {
    return;
  }
  uint16_t sum = Checksum(frame->bytes + start, frame->size - start);
  sum = sum == 0 ? 0xffff : sum;
  frame->bytes[field] = static_cast<uint8_t>(sum >> 8);
  frame->bytes[field + 1] = static_cast<uint8_t>(sum);
}

bool IsDiscovery(const uint8_t *packet, size_t size) {
  return size > kIpv6Header && packet[6] == kIcmpv6 && packet[kIpv6Header] >= kFirstDiscovery &&
         packet[kIpv6Header] <= kLastDiscovery;
}

} // namespace

FrameFacts ReadFrame(const Frame &frame) {
  FrameFacts facts = {};
  uint16_t protocol;
  size_t header = ReadEthernet(frame, &protocol);
  const uint8_t *packet = frame.bytes + header;
  size_t size = frame.size - header;
  uint8_t type[3] = {static_cast<uint8_t>(protocol >> 8), static_cast<uint8_t>(protocol), 0};
  if (protocol == ETH_P_IP && size >= kIpv4Header) {
    facts.has_addresses = true;
    type[2] = packet[9];
    MapIpv4(packet + 12, facts.source);
    MapIpv4(packet + 16, facts.destination);
  } else if (protocol == ETH_P_IPV6 && size >= kIpv6Header) {
    facts.has_addresses = true;
    type[2] = packet[6];
    memcpy(facts.source, packet + 8, kAddressSize);
    memcpy(facts.destination, packet + 24, kAddressSize);
    facts.resolves_addresses = IsDiscovery(packet, size);
  } else if (protocol == ETH_P_ARP) {
    facts.resolves_addresses = true;
  }
  facts.flow = Hash(UINT64_C(0xcbf29ce484222325), type, sizeof(type));
  facts.flow = Hash(facts.flow, facts.source, kAddressSize);
  facts.flow = Hash(facts.flow, facts.destination, kAddressSize);
  facts.network_size = PacketSize(frame, header);
  return facts;
}

void InsertVlanTag(Frame *frame, uint16_t protocol, uint16_t tag) {
  if (frame->size < kTypeOffset) {
    return;
  }
  frame->bytes -= kVlanTagSize;
  frame->size += kVlanTagSize;
  memmove(frame->bytes, frame->bytes + kVlanTagSize, kTypeOffset);
  const uint8_t bytes[kVlanTagSize] = {static_cast<uint8_t>(protocol >> 8), static_cast<uint8_t>(protocol),
                                       static_cast<uint8_t>(tag >> 8), static_cast<uint8_t>(tag)};
  memcpy(frame->bytes + kTypeOffset, bytes, sizeof(bytes));
  if ((frame->offload->flags & kNeedsChecksum) != 0) {
    frame->offload->csum_start = static_cast<uint16_t>(frame->offload->csum_start + kVlanTagSize);
  }
  if (IsSegmented(*frame)) {
    frame->offload->hdr_len = static_cast<uint16_t>(frame->offload->hdr_len + kVlanTagSize);
  }
}

bool FlipBit(Frame *frame, double position) {
  if (IsSegmented(*frame)) {
    return false;
  }
  CompleteChecksum(frame);
  frame->offload->flags = 0;
  size_t header = std::min<size_t>(ETH_HLEN, frame->size);
  size_t bits = (frame->size - header) * 8;
  if (bits > 0) {
    size_t bit = std::min(static_cast<size_t>(position * static_cast<double>(bits)), bits - 1);
    frame->bytes[header + bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
  return true;
}

} // namespace linux_ns
