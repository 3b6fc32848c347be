#include "namespace_table.h"

#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/nsfs.h>
#include <linux/rtnetlink.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "../status.h"
#include "kinds.h"

// linux/nsfs.h of Linux 6.18.
#define LINUX_NS_GET_ID _IOR(NSIO, 13, uint64_t)

namespace linux_ns {
namespace {

// RTM_GETNSID and its answer: rtnetlink(7), ip-netns(8).
struct NetworkIdRequest {
  nlmsghdr header;
  rtgenmsg family;
  alignas(NLMSG_ALIGNTO) rtattr attribute;
  int32_t fd;
};
static_assert(sizeof(NetworkIdRequest) == NLMSG_SPACE(sizeof(rtgenmsg)) + RTA_SPACE(sizeof(int32_t)), "no padding");

constexpr int64_t kNoNetworkId = -2; // -1 is the kernel's "not assigned"

dev_t NamespaceDevice() {
  struct statx status;
  return StatusOf("/proc/self/ns/user", &status) || StatusOf("/proc/self/ns/mnt", &status) ? DeviceOf(status) : 0;
}

int64_t OwnerOf(int fd, uint32_t flag) {
  uid_t owner = 0;
  return flag == CLONE_NEWUSER && ioctl(fd, NS_GET_OWNER_UID, &owner) == 0 ? static_cast<int64_t>(owner) : -1;
}

} // namespace

NamespaceTable::NamespaceTable(Options options, Rows &rows, Unread &unread)
    : options_(options), rows_(rows), unread_(unread), device_(NamespaceDevice()) {
  if (options_.network_ids) {
    netlink_ = Fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  }
}

uint32_t NamespaceTable::FlagOf(uint64_t inode) const {
  auto found = known_.find(inode);
  return found == known_.end() ? 0 : found->second.flag;
}

bool NamespaceTable::Enter(uint64_t inode) {
  auto found = known_.find(inode);
  return found != known_.end() && !std::exchange(found->second.entered, true);
}

uint64_t NamespaceTable::Learn(Fd fd) {
  struct statx status;
  if (!fd || !StatusOf(fd.get(), &status) || DeviceOf(status) != device_) {
    return 0;
  }
  uint64_t inode = status.stx_ino;
  if (FlagOf(inode) != 0) {
    return inode;
  }
  int type = ioctl(fd.get(), NS_GET_NSTYPE);
  if (type <= 0) {
    return 0;
  }
  uint32_t flag = static_cast<uint32_t>(type);
  known_[inode] = {flag, false};
  bool has_parent = flag == CLONE_NEWUSER || flag == CLONE_NEWPID;
  // The parent comes first: for a user namespace it is the owner as well, which is known then.
  uint64_t parent = options_.hierarchy && has_parent ? Follow(fd.get(), NS_GET_PARENT) : 0;
  uint64_t owner = 0;
  if (options_.hierarchy) {
    owner = flag == CLONE_NEWUSER ? parent : Follow(fd.get(), NS_GET_USERNS);
  }
  uint64_t id = 0;
  ioctl(fd.get(), LINUX_NS_GET_ID, &id);
  rows_.Begin("namespace").Number(flag).Number(static_cast<int64_t>(inode)).Digits(id);
  rows_.Number(static_cast<int64_t>(owner)).Number(static_cast<int64_t>(parent));
  rows_.Number(OwnerOf(fd.get(), flag)).Number(flag == CLONE_NEWNET ? NetworkId(fd.get()) : kNoNetworkId).End();
  if (held_.size() < options_.most_held) {
    held_.push_back(std::move(fd));
  }
  return inode;
}

// EPERM: it is further out than this process's own namespaces, and the walk ends.
uint64_t NamespaceTable::Follow(int fd, unsigned long request) {
  Fd related(ioctl(fd, request));
  if (!related) {
    if (errno != EPERM) {
      unread_.Count("hierarchy", errno);
    }
    return 0;
  }
  return Learn(std::move(related));
}

int64_t NamespaceTable::NetworkId(int fd) {
  if (!netlink_) {
    return kNoNetworkId;
  }
  NetworkIdRequest request = {};
  request.header.nlmsg_len = sizeof(request);
  request.header.nlmsg_type = RTM_GETNSID;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.attribute.rta_type = NETNSA_FD;
  request.attribute.rta_len = RTA_LENGTH(sizeof(request.fd));
  request.fd = fd;
  union {
    nlmsghdr header;
    char bytes[512];
  } answer;
  if (send(netlink_.get(), &request, sizeof(request), 0) < 0) {
    return kNoNetworkId;
  }
  // The kernel has answered before send(2) returned.
  ssize_t size = recv(netlink_.get(), &answer, sizeof(answer), MSG_DONTWAIT);
  if (size < 0 || !NLMSG_OK(&answer.header, static_cast<size_t>(size)) || answer.header.nlmsg_type != RTM_NEWNSID) {
    return kNoNetworkId;
  }
  int length = static_cast<int>(NLMSG_PAYLOAD(&answer.header, sizeof(rtgenmsg)));
  rtattr *attribute =
      reinterpret_cast<rtattr *>(static_cast<char *>(NLMSG_DATA(&answer.header)) + NLMSG_ALIGN(sizeof(rtgenmsg)));
  for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
    if (attribute->rta_type == NETNSA_NSID) {
      int32_t id;
      memcpy(&id, RTA_DATA(attribute), sizeof(id));
      return id;
    }
  }
  return kNoNetworkId;
}

} // namespace linux_ns
