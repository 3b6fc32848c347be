// The children of this process, and the end of those that nobody else waits for: wait(2).
#ifndef LINUX_NS_ADDON_CHILDREN_H
#define LINUX_NS_ADDON_CHILDREN_H

#include <sys/types.h>

#include <vector>

namespace linux_ns {

// True for a child of this process, of any thread, that nobody has waited for.
bool IsOwnChild(pid_t pid);

// All children of the threads that clone. Children of nsinit are among them (CLONE_PARENT). No child that exists all
// the time is left out.
std::vector<pid_t> OwnChildren();

// Kills a child that nobody watches, and waits for its end. May block for as long as a process takes to die.
void EndChild(pid_t pid);

} // namespace linux_ns

#endif
