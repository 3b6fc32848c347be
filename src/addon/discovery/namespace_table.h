// The namespaces that a scan has met. Each is asked once what it is, and held until the end of the scan. So its number
// cannot be given to another namespace meanwhile, and two equal numbers mean one namespace.
#ifndef LINUX_NS_ADDON_DISCOVERY_NAMESPACE_TABLE_H
#define LINUX_NS_ADDON_DISCOVERY_NAMESPACE_TABLE_H

#include <sys/types.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "../fd.h"
#include "rows.h"
#include "unread.h"

namespace linux_ns {

class NamespaceTable {
public:
  struct Options {
    bool hierarchy; // owners, parents, and theirs
    bool network_ids;
    size_t most_held;
  };

  NamespaceTable(Options options, Rows &rows, Unread &unread);

  // The CLONE_NEW* flag of one that is known, 0 when it is not.
  uint32_t FlagOf(uint64_t inode) const;

  // Notes that a process is in it. True for the first process that was met.
  bool Enter(uint64_t inode);

  // Makes the namespace of a descriptor known. Returns the number of its inode, or 0 when the descriptor is of
  // something else.
  uint64_t Learn(Fd fd);

  // True for the device of the kernel's nsfs, on which all namespaces are.
  bool IsNamespaceDevice(dev_t device) const { return device == device_; }

private:
  uint64_t Follow(int fd, unsigned long request);
  int64_t NetworkId(int fd);

  Options options_;
  Rows &rows_;
  Unread &unread_;
  dev_t device_ = 0;
  Fd netlink_;
  struct Known {
    uint32_t flag;
    bool entered;
  };

  std::unordered_map<uint64_t, Known> known_;
  std::vector<Fd> held_;
};

} // namespace linux_ns

#endif
