#include "image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <uv.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "../plan/plan.h"

// Since Linux 6.3, memfd_create(2); headers of older systems lack them.
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

extern "C" {
extern const char linux_ns_nsinit[];
extern const char linux_ns_nsinit_end[];
}

namespace linux_ns {
namespace {

// An image that is made before it is needed. Never freed: launcher threads outlive static destructors.
class ReadyImage {
public:
  ReadyImage() { uv_mutex_init(&mutex_); }

  // Puts this image in the place of the present one, and returns that one.
  Fd Swap(Fd image) {
    uv_mutex_lock(&mutex_);
    std::swap(image, image_);
    uv_mutex_unlock(&mutex_);
    return image;
  }

private:
  uv_mutex_t mutex_;
  Fd image_;
};

ReadyImage &Ready() {
  static ReadyImage *ready = new ReadyImage();
  return *ready;
}

Result<Fd> WriteImage(Fd fd) {
  size_t written = 0;
  while (written < ImageSize()) {
    ssize_t count = write(fd.get(), linux_ns_nsinit + written, ImageSize() - written);
    if (count < 0 && errno != EINTR) {
      return Failure::Last("write", "nsinit");
    }
    written += count < 0 ? 0 : static_cast<size_t>(count);
  }
  return fd;
}

// MFD_EXEC says that the memfd is meant to be run. A kernel before 6.3 does not know the flag, and needs none.
int CreateMemfd() {
  unsigned int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  long fd = syscall(SYS_memfd_create, "nsinit", flags | MFD_EXEC);
  return static_cast<int>(fd < 0 && errno == EINVAL ? syscall(SYS_memfd_create, "nsinit", flags) : fd);
}

// The memfd is sealed: no process inside can rewrite it through /proc/PID/exe (as in CVE-2019-5736). Its number is not
// PLAN_CONTROL_FD, to which the child moves another descriptor.
Result<Fd> MakeMemfd() {
  Fd fd(CreateMemfd());
  if (fd && fd.get() < PLAN_FIRST_FD) {
    fd.Reset(fcntl(fd.get(), F_DUPFD_CLOEXEC, PLAN_FIRST_FD));
  }
  if (!fd) {
    return Failure::Last("memfd_create", "nsinit");
  }
  Result<Fd> written = WriteImage(std::move(fd));
  if (!written) {
    return written;
  }
  int seals = F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL;
  int memfd = written.value().get();
  if (fcntl(memfd, F_ADD_SEALS, seals | F_SEAL_EXEC) < 0 && fcntl(memfd, F_ADD_SEALS, seals) < 0) {
    return Failure::Last("fcntl", "nsinit");
  }
  return written;
}

// Makes an unlinked file. It is opened again for reading, since a file that is open for writing cannot be run
// (ETXTBSY).
Result<Fd> MakeFile(const char *directory) {
  Fd writable(open(directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0500));
  if (!writable) {
    return Failure::Last("open", directory);
  }
  Result<Fd> written = WriteImage(std::move(writable));
  if (!written) {
    return written;
  }
  char path[64];
  snprintf(path, sizeof(path), "/proc/self/fd/%d", written.value().get());
  Fd readable(open(path, O_RDONLY | O_CLOEXEC));
  if (!readable) {
    return Failure::Last("open", path);
  }
  if (syscall(SYS_faccessat, AT_FDCWD, path, X_OK) < 0) {
    return Failure::Last("access", directory);
  }
  return readable;
}

Result<Fd> MakeFileSomewhere() {
  const char *directories[] = {getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR"), "/tmp", "/var/tmp", "/dev/shm"};
  Failure last = {ENOENT, "open", "/tmp"};
  for (const char *directory : directories) {
    if (directory == nullptr) {
      continue;
    }
    Result<Fd> file = MakeFile(directory);
    if (file) {
      return file;
    }
    last = file.failure();
  }
  return last;
}

// True if this memfd can be run. vm.memfd_noexec=2 already refuses to make one, and a security module may refuse to run
// it.
bool MayRun(int fd) {
  static std::atomic<bool> known{false}; // one was: so may the next
  char path[64];
  if (known) {
    return true;
  }
  snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
  known = syscall(SYS_faccessat, AT_FDCWD, path, X_OK) == 0 || errno != EACCES;
  return known;
}

Result<Fd> MakeImage() {
  Result<Fd> memfd = MakeMemfd();
  return memfd && MayRun(memfd.value().get()) ? std::move(memfd) : MakeFileSomewhere();
}

} // namespace

// Two labels of one object, which the assembler file has: src/nsinit/build.sh.
// cppcheck-suppress comparePointers
size_t ImageSize() { return static_cast<size_t>(linux_ns_nsinit_end - linux_ns_nsinit); }

Result<Fd> TakeImage() {
  Fd image = Ready().Swap(Fd());
  return image ? Result<Fd>(std::move(image)) : MakeImage();
}

// If it cannot be made, for lack of descriptors or memory, the next launch tries again, and reports the failure.
void PrepareImage() {
  Fd image = Ready().Swap(Fd());
  Result<Fd> made = image ? Result<Fd>(std::move(image)) : MakeImage();
  if (made) {
    Ready().Swap(std::move(made.value()));
  }
}

} // namespace linux_ns
