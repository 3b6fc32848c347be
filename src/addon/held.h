// Tasks that somebody else keeps from going on.
#ifndef LINUX_NS_ADDON_HELD_H
#define LINUX_NS_ADDON_HELD_H

#include <sys/types.h>

#include <vector>

namespace linux_ns {

// Is one of these, or of their descendants, stopped or traced? Of a descendant that is a zombie its parent was to be
// told at once; who traces it keeps that from it: ptrace(2). Looks into /proc: a few calls for each process.
bool AnyHeld(const std::vector<pid_t> &processes);

// Kills descendants of these that are held: whoever waits for one of them has no end of its own to come to. What is
// given is the caller's to kill, afterwards.
void KillHeldDescendants(const std::vector<pid_t> &processes);

} // namespace linux_ns

#endif
