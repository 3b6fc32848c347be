// Processes by descriptor: pidfd_open(2).
#ifndef LINUX_NS_ADDON_PIDFD_H
#define LINUX_NS_ADDON_PIDFD_H

#include <signal.h>
#include <sys/types.h>

#include "failure.h"
#include "fd.h"

namespace linux_ns {

struct Ended {
  bool ended = false;
  int code = -1;  // exit code, or -1
  int signal = 0; // that ended it, or 0
};

// 0, or errno.
int SignalPidfd(int pidfd, int signal);

// SIGKILL for a child of ours that has not been waited for: so its pid is not another's, where pidfd_send_signal(2) is
// refused.
void KillChild(int pidfd, pid_t pid);

// Reaps; `options` may be WNOHANG. Says that a process has ended as soon as its pidfd does. One that only its tracer
// could reap yet is left to the reaper: Reap().
Ended WaitPidfd(int pidfd, int options);

// Reaps a process that has ended. False where it has not, or its tracer is yet to wait for it: ptrace(2).
bool ReapPidfd(int pidfd, siginfo_t *info);

// The pid in this process's pid namespace, 0 when it is not to be known.
pid_t PidOfPidfd(int pidfd);

Result<Fd> OpenPidfd(pid_t pid);

// True once the process has ended: WaitPidfd() then returns without waiting.
bool HasEnded(int pidfd);

// Returns when it has. It is not reaped.
void AwaitEnd(int pidfd);

// Is this a pidfd, and is its process the one with that pid and parent, as far as it still has any? For one that
// somebody else named.
bool IsPidfdOf(int fd, pid_t pid, pid_t parent);

// A namespace of the process behind a pidfd; flag is its CLONE_NEW*. Or the one that its children are born in.
Result<Fd> OpenNamespaceOf(int pidfd, pid_t pid, uint64_t flag, bool for_children = false);

// The network namespace that a socket of that process was created in: pidfd_getfd(2), and SIOCGSKNS. Takes the right to
// ptrace the process, and CAP_NET_ADMIN over the namespace.
Result<Fd> OpenNamespaceOfSocket(int pidfd, int number);

} // namespace linux_ns

#endif
