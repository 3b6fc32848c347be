// Processes by descriptor: pidfd_open(2).
#ifndef LINUX_NS_ADDON_PIDFD_H
#define LINUX_NS_ADDON_PIDFD_H

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "failure.h"
#include "fd.h"

namespace linux_ns {

struct Ended {
  bool ended = false;
  int code = -1;  // exit code, or -1
  int signal = 0; // that ended it, or 0
  // What it has used, and what its children have that it has waited for: getrusage(2). All 0 where its tracer will be
  // told, and not this process.
  rusage usage = {};
};

// 0, or errno.
int SignalPidfd(int pidfd, int signal);

// Sends SIGKILL to a child of ours that nobody has waited for. So its pid is not another's, and can be used where
// pidfd_send_signal(2) is refused.
void KillChild(int pidfd, pid_t pid);

// Reaps a process; `options` may be WNOHANG. It says that a process has ended as soon as its pidfd does. A process that
// only its tracer could reap now is left to the reaper: Reap().
Ended WaitPidfd(int pidfd, int options);

// Reaps a process that has ended. False where it has not, or its tracer is yet to wait for it: ptrace(2).
bool ReapPidfd(int pidfd, siginfo_t *info, rusage *usage = nullptr);

// The pid in this process's pid namespace; 0 when it cannot be known.
pid_t PidOfPidfd(int pidfd);

Result<Fd> OpenPidfd(pid_t pid);

// True once the process has ended: WaitPidfd() then returns without waiting.
bool HasEnded(int pidfd);

// Returns when the process has ended. It is not reaped.
void AwaitEnd(int pidfd);

// True for a pidfd of the process with that pid and parent, as far as it still has any. For a descriptor that somebody
// else has named.
bool IsPidfdOf(int fd, pid_t pid, pid_t parent);

// Opens a namespace of the process behind a pidfd, or the one that its children are born in; flag is its CLONE_NEW*.
Result<Fd> OpenNamespaceOf(int pidfd, pid_t pid, uint64_t flag, bool for_children = false);

// Opens the network namespace that a socket of that process was created in: pidfd_getfd(2), and SIOCGSKNS. Needs the
// right to ptrace the process, and CAP_NET_ADMIN over the namespace.
Result<Fd> OpenNamespaceOfSocket(int pidfd, int number);

} // namespace linux_ns

#endif
