// The status of a file by statx(2), instead of stat(2) and fstat(2), which are symbols of glibc 2.33.
#ifndef LINUX_NS_ADDON_STATUS_H
#define LINUX_NS_ADDON_STATUS_H

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

namespace linux_ns {

inline bool StatusOf(const char *path, struct statx *status) {
  return statx(AT_FDCWD, path, 0, STATX_BASIC_STATS, status) == 0;
}

inline bool StatusOf(int fd, struct statx *status) {
  return statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, status) == 0;
}

inline dev_t DeviceOf(const struct statx &status) { return makedev(status.stx_dev_major, status.stx_dev_minor); }

} // namespace linux_ns

#endif
