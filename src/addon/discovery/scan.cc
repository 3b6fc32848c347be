#include "scan.h"

#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "../export.h"
#include "../descriptors.h"
#include "../threads.h"
#include "../throw.h"
#include "finder.h"
#include "rows.h"

namespace linux_ns {
namespace {

constexpr size_t kThreadStack = 256 << 10;
// More descriptors than the scan itself ever has open at one time.
constexpr size_t kSpareDescriptors = 64;
constexpr unsigned kCloseRangeUnshare = 1 << 1; // linux/close_range.h of Linux 5.9

// Threads that have finished. The next caller joins them, because they have stacks.
struct Ended {
  uv_mutex_t mutex;
  std::vector<uv_thread_t> threads;

  Ended() { uv_mutex_init(&mutex); }
};

Ended &Shared() {
  static Ended *ended = new Ended();
  return *ended;
}

void JoinEnded() {
  Ended &ended = Shared();
  std::vector<uv_thread_t> threads;
  uv_mutex_lock(&ended.mutex);
  threads.swap(ended.threads);
  uv_mutex_unlock(&ended.mutex);
  for (uv_thread_t &thread : threads) {
    uv_thread_join(&thread);
  }
}

void AddEnded() {
  Ended &ended = Shared();
  uv_mutex_lock(&ended.mutex);
  ended.threads.push_back(uv_thread_self());
  uv_mutex_unlock(&ended.mutex);
}

// Gives this thread its own table of descriptors, with one of Node's in it. Descriptors that are opened here then take
// no number from the process, are inherited by nothing that it starts, and are closed with the thread. Returns the
// number that may be held.
size_t OwnDescriptors(int kept) {
  unsigned number = static_cast<unsigned>(kept);
  // Without a table of its own (because of a seccomp filter), nothing is held for longer than it takes to ask what it
  // is.
  if (syscall(SYS_close_range, number + 1, ~0u, kCloseRangeUnshare) < 0) {
    return 0;
  }
  if (number > 3) {
    syscall(SYS_close_range, 3u, number - 1, 0);
  }
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < kSpareDescriptors) {
    return 0;
  }
  return static_cast<size_t>(limit.rlim_cur) - kSpareDescriptors;
}

} // namespace

Scan::Scan(Environment *environment, uint32_t kinds, uint32_t what)
    : kinds_(kinds), what_(what), environment_(environment) {
  uv_mutex_init(&mutex_);
}

Scan::~Scan() { uv_mutex_destroy(&mutex_); }

int Scan::Start(Napi::Function on_rows) {
  JoinEnded();
  wake_ = Fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) {
    return errno;
  }
  int error = poll_.Open(environment_, wake_.get(), UV_READABLE, true, [this] { OnPosted(); });
  if (error != 0) {
    return -error;
  }
  uv_thread_t thread;
  uv_thread_options_t options = {};
  options.flags = UV_THREAD_HAS_STACK_SIZE;
  options.stack_size = kThreadStack;
  auto *self = new std::shared_ptr<Scan>(shared_from_this());
  if (uv_thread_create_ex(&thread, &options, ThreadMain, self) != 0) {
    delete self;
    poll_.Close();
    return EAGAIN;
  }
  on_rows_ = Napi::Persistent(on_rows);
  self_ = shared_from_this();
  environment_->Add(this);
  return 0;
}

void Scan::Shut() {
  abandoned_ = true;
  poll_.Close();
  on_rows_.Reset();
  // Not while the thread writes to it: if it has no table of its own, the number could belong to another file.
  uv_mutex_lock(&mutex_);
  wake_.Reset();
  uv_mutex_unlock(&mutex_);
  environment_->Remove(this);
  self_.reset(); // nothing of this object is used after it
}

void Scan::ThreadMain(void *data) {
  // This comes first: a signal handler of Node writes to a descriptor that this thread will not have.
  BlockSignals();
  prctl(PR_SET_NAME, "linux-ns-scan");
  {
    std::unique_ptr<std::shared_ptr<Scan>> self(static_cast<std::shared_ptr<Scan> *>(data));
    (*self)->Run();
  }
  AddEnded();
}

void Scan::Run() {
  uv_mutex_lock(&mutex_);
  int wake = wake_.get();
  size_t most_held = wake < 0 ? 0 : OwnDescriptors(wake);
  uv_mutex_unlock(&mutex_);
  Rows rows([this](std::string text) { Post(std::move(text), false); });
  Finder finder(kinds_, what_, most_held, rows, abandoned_);
  finder.Run();
  rows.Flush();
  Post("", true);
}

void Scan::Post(std::string rows, bool done) {
  uv_mutex_lock(&mutex_);
  if (done) {
    done_ = true;
  } else {
    posted_.push_back(std::move(rows));
  }
  if (wake_) {
    eventfd_write(wake_.get(), 1);
  }
  uv_mutex_unlock(&mutex_);
}

void Scan::OnPosted() {
  std::shared_ptr<Scan> self = shared_from_this(); // a callback may shut it
  eventfd_t count;
  eventfd_read(wake_.get(), &count);
  std::vector<std::string> posted;
  uv_mutex_lock(&mutex_);
  posted.swap(posted_);
  bool done = done_;
  uv_mutex_unlock(&mutex_);
  Napi::Env env = on_rows_.Env();
  Napi::HandleScope scope(env);
  for (const std::string &rows : posted) {
    Call(Napi::String::New(env, rows));
  }
  if (done) {
    Call(env.Null());
    Shut();
  }
}

void Scan::Call(const Napi::Value &argument) {
  if (!on_rows_.IsEmpty()) {
    Napi::Env env = argument.Env();
    on_rows_.MakeCallback(env.Global(), {argument});
    TellUncaught(env);
  }
}

namespace {

// scan(kinds, what, onRows): starts a scan, and returns a function that gives it up.
Napi::Value StartScan(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  if (!info[2].IsFunction()) {
    ThrowSystem(env, {EINVAL, "scan", ""});
    return env.Undefined();
  }
  uint32_t kinds = static_cast<uint32_t>(IntArgument(info, 0));
  uint32_t what = static_cast<uint32_t>(IntArgument(info, 1));
  // Not make_shared: without RTTI it takes a symbol of libstdc++ 9.
  auto scan = std::shared_ptr<Scan>(new Scan(Environment::Of(env), kinds, what));
  int error = scan->Start(info[2].As<Napi::Function>());
  if (error != 0) {
    ThrowSystem(env, {error, "clone", ""});
    return env.Undefined();
  }
  std::weak_ptr<Scan> weak = scan;
  return Napi::Function::New(env, [weak](const Napi::CallbackInfo &call) {
    std::shared_ptr<Scan> started = weak.lock();
    if (started != nullptr && Environment::Of(call.Env())->IsOpen(started.get())) {
      started->Shut();
    }
  });
}

} // namespace

void InitDiscovery(Napi::Env env, Napi::Object exports) {
  Export<StartScan>(env, exports, "scan");
  InitUsers(env, exports);
}

} // namespace linux_ns
