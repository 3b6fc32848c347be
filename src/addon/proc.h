// Facts about processes from /proc: proc(5). Without a /proc, all of them are empty.
#ifndef LINUX_NS_ADDON_PROC_H
#define LINUX_NS_ADDON_PROC_H

#include <sys/types.h>

#include <cstdint>

#include <string>
#include <vector>

namespace linux_ns {

// The name of a task or of a zombie: that of PR_SET_NAME(2const), or that of the program. Empty when there is no such
// task.
std::string NameOf(pid_t pid);

// The children of one thread, in one reading, which may leave some out if others are waited for meanwhile.
// proc_tid_children(5)
std::vector<pid_t> ChildrenOfThread(pid_t process, pid_t thread);

// The signals that this process ignores, a bit for each, signal 1 the lowest; all of them where that cannot be read.
uint64_t IgnoredSignals();

// The number of pid namespaces in which a process has a number: its own, and those above as far as this /proc shows
// them.
size_t NamespacesAbove(pid_t pid);

// Whether another process traces it, or, of a zombie, has not waited for it: ptrace(2).
bool IsTraced(pid_t pid);

struct Stat {
  char state = 0; // a letter of proc_pid_stat(5), 0 when there is no such process
  pid_t parent = 0;
  unsigned flags = 0; // PF_* of the kernel's include/linux/sched.h, of a zombie too
};
Stat StatOf(pid_t pid);

// What a process and all its descendants use, that are there at this moment: the sum.
struct TreeUsage {
  uint64_t processes = 0; // threads count, as for RLIMIT_NPROC
  double cpu = 0;         // microseconds, with those of children that have been waited for
  double resident = 0;    // bytes
};
// Of the processes below an init, which has reaped the orphans among them. A process that is forked meanwhile may be
// missing. A page that several processes share counts for each, or in proportion, which takes the kernel longer:
// proc_pid_smaps_rollup(5).
TreeUsage UsageBelow(pid_t pid, bool in_proportion);

} // namespace linux_ns

#endif
