// A plan that is carried out by this process itself, without a new task: nsinit takes its place, and then a program
// does. execve(2) ends all other threads, so nsinit may enter what a process with threads may not. What stays is the
// process: its pid, its parent, its process group and the descriptors that the plan names.
#include "in_place.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "export.h"
#include "../plan/plan.h"
#include "descriptors.h"
#include "encoder.h"
#include "image.h"
#include "proc.h"
#include "throw.h"

namespace linux_ns {
namespace {

// The room that a socket may have without a privilege is net.core.wmem_max, socket(7): about 200 KiB. The kernel gives
// twice of what is asked for.
constexpr int kMostRoom = 16 << 20;

// The plan waits in the socket until nsinit reads it, since nobody could send the rest. True once all of it is there.
bool Fill(int socket, const std::vector<char> &bytes) {
  size_t sent = 0;
  for (size_t most = sizeof(plan_header); sent < bytes.size(); most = PLAN_PACKET_BYTES) {
    ssize_t count = send(socket, bytes.data() + sent, std::min(bytes.size() - sent, most), MSG_DONTWAIT);
    if (count < 0) {
      return false;
    }
    sent += static_cast<size_t>(count);
  }
  return true;
}

// Does not return if it works. What it has changed is undone otherwise.
Failure Execute(const Plan &plan, int control, int image) {
  char name[] = "nsinit";
  char *const argv[] = {name, nullptr};
  char *const env[] = {nullptr};
  Fd displaced(fcntl(PLAN_CONTROL_FD, F_DUPFD_CLOEXEC, PLAN_FIRST_FD));
  for (int fd : plan.numbers) {
    if (fcntl(fd, F_SETFD, 0) < 0) {
      return Failure::Last("fcntl");
    }
  }
  if (dup3(control, PLAN_CONTROL_FD, 0) < 0) {
    return Failure::Last("dup3");
  }
  syscall(SYS_execveat, image, "", argv, env, AT_EMPTY_PATH);
  Failure failure = Failure::Last("execveat", "nsinit");
  if (!displaced || dup3(displaced.get(), PLAN_CONTROL_FD, O_CLOEXEC) < 0) {
    close(PLAN_CONTROL_FD);
  }
  return failure;
}

void ExecInPlace(const Napi::CallbackInfo &info) {
  Plan plan;
  if (!EncodePlan(info.Env(), info[0], &plan)) {
    return;
  }
  reinterpret_cast<plan_header *>(plan.bytes.data())->ignored = IgnoredSignals();
  Result<Fd> image = TakeImage();
  if (!image) {
    return ThrowSystem(info.Env(), image.failure());
  }
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
    return ThrowSystem(info.Env(), Failure::Last("socketpair"));
  }
  Fd ours(pair[0]);
  Fd theirs(pair[1]);
  setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUF, &kMostRoom, sizeof(kMostRoom));
  if (!Fill(ours.get(), plan.bytes)) {
    // There is no room for the plan. By far most of it is the arguments and the environment.
    int error = errno == EAGAIN ? E2BIG : errno;
    return ThrowSystem(info.Env(), {error, "execve", ""});
  }
  ThrowSystem(info.Env(), Execute(plan, theirs.get(), image.value().get()));
}

} // namespace

void InitInPlace(Napi::Env env, Napi::Object exports) { Export<ExecInPlace>(env, exports, "execInPlace"); }

} // namespace linux_ns
