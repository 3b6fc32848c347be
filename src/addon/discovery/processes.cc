// The namespaces that processes are in: /proc/PID/ns, namespaces(7).
#include <linux/magic.h>
#include <sys/vfs.h>

#include "../status.h"
#include "finder.h"

namespace linux_ns {
namespace {

// The number of bytes of a command line that lsns(8) shows.
constexpr size_t kMostCommand = 8 << 10;

} // namespace

Finder::Finder(uint32_t kinds, uint32_t what, size_t most_held, Rows &rows, const std::atomic<bool> &cancelled)
    : kinds_(kinds), what_(what), rows_(rows), cancelled_(cancelled),
      table_({(what & kScanHierarchy) != 0, (what & kScanNetworkIds) != 0, most_held}, rows, unread_) {}

void Finder::Run() {
  Directory processes(OpenAt(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY));
  struct statfs status;
  bool readable = processes && fstatfs(processes.fd(), &status) == 0;
  if (!readable || status.f_type != PROC_SUPER_MAGIC) {
    rows_.Begin("failed").Number(readable ? ENODEV : errno).Text("open").Text("/proc").End();
    return;
  }
  if (Wants(kScanOwnMounts)) {
    Fd own = OpenAt(processes.fd(), "self", O_PATH | O_DIRECTORY);
    ReadMounts(own.get(), 0, MountNamespaceOf(own.get()));
  }
  // Every pid namespace has a process 1: if that one is hidden, others may be hidden as well (hidepid, proc(5)).
  if (faccessat(processes.fd(), "1", F_OK, 0) < 0 && errno == ENOENT) {
    rows_.Begin("hidden").End();
  }
  while (const char *name = processes.NextNumber()) {
    if (cancelled_) {
      return;
    }
    ReadProcess(processes.fd(), name);
  }
  unread_.Tell(rows_);
}

void Finder::ReadProcess(int proc, const char *name) {
  Fd process = OpenAt(proc, name, O_PATH | O_DIRECTORY);
  struct statx status;
  if (!process || !StatusOf(process.get(), &status) || !ReadFile(process.get(), "stat", text_, kMostCommand)) {
    unread_.Count("processes", errno);
    return;
  }
  Stat stat;
  if (!ParseStat(text_, stat)) {
    return;
  }
  int pid = NumberOf(name);
  std::string command_name(stat.name);
  Inodes inodes;
  bool first = false;
  int error = ReadNamespaces(process.get(), inodes, first);
  if (error == ENOENT || error == ESRCH) {
    return;
  }
  rows_.Begin("process").Number(pid).Number(stat.parent).Number(status.stx_uid).Text({&stat.state, 1});
  rows_.Number(static_cast<int64_t>(stat.start)).Text(command_name);
  if (Wants(kScanCommands) || (Wants(kScanFirstCommands) && first)) {
    AddCommand(process.get());
  } else {
    rows_.Null();
  }
  AddInodes(inodes);
  rows_.End();
  if (error != 0) {
    unread_.Count("processes", error);
    return; // nor is there more to be seen of it
  }
  if ((stat.flags & kKernelThread) != 0) {
    return; // one thread, nothing open, and the host's mounts
  }
  if (Wants(kScanTasks)) {
    ReadTasks(process.get(), pid, inodes);
  }
  if (Wants(kScanFds) || Wants(kScanSockets)) {
    ReadOpenFiles(process.get(), pid);
  }
  if (Wants(kScanAllMounts)) {
    uint64_t mount_namespace = MountNamespaceOf(process.get());
    if (mount_namespace != 0 && mounts_read_.count(mount_namespace) == 0) {
      ReadMounts(process.get(), pid, mount_namespace);
    }
  }
}

// It is asked for separately, because it is needed whether the kind is looked for or not.
uint64_t Finder::MountNamespaceOf(int process) {
  char link[64];
  return InodeOf(ReadLink(process, "ns/mnt", link, sizeof(link)), kNamespaceFiles[2]);
}

int Finder::ReadNamespaces(int task, Inodes &inodes, bool &first) {
  inodes.fill(0);
  Fd directory = OpenAt(task, "ns", O_PATH | O_DIRECTORY);
  if (!directory) {
    return errno;
  }
  int error = 0;
  bool any = false;
  char buffer[64];
  for (size_t i = 0; i < kNamespaceFileCount; i++) {
    const NamespaceFile &file = kNamespaceFiles[i];
    if ((kinds_ & file.flag) == 0 || (i >= kKindCount && !Wants(kScanForChildren))) {
      continue;
    }
    std::string_view link = ReadLink(directory.get(), file.file, buffer, sizeof(buffer));
    if (link.empty()) {
      error = errno; // a zombie is in its user and pid namespace only, an older kernel has not all kinds: ENOENT
      continue;
    }
    any = true;
    uint64_t inode = InodeOf(link, file);
    if (table_.FlagOf(inode) != file.flag) {
      // The process may have moved since: the namespace that is opened counts.
      inode = table_.Learn(OpenAt(directory.get(), file.file, O_RDONLY));
    }
    first = (i < kKindCount && table_.Enter(inode)) || first;
    inodes[i] = inode;
  }
  return any ? 0 : error;
}

// Adds the command line in the form of lsns(8): NUL bytes are spaces, and the last byte is left out. A process without
// a command line is shown by its name.
void Finder::AddCommand(int process) {
  if (!ReadFile(process, "cmdline", text_, kMostCommand) || text_.empty()) {
    if (!ReadFile(process, "comm", text_, kMostCommand) || text_.empty()) {
      rows_.Null();
      return;
    }
  }
  text_.pop_back();
  for (char &letter : text_) {
    if (letter == '\0') {
      letter = ' ';
    }
  }
  rows_.Text(text_);
}

void Finder::AddInodes(const Inodes &inodes) {
  for (uint64_t inode : inodes) {
    rows_.Number(static_cast<int64_t>(inode));
  }
}

} // namespace linux_ns
