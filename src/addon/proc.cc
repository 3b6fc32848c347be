#include "proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fd.h"

namespace linux_ns {
namespace {

// The whole of a small file; empty when it can't be read.
std::string Read(const std::string &path) {
  Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  char part[1024];
  ssize_t size = 0;
  while (file && ((size = read(file.get(), part, sizeof(part))) > 0 || (size < 0 && errno == EINTR))) {
    text.append(part, size > 0 ? static_cast<size_t>(size) : 0);
  }
  return text;
}

// What follows that name in proc_pid_status(5). No name of a process can stand for one of the lines: a line feed in it
// is escaped.
std::string StatusLine(pid_t pid, const std::string &name) {
  std::string text = Read("/proc/" + std::to_string(pid) + "/status");
  std::string head = "\n" + name + ":";
  size_t start = text.find(head);
  size_t end = start == std::string::npos ? start : text.find('\n', start + 1);
  return end == std::string::npos ? "" : text.substr(start + head.size(), end - start - head.size());
}

} // namespace

// Each launch asks for it, so it takes one read(2) and nothing more.
std::string NameOf(pid_t pid) {
  char path[32];
  char name[32];
  snprintf(path, sizeof(path), "/proc/%d/comm", pid);
  Fd file(open(path, O_RDONLY | O_CLOEXEC));
  ssize_t size = file ? read(file.get(), name, sizeof(name)) : 0;
  return size > 1 ? std::string(name, static_cast<size_t>(size) - 1) : "";
}

// Each launch asks for it: so the file stays open, and one read has it anew. Where there is no room for the whole of
// it, as with thousands of groups, the line is not found.
uint64_t IgnoredSignals() {
  static const int status = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  static const char name[] = "\nSigIgn:\t";
  char text[4096];
  long size = syscall(SYS_pread64, status, text, sizeof(text) - 1, 0L);
  text[size < 0 ? 0 : size] = '\0';
  const char *line = strstr(text, name);
  char *end = nullptr;
  uint64_t ignored = line == nullptr ? 0 : strtoul(line + strlen(name), &end, 16);
  return end != nullptr && *end == '\n' ? ignored : ~UINT64_C(0);
}

size_t NamespacesAbove(pid_t pid) {
  std::string line = StatusLine(pid, "NSpid");
  return static_cast<size_t>(std::count(line.begin(), line.end(), '\t'));
}

bool IsTraced(pid_t pid) { return atoi(StatusLine(pid, "TracerPid").c_str()) > 0; }

std::vector<pid_t> ChildrenOfThread(pid_t process, pid_t thread) {
  std::vector<pid_t> children;
  std::string list = Read("/proc/" + std::to_string(process) + "/task/" + std::to_string(thread) + "/children");
  char *end = list.data();
  for (pid_t pid; (pid = static_cast<pid_t>(strtol(end, &end, 10))) > 0;) {
    children.push_back(pid);
  }
  return children;
}

// The second field, a name in parentheses, may contain anything.
Stat StatOf(pid_t pid) {
  Stat stat;
  std::string text = Read("/proc/" + std::to_string(pid) + "/stat");
  size_t end = text.rfind(')');
  if (end != std::string::npos && end + 4 < text.size()) {
    stat.state = text[end + 2];
    sscanf(text.c_str() + end + 4, "%d %*d %*d %*d %*d %u", &stat.parent, &stat.flags);
  }
  return stat;
}

namespace {

constexpr size_t kMostThreads = 1 << 14; // that are looked at, as somebody inside may start any number

std::vector<pid_t> ThreadsOf(pid_t pid) {
  std::vector<pid_t> threads;
  DIR *directory = opendir(("/proc/" + std::to_string(pid) + "/task").c_str());
  while (dirent *entry = directory == nullptr ? nullptr : readdir(directory)) {
    if (pid_t thread = atoi(entry->d_name)) {
      threads.push_back(thread);
    }
  }
  if (directory != nullptr) {
    closedir(directory);
  }
  return threads;
}

// Bytes of resident memory, shared pages in proportion; all of it for a process that this one may not look into.
double ProportionOf(pid_t pid, double resident) {
  constexpr double kKib = 1024;
  std::string text = Read("/proc/" + std::to_string(pid) + "/smaps_rollup");
  size_t line = text.find("\nPss:");
  return line == std::string::npos ? resident : kKib * atof(text.c_str() + line + strlen("\nPss:"));
}

// Fields 14 to 17, 20 and 24 of proc_pid_stat(5).
void AddUsage(pid_t pid, bool in_proportion, TreeUsage *sum) {
  std::string text = Read("/proc/" + std::to_string(pid) + "/stat");
  size_t end = text.rfind(')');
  unsigned long own[2] = {};
  long children[2] = {};
  long threads = 0;
  long pages = 0;
  if (end == std::string::npos || sscanf(text.c_str() + end + 1,
                                         " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu %ld %ld %*d %*d %ld "
                                         "%*d %*u %*u %ld",
                                         &own[0], &own[1], &children[0], &children[1], &threads, &pages) != 6) {
    return;
  }
  constexpr double kSecond = 1e6;
  double ticks = static_cast<double>(own[0] + own[1]) + static_cast<double>(children[0] + children[1]);
  sum->processes += static_cast<uint64_t>(threads);
  sum->cpu += ticks * kSecond / static_cast<double>(sysconf(_SC_CLK_TCK));
  double resident = static_cast<double>(pages) * static_cast<double>(sysconf(_SC_PAGESIZE));
  sum->resident += in_proportion ? ProportionOf(pid, resident) : resident;
}

} // namespace

TreeUsage UsageBelow(pid_t pid, bool in_proportion) {
  TreeUsage sum;
  std::vector<pid_t> found = {pid};
  size_t looked_at = 0;
  for (size_t i = 0; i < found.size() && looked_at < kMostThreads; i++) {
    AddUsage(found[i], in_proportion, &sum);
    if (i == 0) {
      sum.processes = 0; // of this one only the CPU time counts: that of orphans which it has reaped
      sum.resident = 0;
    }
    for (pid_t thread : ThreadsOf(found[i])) {
      std::vector<pid_t> children = ChildrenOfThread(found[i], thread);
      found.insert(found.end(), children.begin(), children.end());
      if (looked_at++ == kMostThreads) {
        break;
      }
    }
  }
  return sum;
}

} // namespace linux_ns
