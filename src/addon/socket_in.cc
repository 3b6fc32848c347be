// The only thread of this process that enters network namespaces: for one socket at a time, and then it goes back.
// Nothing else ever runs on it, so nothing is ever done in the wrong namespace.
#include "socket_in.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cstdint>
#include <deque>
#include <memory>

#include "export.h"
#include "awaited.h"
#include "descriptors.h"
#include "environment_job.h"
#include "threads.h"
#include "throw.h"

namespace linux_ns {
namespace {

constexpr size_t kStack = 128 << 10;

// Shared by all environments, and never destroyed: as those of threads.cc.
struct Visitor {
  uv_mutex_t mutex;
  uv_cond_t wake;
  std::deque<std::unique_ptr<Job>> jobs;
  enum { kNotStarted, kLives, kEnded } state = kNotStarted;

  Visitor() {
    uv_mutex_init(&mutex);
    uv_cond_init(&wake);
  }
};

Visitor &Shared() {
  static Visitor *visitor = new Visitor();
  return *visitor;
}

std::unique_ptr<Job> NextJob(Visitor *visitor) {
  uv_mutex_lock(&visitor->mutex);
  while (visitor->jobs.empty()) {
    uv_cond_wait(&visitor->wake, &visitor->mutex);
  }
  std::unique_ptr<Job> job = std::move(visitor->jobs.front());
  visitor->jobs.pop_front();
  uv_mutex_unlock(&visitor->mutex);
  return job;
}

// A thread that waits in a namespace keeps it alive. If the thread cannot go back, because the process has given up its
// capabilities, it ends, and the other jobs that wait for it fail in the same way.
void VisitorMain(void *argument) {
  Visitor *visitor = &Shared();
  prctl(PR_SET_NAME, "ns-visitor");
  Fd home(static_cast<int>(reinterpret_cast<intptr_t>(argument)));
  do {
    NextJob(visitor)->Run({});
  } while (setns(home.get(), CLONE_NEWNET) == 0);
  uv_mutex_lock(&visitor->mutex);
  visitor->state = Visitor::kEnded;
  std::deque<std::unique_ptr<Job>> left = std::move(visitor->jobs);
  uv_mutex_unlock(&visitor->mutex);
  for (std::unique_ptr<Job> &job : left) {
    job->Run({});
  }
}

// Without a way back it would do one job and end: so the way back is opened first.
Failure StartVisitorThread(Visitor *visitor) {
  Fd home(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)); // the main thread's, which never moves
  if (!home) {
    return Failure::Last("open", "/proc/self/ns/net");
  }
  uv_thread_t thread;
  uv_thread_options_t options = {};
  options.flags = UV_THREAD_HAS_STACK_SIZE;
  options.stack_size = kStack;
  void *argument = reinterpret_cast<void *>(static_cast<intptr_t>(home.get()));
  int error = uv_thread_create_ex(&thread, &options, VisitorMain, argument);
  if (error != 0) {
    return {-error, "pthread_create", ""};
  }
  static_cast<void>(home.Release());
  visitor->state = Visitor::kLives;
  return {};
}

// Called under the lock. Returns no error if there is a thread.
Failure StartIfNew(Visitor *visitor) {
  if (visitor->state == Visitor::kNotStarted) {
    return StartVisitorThread(visitor);
  }
  return visitor->state == Visitor::kLives ? Failure{} : Failure{EPERM, "setns", ""};
}

// Returns no error if the job will be done.
Failure SubmitToVisitor(std::unique_ptr<Job> job) {
  Visitor *visitor = &Shared();
  uv_mutex_lock(&visitor->mutex);
  Failure failure = StartIfNew(visitor);
  if (failure.error == 0) {
    visitor->jobs.push_back(std::move(job));
  }
  uv_mutex_unlock(&visitor->mutex);
  uv_cond_signal(&visitor->wake);
  return failure;
}

struct Made {
  Fd net;
  int domain;
  int type;
  int protocol;
  Fd socket;
  Failure failure;

  // On the visiting thread.
  void Make() {
    if (setns(net.get(), CLONE_NEWNET) < 0) {
      failure = Failure::Last("setns");
      return;
    }
    socket.Reset(::socket(domain, type | SOCK_CLOEXEC, protocol));
    if (!socket) {
      failure = Failure::Last("socket");
    }
  }
};

void Tell(Environment *environment, Awaited awaited, Made *made) {
  Napi::Env env = awaited->Env();
  Napi::HandleScope scope(env);
  Napi::Value fd = made->socket ? GiveFd(env, std::move(made->socket)) : Napi::Number::New(env, -1);
  Napi::Number error = Napi::Number::New(env, made->failure.error);
  CallAwaited(environment, awaited, {fd, error, Napi::String::New(env, made->failure.syscall)});
}

void SocketIn(const Napi::CallbackInfo &info) {
  Environment *environment = Environment::Of(info.Env());
  std::shared_ptr<Made> made(new Made());
  made->net.Reset(fcntl(IntArgument(info, 0), F_DUPFD_CLOEXEC, 3));
  if (!made->net) {
    return ThrowSystem(info.Env(), Failure::Last("fcntl"));
  }
  made->domain = IntArgument(info, 1);
  made->type = IntArgument(info, 2);
  made->protocol = IntArgument(info, 3);
  Awaited awaited = Await(environment, info[4].As<Napi::Function>());
  auto job = std::make_unique<EnvironmentJob>(environment, [environment, awaited, made](const Stack &) {
    made->Make();
    environment->Post([environment, awaited, made] { Tell(environment, awaited, made.get()); });
  });
  Failure failure = SubmitToVisitor(std::move(job));
  if (failure.error != 0) {
    TakeAwaited(environment, awaited);
    ThrowSystem(info.Env(), failure);
  }
}

} // namespace

void StartVisitor() {
  Visitor *visitor = &Shared();
  uv_mutex_lock(&visitor->mutex);
  if (StartIfNew(visitor).error != 0) {
    visitor->state = Visitor::kEnded;
  }
  uv_mutex_unlock(&visitor->mutex);
}

void InitSocketIn(Napi::Env env, Napi::Object exports) { Export<SocketIn>(env, exports, "socketIn"); }

} // namespace linux_ns
