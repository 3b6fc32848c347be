// Reads /proc by descriptor: a file that was opened in the directory of one process never is another's, even if its pid
// is given to another process.
#ifndef LINUX_NS_ADDON_DISCOVERY_PROC_FILES_H
#define LINUX_NS_ADDON_DISCOVERY_PROC_FILES_H

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "../fd.h"

namespace linux_ns {

constexpr size_t kWholeFile = SIZE_MAX;

inline Fd OpenAt(int directory, const char *path, int flags) { return Fd(openat(directory, path, flags | O_CLOEXEC)); }

// Reads up to `most` bytes. False with errno; ESRCH for a process that goes while it is read.
inline bool ReadFile(int directory, const char *path, std::string &text, size_t most) {
  text.clear();
  Fd file = OpenAt(directory, path, O_RDONLY);
  if (!file) {
    return false;
  }
  constexpr size_t kStep = 8 << 10;
  while (text.size() < most) {
    size_t before = text.size();
    text.resize(before + (most - before < kStep ? most - before : kStep));
    ssize_t size = read(file.get(), &text[before], text.size() - before);
    text.resize(before + (size > 0 ? static_cast<size_t>(size) : 0));
    if (size <= 0) {
      return size == 0;
    }
    // The kernel gives the whole of a small file at once; longer lists come page by page.
    if (most != kWholeFile && text.size() < most) {
      return true;
    }
  }
  return true;
}

inline std::string_view ReadLink(int directory, const char *path, char *buffer, size_t size) {
  ssize_t length = readlinkat(directory, path, buffer, size);
  return {buffer, length > 0 ? static_cast<size_t>(length) : 0};
}

// A name that is a number, or -1.
inline int NumberOf(const char *name) {
  int number = 0;
  for (const char *at = name; *at != '\0'; at++) {
    if (*at < '0' || *at > '9' || number > 214748363) {
      return -1;
    }
    number = number * 10 + (*at - '0');
  }
  return *name == '\0' ? -1 : number;
}

// readdir(3) without its cost for a directory of three entries: getdents64(2).
class Directory {
public:
  // The buffer is not cleared: there is one for every task of the machine, and getdents64 says how much of it counts.
  // cppcheck-suppress uninitMemberVar
  explicit Directory(Fd fd) : fd_(std::move(fd)) {}

  explicit operator bool() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

  // The next name that is a number, null at the end. It is there until the next call.
  const char *NextNumber() {
    for (;;) {
      if (at_ == end_ && !Fill()) {
        return nullptr;
      }
      const Entry *entry = reinterpret_cast<const Entry *>(buffer_ + at_);
      at_ += entry->size;
      if (NumberOf(entry->name) >= 0) {
        return entry->name;
      }
    }
  }

private:
  // struct linux_dirent64
  struct Entry {
    uint64_t inode;
    int64_t offset;
    uint16_t size;
    uint8_t type;
    char name[];
  };

  bool Fill() {
    long size = syscall(SYS_getdents64, fd_.get(), buffer_, sizeof(buffer_));
    at_ = 0;
    end_ = size > 0 ? static_cast<size_t>(size) : 0;
    return size > 0;
  }

  Fd fd_;
  size_t at_ = 0;
  size_t end_ = 0;
  alignas(Entry) char buffer_[8 << 10];
};

// Fields of /proc/PID/stat: proc_pid_stat(5).
struct Stat {
  std::string_view name;
  char state = '?';
  int parent = 0;
  uint64_t flags = 0; // PF_*
  uint64_t start = 0; // clock ticks after boot
};

constexpr uint64_t kKernelThread = 0x00200000; // PF_KTHREAD

// The name is in parentheses and may hold some itself: the last one ends it. Then come the state, and numbers.
inline bool ParseStat(std::string_view text, Stat &stat) {
  size_t open = text.find('(');
  size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open || close + 2 >= text.size()) {
    return false;
  }
  stat.name = text.substr(open + 1, close - open - 1);
  stat.state = text[close + 2];
  size_t at = close + 3;
  for (int field = 4; field <= 22 && at < text.size(); field++) {
    at++;
    uint64_t value = 0;
    for (; at < text.size() && text[at] != ' '; at++) {
      value = text[at] >= '0' && text[at] <= '9' ? value * 10 + static_cast<uint64_t>(text[at] - '0') : value;
    }
    if (field == 4) {
      stat.parent = static_cast<int>(value);
    } else if (field == 9) {
      stat.flags = value;
    } else if (field == 22) {
      stat.start = value;
      return true;
    }
  }
  return false;
}

} // namespace linux_ns

#endif
