// Ethernet frames as a wire carries them, each with the header of its offloads. Whoever is in
// a host writes these bytes, so nothing here trusts a length or an offset in them.
#ifndef LINUX_NS_ADDON_WIRE_FRAME_H
#define LINUX_NS_ADDON_WIRE_FRAME_H

#include <cstddef>
#include <cstdint>

namespace linux_ns {

constexpr size_t kAddressSize = 16;
constexpr size_t kVlanTagSize = 4;

// struct virtio_net_hdr of <linux/virtio_net.h>, which C++ cannot include: packet(7), PACKET_VNET_HDR.
struct OffloadHeader {
  uint8_t flags;
  uint8_t gso_type;
  uint16_t hdr_len;
  uint16_t gso_size;
  uint16_t csum_start;
  uint16_t csum_offset;
};
constexpr uint8_t kNeedsChecksum = 1; // VIRTIO_NET_HDR_F_NEEDS_CSUM

// A frame in a buffer, which has room for a VLAN tag in front of it.
struct Frame {
  OffloadHeader *offload;
  uint8_t *bytes;
  size_t size;
};

// The parts of a frame that decide about it.
struct FrameFacts {
  uint64_t flow;                // the same for all frames of one protocol between the same two addresses
  size_t network_size;          // of its largest packet from the IP header on, as segmentation will leave it
  bool resolves_addresses;      // it is of ARP or of neighbor discovery
  bool has_addresses;           // it is IPv4 or IPv6
  uint8_t source[kAddressSize]; // an IPv4 address is mapped: ::ffff:1.2.3.4
  uint8_t destination[kAddressSize];
};

FrameFacts ReadFrame(const Frame &frame);

// The kernel takes the tag of a VLAN out of a frame that it hands to a packet socket. This puts it back.
void InsertVlanTag(Frame *frame, uint16_t protocol, uint16_t tag);

// Flips one bit after the Ethernet header, so that the receiver finds a wrong checksum: one that the kernel has not
// computed yet is computed first. `position` is between 0 and 1. False for a frame that is to be segmented, in which
// the kernel would compute the checksums after this.
bool FlipBit(Frame *frame, double position);

} // namespace linux_ns

#endif
