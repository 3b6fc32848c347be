// Namespaces that a bind mount keeps, in any mount namespace that a process shows: proc_pid_mountinfo(5).
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <cstdio>

#include "finder.h"

namespace linux_ns {
namespace {

constexpr uint64_t kResolveCached = 0x20; // linux/openat2.h of Linux 5.12

// `\040` and its like: white space and backslashes of paths.
std::string Unescape(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); i++) {
    auto octal = [&](size_t at) { return at < text.size() && text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

std::string_view FieldOf(std::string_view line, size_t number) {
  size_t from = 0;
  for (; number > 0 && from != std::string_view::npos; number--) {
    from = line.find(' ', from);
    from = from == std::string_view::npos ? from : from + 1;
  }
  return from == std::string_view::npos ? std::string_view() : line.substr(from, line.find(' ', from) - from);
}

// Opens a path by descriptor, and never through a link that leads out: the path is somebody else's, and may lie in a
// sandbox. O_PATH does nothing to the file, whatever has been put there.
Fd OpenInRoot(int root, const char *path, uint64_t resolve) {
  open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve;
  return Fd(static_cast<int>(syscall(SYS_openat2, root, path, &how, sizeof(how))));
}

// A mount keeps the directories above it in the kernel's cache. A file server that wants to be asked about them
// nevertheless may belong to a sandbox, and may never answer. So it is not asked, unless it is in this process's own
// mount namespace.
Fd OpenMountPoint(int root, const char *path, bool own) {
  Fd fd = OpenInRoot(root, path, kResolveCached);
  bool again = !fd && (errno == EINVAL || (errno == EAGAIN && own)); // EINVAL: before Linux 5.12
  return again ? OpenInRoot(root, path, 0) : std::move(fd);
}

bool IsInode(int fd, uint64_t inode, const NamespaceTable &table) {
  struct statx status;
  return statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &status) == 0 && status.stx_ino == inode &&
         table.IsNamespaceDevice(makedev(status.stx_dev_major, status.stx_dev_minor));
}

Fd Reopen(const Fd &path) {
  char name[64];
  snprintf(name, sizeof(name), "/proc/thread-self/fd/%d", path.get());
  return OpenAt(AT_FDCWD, name, O_RDONLY | O_NONBLOCK);
}

} // namespace

// pid 0: this process.
void Finder::ReadMounts(int process, int pid, uint64_t mount_namespace) {
  std::string mounts;
  if (!ReadFile(process, "mountinfo", mounts, kWholeFile)) {
    unread_.Count("mounts", errno);
    return;
  }
  mounts_read_.insert(mount_namespace);
  Fd root = OpenAt(process, "root", O_PATH | O_DIRECTORY);
  std::string_view rest = mounts;
  while (!rest.empty() && !cancelled_) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(line.size() == rest.size() ? rest.size() : line.size() + 1);
    if (line.find(" - nsfs ") != std::string_view::npos) {
      ReadMount(line, root.get(), pid, mount_namespace);
    }
  }
}

// `101 30 0:4 net:[4026532289] /run/netns/blue rw shared:5 - nsfs nsfs rw`
void Finder::ReadMount(std::string_view line, int root, int pid, uint64_t mount_namespace) {
  std::string_view name = FieldOf(line, 3);
  for (size_t i = 0; i < kKindCount; i++) {
    const NamespaceFile &file = kNamespaceFiles[i];
    uint64_t inode = InodeOf(name, file);
    if (inode == 0 || (kinds_ & file.flag) == 0) {
      continue;
    }
    std::string target = Unescape(FieldOf(line, 4));
    Fd path = OpenMountPoint(root, target.c_str(), pid == 0);
    // The mount may be covered by another one, or hidden by another root. It still holds the namespace, but the path
    // opens something else.
    bool opens = path && IsInode(path.get(), inode, table_);
    if (opens && table_.FlagOf(inode) == 0) {
      table_.Learn(Reopen(path));
    }
    int64_t in = (kinds_ & CLONE_NEWNS) != 0 ? static_cast<int64_t>(mount_namespace) : 0;
    rows_.Begin("mount").Number(pid).Number(in).Text(target).Number(file.flag);
    rows_.Number(static_cast<int64_t>(inode)).Number(opens ? 1 : 0).End();
  }
}

} // namespace linux_ns
