// Waits for processes that nobody else will wait for, so that none stays as a zombie: wait(2).
#ifndef LINUX_NS_ADDON_REAPER_H
#define LINUX_NS_ADDON_REAPER_H

#include <sys/types.h>

#include <cstdint>
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

// An ended child that nobody knows, or not yet.
struct Stranger {
  pid_t pid;
  uint64_t starts; // the last start that had begun when it was first seen
};

// Reaps these processes as they end, on a thread of its own. It kills children that nsinit tells of, or that it has not
// told of.
void Reap(Remains remains);

// Finds a child that nsinit has forked and that has not told of itself, because it was killed, stopped, or out of
// memory. first: nsinit as it was cloned.
std::vector<pid_t> FindUnreported(pid_t first);

// Kills and reaps such a child, if there is one. Once nsinit has ended there will not be another. May block for as long
// as a process takes to die.
void ReapUnreported(pid_t first);

// Reaps children of this process that nobody knows. A program that has joined a pid namespace is a child of ours, and
// so is a task that it clones with CLONE_PARENT. When the init of the namespace ends, the kernel makes it wait until we
// have waited for all of them: pid_namespaces(7). Ended tasks of that namespace and of those below are reaped when they
// are seen for the second time, and only once the starts are over that may have made them: Node may have other things
// to do for a while before it hears of a task that it has started.
void ReapStrangers(pid_t init, std::vector<Stranger> *seen);

// A process that is watched is known, and is none of those.
void SetKnown(pid_t pid, bool is_known);
bool IsKnown(pid_t pid);

// A start whose tasks may be there, and are not all known yet.
class UnknownStart {
public:
  UnknownStart();
  ~UnknownStart() { End(); }
  UnknownStart(const UnknownStart &) = delete;
  UnknownStart &operator=(const UnknownStart &) = delete;

  // All its tasks are known, or there will be none.
  void End();

private:
  uint64_t number_;
};

} // namespace linux_ns

#endif
