// Sends frames of random length and content out of eth0, with headers of offloads that are random as well, as root of a
// network namespace can: ./hostile_frames COUNT. Prints how many the kernel has taken.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OFFLOADS = 10, MOST = 9000 };

static uint64_t state = 7;

static uint32_t below(uint32_t end) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return (uint32_t)(state >> 33) % end;
}

static void put16(unsigned char *at, uint32_t value) {
  at[0] = (unsigned char)value;
  at[1] = (unsigned char)(value >> 8);
}

static size_t make_frame(unsigned char *bytes) {
  static const unsigned char segmentations[] = {0, 1, 3, 4, 5, 0x81};
  static const uint16_t types[] = {ETH_P_IP, ETH_P_IPV6, ETH_P_8021Q, ETH_P_8021AD, ETH_P_ARP, 0, 0xffff};
  size_t size = OFFLOADS + ETH_HLEN + below(below(10) == 0 ? MOST : 200);
  for (size_t at = 0; at < size; at++) {
    bytes[at] = (unsigned char)below(256);
  }
  memset(bytes, 0, OFFLOADS);
  memset(bytes + OFFLOADS, 0xff, ETH_ALEN); // a broadcast
  bytes[0] = below(2) == 0 ? (unsigned char)below(4) : 0;
  bytes[1] = below(2) == 0 ? segmentations[below(sizeof(segmentations))] : 0;
  for (size_t at = 2; at < OFFLOADS; at += 2) {
    put16(bytes + at, below(3) == 0 ? 0 : below(below(2) == 0 ? 64 : 1500));
  }
  for (size_t at = OFFLOADS + 12; at + 2 <= size && at <= OFFLOADS + 20; at += 4) {
    put16(bytes + at, htons(types[below(sizeof(types) / sizeof(types[0]))]));
  }
  return size;
}

int main(int count, char **arguments) {
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  int on = 1;
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("eth0")};
  if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) < 0 ||
      bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0) {
    perror("hostile_frames");
    return 1;
  }
  static unsigned char bytes[OFFLOADS + ETH_HLEN + MOST];
  int sent = 0;
  for (int left = count < 2 ? 0 : atoi(arguments[1]); left > 0; left--) {
    size_t size = make_frame(bytes);
    sent += write(fd, bytes, size) == (ssize_t)size;
    if (left % 64 == 0) {
      usleep(1000); // so that nothing is lost before it is looked at
    }
  }
  printf("%d\n", sent);
  return 0;
}
