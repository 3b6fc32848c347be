// Tasks that somebody else holds up.
#ifndef LINUX_NS_ADDON_HELD_H
#define LINUX_NS_ADDON_HELD_H

#include <sys/types.h>

#include <vector>

namespace linux_ns {

// True if one of these processes, or of their descendants, is stopped or traced. The tracer of a descendant that is a
// zombie keeps its end from the parent: ptrace(2). A zombie that nobody traces waits for its parent, which may have
// other things to do first. It reads /proc, with a few calls for each process.
bool AnyHeld(const std::vector<pid_t> &processes);

// Kills those descendants of these processes that are held, because a parent that waits for one of them never comes to
// its own end. The caller kills the given processes themselves afterwards.
void KillHeldDescendants(const std::vector<pid_t> &processes);

} // namespace linux_ns

#endif
