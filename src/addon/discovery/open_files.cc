// Namespaces that a descriptor keeps: one of the namespace itself, or a socket, which lives in a network namespace.
#include <linux/nsfs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "../pidfd.h"
#include "finder.h"

namespace linux_ns {

void Finder::ReadOpenFiles(int process, int pid) {
  Directory files(OpenAt(process, "fd", O_RDONLY | O_DIRECTORY));
  if (!files) {
    unread_.Count("fds", errno);
    return;
  }
  Fd pidfd;
  while (const char *name = files.NextNumber()) {
    if (cancelled_) {
      return;
    }
    // A file server that does not answer must not keep us waiting: only facts that the kernel knows already are asked
    // for.
    struct statx status;
    if (statx(files.fd(), name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, &status) < 0) {
      unread_.Count("fds", errno);
      continue;
    }
    int number = NumberOf(name);
    if (Wants(kScanFds) && table_.IsNamespaceDevice(makedev(status.stx_dev_major, status.stx_dev_minor))) {
      uint64_t inode = status.stx_ino;
      if (table_.FlagOf(inode) == 0) {
        Fd file = OpenAt(files.fd(), name, O_RDONLY | O_NONBLOCK);
        if (!file) {
          unread_.Count("fds", errno);
          continue;
        }
        int type = ioctl(file.get(), NS_GET_NSTYPE);
        if (type < 0 || (static_cast<uint32_t>(type) & kinds_) == 0) {
          continue;
        }
        inode = table_.Learn(std::move(file));
      }
      if ((table_.FlagOf(inode) & kinds_) != 0) {
        rows_.Begin("fd").Number(pid).Number(number).Number(table_.FlagOf(inode)).Number(static_cast<int64_t>(inode));
        rows_.End();
      }
    } else if (Wants(kScanSockets) && S_ISSOCK(status.stx_mode)) {
      auto known = sockets_.find(status.stx_ino);
      uint64_t inode = known != sockets_.end() ? known->second : NamespaceOfSocket(pidfd, pid, number);
      if (known == sockets_.end()) {
        sockets_.emplace(status.stx_ino, inode);
      }
      if (inode != 0) {
        rows_.Begin("socket").Number(pid).Number(number).Number(static_cast<int64_t>(inode)).End();
      }
    }
  }
}

uint64_t Finder::NamespaceOfSocket(Fd &pidfd, int pid, int number) {
  if (!pidfd) {
    Result<Fd> opened = OpenPidfd(pid);
    if (!opened) {
      unread_.Count("sockets", opened.failure().error);
      return 0;
    }
    pidfd = std::move(opened.value());
  }
  Result<Fd> network = OpenNamespaceOfSocket(pidfd.get(), number);
  if (!network) {
    // EBADF: closed by now. ENOTTY: a socket of a file system, opened by O_PATH.
    int error = network.failure().error;
    if (error != EBADF && error != ENOTTY) {
      unread_.Count("sockets", error);
    }
    return 0;
  }
  return table_.Learn(std::move(network.value()));
}

} // namespace linux_ns
