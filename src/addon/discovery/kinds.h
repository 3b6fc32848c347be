// The kinds of namespace, and the files of /proc/PID/ns.
#ifndef LINUX_NS_ADDON_DISCOVERY_KINDS_H
#define LINUX_NS_ADDON_DISCOVERY_KINDS_H

#include <sched.h>

#include <cstdint>
#include <string_view>

namespace linux_ns {

constexpr uint32_t kCloneNewTime = 0x80; // linux/sched.h has it since 5.6

struct NamespaceFile {
  uint32_t flag;
  const char *file;
  // The start of its link, and of the root of its bind mounts in mountinfo.
  std::string_view prefix;
};

constexpr NamespaceFile kNamespaceFiles[] = {
    {CLONE_NEWCGROUP, "cgroup", "cgroup:["},
    {CLONE_NEWIPC, "ipc", "ipc:["},
    {CLONE_NEWNS, "mnt", "mnt:["},
    {CLONE_NEWNET, "net", "net:["},
    {CLONE_NEWPID, "pid", "pid:["},
    {kCloneNewTime, "time", "time:["},
    {CLONE_NEWUSER, "user", "user:["},
    {CLONE_NEWUTS, "uts", "uts:["},
    // The namespaces that children will be born in. Nothing else may show them.
    {CLONE_NEWPID, "pid_for_children", "pid:["},
    {kCloneNewTime, "time_for_children", "time:["},
};
constexpr size_t kNamespaceFileCount = sizeof(kNamespaceFiles) / sizeof(kNamespaceFiles[0]);
constexpr size_t kKindCount = 8;

// The number in "net:[4026531840]", 0 when the text is not of that form.
inline uint64_t InodeOf(std::string_view text, const NamespaceFile &file) {
  if (text.substr(0, file.prefix.size()) != file.prefix) {
    return 0;
  }
  uint64_t inode = 0;
  for (size_t i = file.prefix.size(); i < text.size() && text[i] >= '0' && text[i] <= '9'; i++) {
    inode = inode * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  return inode;
}

} // namespace linux_ns

#endif
