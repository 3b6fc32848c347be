// Waits for processes that nobody else will wait for, so that none stays as a zombie: wait(2).
#ifndef LINUX_NS_ADDON_REAPER_H
#define LINUX_NS_ADDON_REAPER_H

#include <sys/types.h>

#include <vector>

#include "fd.h"

namespace linux_ns {

// The processes of a launch that an environment leaves behind when it ends.
struct Remains {
  std::vector<Fd> pidfds; // children of this process
  pid_t init = 0;         // one of them, where that is an init that was killed: of what keeps it from ending
  // The socket on which nsinit may still tell of a child that it has forked; none where it has told of all of them.
  // With a socket, all known children of the launch were killed, and `first` is nsinit as it was cloned.
  Fd control;
  pid_t first = 0;
};

// Reaps them as they end, on a thread of its own. Those that nsinit tells of, or has not told of, are killed.
void Reap(Remains remains);

// A child that nsinit forked and that, being killed, stopped, or out of memory, has not told of itself. first: nsinit
// as it was cloned.
std::vector<pid_t> FindUnreported(pid_t first);

// It is killed and reaped; nothing is done where there is none. Once nsinit has ended there will not be another. May
// block for as long as a process takes to die.
void ReapUnreported(pid_t first);

// A program that has joined a pid namespace is a child of ours, and what it clones with CLONE_PARENT is one, too, of
// which nobody knows. The kernel has the init of the namespace, which is ending, wait until we have waited for them:
// pid_namespaces(7). Those of its namespace and of the ones below that have ended are reaped
// when they are seen for the second time: so that of a task which Node has not been told of yet is heard before.
void ReapStrangers(pid_t init, std::vector<pid_t> *seen);

// A process that is watched is none of those.
void SetKnown(pid_t pid, bool is_known);
bool IsKnown(pid_t pid);

} // namespace linux_ns

#endif
