// Terminals: pty(7), ioctl_tty(2).
#include "terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "export.h"
#include "bytes.h"
#include "descriptors.h"
#include "throw.h"

namespace linux_ns {
namespace {

// The result of read(2) and write(2) on a master whose other end nobody has open any more.
constexpr int kEnd = -1;

Napi::Value Transferred(Napi::Env env, ssize_t count, const char *syscall) {
  if (count >= 0) {
    return Napi::Number::New(env, static_cast<double>(count));
  }
  if (errno == EAGAIN || errno == EINTR) {
    return Napi::Number::New(env, 0);
  }
  if (errno == EIO) {
    return Napi::Number::New(env, kEnd);
  }
  ThrowSystem(env, Failure::Last(syscall));
  return env.Undefined();
}

// True for a process group without processes. A group that must not be signalled (EPERM) exists.
bool IsGone(pid_t group) { return group > 0 && kill(-group, 0) < 0 && errno == ESRCH; }

// A process of a background group may do this only while it blocks SIGTTOU, or else it is stopped by that:
// tcsetpgrp(3). On Linux sigprocmask(2) changes the calling thread; pthread_sigmask(3) would be a symbol of glibc 2.32.
void TakeForeground(int terminal) {
  sigset_t ttou;
  sigset_t before;
  sigemptyset(&ttou);
  sigaddset(&ttou, SIGTTOU);
  sigprocmask(SIG_BLOCK, &ttou, &before);
  tcsetpgrp(terminal, getpgrp());
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

void ReclaimTerminal(const Napi::CallbackInfo &) {
  Fd terminal(open("/dev/tty", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
  if (terminal && IsGone(tcgetpgrp(terminal.get()))) {
    TakeForeground(terminal.get());
  }
}

Napi::Value IsInForeground(const Napi::CallbackInfo &info) {
  return Napi::Boolean::New(info.Env(), tcgetpgrp(IntArgument(info, 0)) == getpgrp());
}

// Job control exists only on the controlling terminal: on others tcgetpgrp fails, and nobody is in the background.
Napi::Value IsInBackground(const Napi::CallbackInfo &info) {
  pid_t group = tcgetpgrp(IntArgument(info, 0));
  return Napi::Boolean::New(info.Env(), group >= 0 && group != getpgrp());
}

Napi::Value MakeRaw(const Napi::CallbackInfo &info) {
  int fd = IntArgument(info, 0);
  termios before = {};
  if (tcgetattr(fd, &before) < 0) {
    ThrowSystem(info.Env(), Failure::Last("ioctl"));
    return info.Env().Undefined();
  }
  termios raw = before;
  cfmakeraw(&raw);
  if (tcsetattr(fd, TCSANOW, &raw) < 0) {
    ThrowSystem(info.Env(), Failure::Last("ioctl"));
    return info.Env().Undefined();
  }
  return Napi::Buffer<char>::Copy(info.Env(), reinterpret_cast<char *>(&before), sizeof before);
}

// A terminal that has hung up has no modes to restore.
void RestoreModes(const Napi::CallbackInfo &info) {
  Bytes bytes;
  termios modes;
  if (BytesArgument(info, 1, &bytes) && bytes.size == sizeof modes) {
    memcpy(&modes, bytes.data, sizeof modes);
    tcsetattr(IntArgument(info, 0), TCSANOW, &modes);
  }
}

} // namespace

void Terminal::Init(Napi::Env env, Napi::Object exports) {
  Define(env, exports, "openTerminal",
         {
             InstanceMethod<&Terminal::Read>("read"),
             InstanceMethod<&Terminal::Write>("write"),
             InstanceMethod<&Terminal::Resize>("resize"),
             InstanceMethod<&Terminal::EndOfFile>("endOfFile"),
             InstanceMethod<&Terminal::SuspendKey>("suspendKey"),
             InstanceMethod<&Terminal::Foreground>("foreground"),
         });
  Export<IsInForeground>(env, exports, "isInForeground");
  Export<IsInBackground>(env, exports, "isInBackground");
  Export<MakeRaw>(env, exports, "makeRaw");
  Export<RestoreModes>(env, exports, "restoreModes");
  Export<ReclaimTerminal>(env, exports, "reclaimTerminal");
}

bool Terminal::Begin(const Napi::CallbackInfo &info) {
  return TakeOver(Env(), IntArgument(info, 0), 0, info[1].As<Napi::Function>());
}

Napi::Value Terminal::Read(const Napi::CallbackInfo &info) {
  Bytes into;
  if (!BytesArgument(info, 0, &into)) {
    return info.Env().Undefined();
  }
  ssize_t count = read(fd(), into.data, into.size);
  return count == 0 ? Napi::Number::New(info.Env(), kEnd) : Transferred(info.Env(), count, "read");
}

Napi::Value Terminal::Write(const Napi::CallbackInfo &info) {
  Bytes bytes;
  if (!BytesArgument(info, 0, &bytes)) {
    return info.Env().Undefined();
  }
  return Transferred(info.Env(), write(fd(), bytes.data, bytes.size), "write");
}

void Terminal::Resize(const Napi::CallbackInfo &info) {
  winsize size = {};
  size.ws_col = static_cast<unsigned short>(IntArgument(info, 0));
  size.ws_row = static_cast<unsigned short>(IntArgument(info, 1));
  if (ioctl(fd(), TIOCSWINSZ, &size) < 0) {
    ThrowSystem(info.Env(), Failure::Last("ioctl"));
  }
}

Napi::Value Terminal::EndOfFile(const Napi::CallbackInfo &info) {
  termios modes = {};
  if (tcgetattr(fd(), &modes) < 0) {
    ThrowSystem(info.Env(), Failure::Last("ioctl"));
    return info.Env().Undefined();
  }
  return Napi::Number::New(info.Env(), modes.c_cc[VEOF]);
}

Napi::Value Terminal::SuspendKey(const Napi::CallbackInfo &info) {
  termios modes = {};
  bool signals = IsOpen() && tcgetattr(fd(), &modes) == 0 && (modes.c_lflag & ISIG) != 0;
  return Napi::Number::New(info.Env(), signals ? modes.c_cc[VSUSP] : 0);
}

// On the master this is the foreground group of the session at the other end: ioctl_tty(2).
Napi::Value Terminal::Foreground(const Napi::CallbackInfo &info) {
  pid_t group = IsOpen() ? tcgetpgrp(fd()) : 0;
  return Napi::Number::New(info.Env(), group < 0 ? 0 : group);
}

} // namespace linux_ns
