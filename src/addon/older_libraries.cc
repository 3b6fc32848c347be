// Symbols that the headers of a newer glibc refer to and that other libraries do not have. With them a prebuilt addon
// loads with glibc 2.28 and the libstdc++ of GCC 8, as Node's own binaries do, and with musl. scripts/check-package.js
// fails when a symbol is missing here.
#undef _FORTIFY_SOURCE // the functions below are what it would call
#include <sys/auxv.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

// glibc 2.32, <sys/single_threaded.h>: read by shared_ptr. This process has launcher threads.
extern "C" {
__attribute__((visibility("hidden"))) extern char __libc_single_threaded;
char __libc_single_threaded = 0;
}

// libstdc++ 11, from `new T[n]` with an n that no memory has room for. Without exceptions there is nothing else to do.
namespace std {
void __throw_bad_array_new_length() { std::abort(); }
} // namespace std

// musl: what the headers of glibc call in the place of functions with other names, and statx(2), which it has
// from 1.2.5 on. All of them are hidden: they are of this addon alone, and with glibc, too.
#pragma GCC visibility push(hidden)
extern "C" {
struct statx;

// <string.h> and <stdio.h> with _FORTIFY_SOURCE: with the size of the object that is written.
void *__memcpy_chk(void *to, const void *from, size_t size, size_t room) {
  if (size > room)
    abort();
  return memmove(to, from, size);
}

int __snprintf_chk(char *to, size_t size, int, size_t room, const char *format, ...) {
  if (size > room)
    abort();
  va_list arguments;
  va_start(arguments, format);
  int length = vsnprintf(to, size, format, arguments);
  va_end(arguments);
  return length;
}

// <fcntl.h>, where off_t has 64 bits: the third argument is a number or an address.
int fcntl64(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  unsigned long argument = va_arg(arguments, unsigned long);
  va_end(arguments);
  return static_cast<int>(syscall(SYS_fcntl, fd, command, argument));
}

// <sys/sysmacros.h>: makedev(3).
unsigned long gnu_dev_makedev(unsigned major, unsigned minor) {
  auto high = [](unsigned number, unsigned low) { return static_cast<unsigned long>(number & ~low); };
  return high(major, 0xfff) << 32 | (major & 0xffful) << 8 | high(minor, 0xff) << 12 | (minor & 0xff);
}

// <sys/socket.h>: CMSG_NXTHDR of cmsg(3).
cmsghdr *__cmsg_nxthdr(msghdr *message, cmsghdr *part) {
  size_t header = CMSG_ALIGN(sizeof(cmsghdr));
  if (part->cmsg_len < sizeof(cmsghdr))
    return nullptr;
  auto *end = static_cast<unsigned char *>(message->msg_control) + message->msg_controllen;
  auto *next = reinterpret_cast<unsigned char *>(part);
  size_t left = static_cast<size_t>(end - next);
  if (CMSG_ALIGN(part->cmsg_len) < part->cmsg_len || left < header || CMSG_ALIGN(part->cmsg_len) > left - header)
    return nullptr;
  return reinterpret_cast<cmsghdr *>(next + CMSG_ALIGN(part->cmsg_len));
}

int statx(int directory, const char *path, int flags, unsigned mask, struct statx *status) {
  return static_cast<int>(syscall(SYS_statx, directory, path, flags, mask, status));
}

#ifdef __aarch64__
// The canary of -fstack-protector is in glibc's loader, which musl does not need. As there, its first byte is 0, which
// ends a string. It is set before any other function of this addon runs, and by one that has no canary.
unsigned long __stack_chk_guard;

__attribute__((constructor(101))) static void SetStackGuard() {
  __stack_chk_guard = *reinterpret_cast<const unsigned long *>(getauxval(AT_RANDOM)) & ~0xfful;
}

// libgcc asks by this name whether the processor has atomic instructions.
unsigned long __getauxval(unsigned long type) { return getauxval(type); }
#endif
}
#pragma GCC visibility pop
