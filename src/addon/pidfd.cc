#include "pidfd.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "proc.h"
#include "reaper.h"

// linux/pidfd.h of Linux 6.13 and 6.11; headers of older systems lack them.
#define LINUX_NS_PIDFD_IOCTL 0xFF
#define LINUX_NS_PIDFD_NAMESPACE(number) _IO(LINUX_NS_PIDFD_IOCTL, number)

namespace linux_ns {
namespace {

constexpr int kPidfd = 3; // P_PIDFD, waitid(2)

struct PidfdInfo {
  uint64_t mask;
  uint64_t cgroupid;
  uint32_t pid;
  uint32_t tgid;
  uint32_t ppid;
  uint32_t others[9];
};
static_assert(sizeof(PidfdInfo) == 64, "PIDFD_INFO_SIZE_VER0");

#define LINUX_NS_PIDFD_GET_INFO _IOWR(LINUX_NS_PIDFD_IOCTL, 11, PidfdInfo)

struct Kind {
  uint64_t flag;
  const char *file; // in /proc/PID/ns
  unsigned long request;
};

const Kind kKinds[] = {
    {CLONE_NEWCGROUP, "cgroup", LINUX_NS_PIDFD_NAMESPACE(1)}, {CLONE_NEWIPC, "ipc", LINUX_NS_PIDFD_NAMESPACE(2)},
    {CLONE_NEWNS, "mnt", LINUX_NS_PIDFD_NAMESPACE(3)},        {CLONE_NEWNET, "net", LINUX_NS_PIDFD_NAMESPACE(4)},
    {CLONE_NEWPID, "pid", LINUX_NS_PIDFD_NAMESPACE(5)},       {0x80 /* TIME */, "time", LINUX_NS_PIDFD_NAMESPACE(7)},
    {CLONE_NEWUSER, "user", LINUX_NS_PIDFD_NAMESPACE(9)},     {CLONE_NEWUTS, "uts", LINUX_NS_PIDFD_NAMESPACE(10)},
};

// The namespaces that children are born in: namespaces(7), "/proc/PID/ns/pid_for_children".
const Kind kOfChildren[] = {
    {CLONE_NEWPID, "pid_for_children", LINUX_NS_PIDFD_NAMESPACE(6)},
    {0x80 /* TIME */, "time_for_children", LINUX_NS_PIDFD_NAMESPACE(8)},
};

template <size_t N> const Kind *FindKind(const Kind (&kinds)[N], uint64_t flag) {
  for (const Kind &kind : kinds) {
    if (kind.flag == flag) {
      return &kind;
    }
  }
  return nullptr;
}

constexpr pid_t kGone = -1;

// The "Pid:" line of /proc/self/fdinfo/N, for kernels before 6.13: pidfd_open(2). It may be kGone, which the kernel
// writes as well; 0 for a descriptor that is no pidfd.
pid_t PidFromFdinfo(int pidfd) {
  char path[64];
  char text[1024];
  snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
  Fd file(open(path, O_RDONLY | O_CLOEXEC));
  ssize_t size = file ? read(file.get(), text, sizeof(text) - 1) : -1;
  if (size < 0) {
    return 0;
  }
  text[size] = '\0';
  const char *line = strstr(text, "\nPid:");
  return line == nullptr ? 0 : atoi(line + strlen("\nPid:"));
}

// Opens the file by its name. If the process lives after the open, its pid was not another's at the open.
Result<Fd> OpenFromProc(int pidfd, pid_t pid, const Kind &kind) {
  std::string path = "/proc/" + std::to_string(pid) + "/ns/" + kind.file;
  Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  Failure refused = Failure::Last("open", path);
  if (SignalPidfd(pidfd, 0) == ESRCH) {
    return Failure{ESRCH, "open", path};
  }
  return fd ? Result<Fd>(std::move(fd)) : Result<Fd>(refused);
}

// proc_pid_stat(5): the last field is the exit status as wait(2) has it, and 0 for those who may not trace the process.
// Those may not read its links either: proc_pid_ns(5).
bool ReadStatus(pid_t pid, int *status) {
  std::string directory = "/proc/" + std::to_string(pid);
  char text[1024];
  if (pid <= 0 || readlink((directory + "/ns/user").c_str(), text, sizeof(text)) < 0) {
    return false;
  }
  Fd file(open((directory + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  ssize_t size = file ? read(file.get(), text, sizeof(text) - 1) : -1;
  if (size <= 0) {
    return false;
  }
  text[size] = '\0';
  const char *last = strrchr(text, ' ');
  *status = last == nullptr ? 0 : atoi(last);
  return last != nullptr;
}

// A program inside may trace another and not wait for it. When that one ends, its tracer is told first, and its parent
// is told nothing until the tracer has waited, or has ended: ptrace(2). If nobody can say how it has ended, that must
// not be taken for a success.
Ended EndOfTraced(int pidfd) {
  int status = 0;
  Ended ended;
  ended.ended = true;
  ended.signal = SIGKILL;
  if (ReadStatus(PidOfPidfd(pidfd), &status)) {
    ended.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    ended.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
  Remains remains;
  remains.pidfds.emplace_back(fcntl(pidfd, F_DUPFD_CLOEXEC, 3));
  if (remains.pidfds.front()) {
    Reap(std::move(remains));
  }
  return ended;
}

} // namespace

int SignalPidfd(int pidfd, int signal) {
  return syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) < 0 ? errno : 0;
}

void KillChild(int pidfd, pid_t pid) {
  int error = SignalPidfd(pidfd, SIGKILL);
  if (error != 0 && error != ESRCH) {
    kill(pid, SIGKILL);
  }
}

// The function of the C library has no room for the usage, the system call has: waitid(2).
bool ReapPidfd(int pidfd, siginfo_t *info, rusage *usage) {
  long result;
  do {
    *info = {};
    result = syscall(SYS_waitid, kPidfd, pidfd, info, WEXITED | WNOHANG | __WALL, usage);
  } while (result < 0 && errno == EINTR);
  // ECHILD: somebody else has waited for it. It is gone all the same.
  return result < 0 ? errno == ECHILD : info->si_pid != 0;
}

Ended WaitPidfd(int pidfd, int options) {
  // waitid(2) is not used for the waiting: a tracer may never let go of the process.
  if ((options & WNOHANG) == 0) {
    AwaitEnd(pidfd);
  }
  Ended ended;
  siginfo_t info = {};
  ended.ended = ReapPidfd(pidfd, &info, &ended.usage);
  if (!ended.ended) {
    return HasEnded(pidfd) ? EndOfTraced(pidfd) : ended;
  }
  if (info.si_code == CLD_EXITED) {
    ended.code = info.si_status;
  } else {
    ended.signal = info.si_status;
  }
  return ended;
}

pid_t PidOfPidfd(int pidfd) {
  PidfdInfo info = {};
  if (ioctl(pidfd, LINUX_NS_PIDFD_GET_INFO, &info) == 0) {
    return static_cast<pid_t>(info.pid);
  }
  return std::max<pid_t>(PidFromFdinfo(pidfd), 0);
}

void AwaitEnd(int pidfd) {
  pollfd end = {pidfd, POLLIN, 0};
  while (poll(&end, 1, -1) < 0 && errno == EINTR) {
  }
}

bool HasEnded(int pidfd) {
  pollfd end = {pidfd, POLLIN, 0};
  return poll(&end, 1, 0) > 0;
}

// The ioctl answers ESRCH for a process that was waited for, and other errors for a descriptor that is no pidfd.
bool IsPidfdOf(int fd, pid_t pid, pid_t parent) {
  PidfdInfo info = {};
  if (ioctl(fd, LINUX_NS_PIDFD_GET_INFO, &info) == 0) {
    return static_cast<pid_t>(info.pid) == pid && static_cast<pid_t>(info.ppid) == parent;
  }
  pid_t told = errno == ESRCH ? kGone : PidFromFdinfo(fd);
  if (told == kGone) {
    return SignalPidfd(fd, 0) == ESRCH;
  }
  return told == pid && StatOf(pid).parent == parent;
}

Result<Fd> OpenPidfd(pid_t pid) {
  Fd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) {
    return Failure::Last("pidfd_open");
  }
  return fd;
}

Result<Fd> OpenNamespaceOf(int pidfd, pid_t pid, uint64_t flag, bool for_children) {
  const Kind *kind = for_children ? FindKind(kOfChildren, flag) : FindKind(kKinds, flag);
  if (kind == nullptr) {
    return Failure{EINVAL, "ioctl", ""};
  }
  Fd fd(ioctl(pidfd, kind->request, 0));
  if (fd) {
    return fd;
  }
  // Kernels before 6.11 do not know the ioctl. For a kind that the kernel was built without the ioctl answers
  // EOPNOTSUPP, and the file ENOENT.
  return OpenFromProc(pidfd, pid, *kind);
}

Result<Fd> OpenNamespaceOfSocket(int pidfd, int number) {
  Fd copy(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd, number, 0)));
  if (!copy) {
    return Failure::Last("pidfd_getfd");
  }
  Fd network(ioctl(copy.get(), SIOCGSKNS));
  return network ? Result<Fd>(std::move(network)) : Result<Fd>(Failure::Last("ioctl"));
}

} // namespace linux_ns
