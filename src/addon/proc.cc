#include "proc.h"

#include <fcntl.h>
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

} // namespace linux_ns
