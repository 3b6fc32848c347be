// The sources of namespaces, one .cc for each: processes and their threads, their open files, and mounts.
#ifndef LINUX_NS_ADDON_DISCOVERY_FINDER_H
#define LINUX_NS_ADDON_DISCOVERY_FINDER_H

#include <sys/types.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "../fd.h"
#include "kinds.h"
#include "namespace_table.h"
#include "proc_files.h"
#include "rows.h"
#include "unread.h"

namespace linux_ns {

// Bits for the things that a scan is asked for: SCAN in types/native.d.ts.
enum ScanBits : uint32_t {
  kScanTasks = 1 << 0,
  kScanFds = 1 << 1,
  kScanSockets = 1 << 2,
  kScanOwnMounts = 1 << 3,
  kScanAllMounts = 1 << 4,
  kScanHierarchy = 1 << 5,
  kScanNetworkIds = 1 << 6,
  kScanCommands = 1 << 7,
  kScanForChildren = 1 << 8,
  kScanFirstCommands = 1 << 9,
};

class Finder {
public:
  Finder(uint32_t kinds, uint32_t what, size_t most_held, Rows &rows, const std::atomic<bool> &cancelled);

  // Runs the whole scan. A failure that stops it at once, mostly a missing /proc, is a row too.
  void Run();

private:
  using Inodes = std::array<uint64_t, kNamespaceFileCount>;

  bool Wants(ScanBits bit) const { return (what_ & bit) != 0; }

  // processes.cc
  void ReadProcess(int proc, const char *name);
  // Returns 0, or an errno if the namespaces cannot be read. `first`: true if nobody was in one of them before.
  int ReadNamespaces(int task, Inodes &inodes, bool &first);
  static uint64_t MountNamespaceOf(int process);
  void AddCommand(int process);
  void AddInodes(const Inodes &inodes);

  // tasks.cc
  void ReadTasks(int process, int pid, const Inodes &of_process);

  // open_files.cc
  void ReadOpenFiles(int process, int pid);
  uint64_t NamespaceOfSocket(Fd &pidfd, int pid, int number);

  // mounts.cc
  void ReadMounts(int process, int pid, uint64_t mount_namespace);
  void ReadMount(std::string_view line, int root, int pid, uint64_t mount_namespace);

  uint32_t kinds_;
  uint32_t what_;
  Rows &rows_;
  const std::atomic<bool> &cancelled_;
  Unread unread_;
  NamespaceTable table_;
  std::unordered_set<uint64_t> mounts_read_;       // inodes of mount namespaces
  std::unordered_map<uint64_t, uint64_t> sockets_; // network namespaces by the inodes of sockets
  std::string text_;
};

} // namespace linux_ns

#endif
