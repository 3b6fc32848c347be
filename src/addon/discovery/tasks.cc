// Threads that are elsewhere than their process: /proc/PID/task/TID/ns. A thread may leave with unshare(2) or setns(2).
#include "finder.h"

namespace linux_ns {

void Finder::ReadTasks(int process, int pid, const Inodes &of_process) {
  Directory tasks(OpenAt(process, "task", O_RDONLY | O_DIRECTORY));
  if (!tasks) {
    unread_.Count("tasks", errno);
    return;
  }
  while (const char *name = tasks.NextNumber()) {
    int tid = NumberOf(name);
    if (tid == pid || cancelled_) {
      continue;
    }
    Fd task = OpenAt(tasks.fd(), name, O_PATH | O_DIRECTORY);
    if (!task) {
      unread_.Count("tasks", errno);
      continue;
    }
    Inodes inodes;
    bool first = false;
    int error = ReadNamespaces(task.get(), inodes, first);
    if (error != 0) {
      unread_.Count("tasks", error);
      continue;
    }
    Stat stat;
    if (inodes == of_process || !ReadFile(task.get(), "stat", text_, 4096) || !ParseStat(text_, stat)) {
      continue;
    }
    rows_.Begin("task").Number(pid).Number(tid).Number(static_cast<int64_t>(stat.start)).Text(stat.name);
    AddInodes(inodes);
    rows_.End();
  }
}

} // namespace linux_ns
