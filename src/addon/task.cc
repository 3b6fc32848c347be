#include "task.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstring>

#include "control.h"
#include "descriptors.h"
#include "environment_job.h"
#include "held.h"
#include "proc.h"
#include "reaper.h"
#include "throw.h"

namespace linux_ns {
namespace {

constexpr uint64_t kLookAfter = 1000; // milliseconds, in which a start is over unless somebody holds it up
constexpr uint64_t kExecTakes = 1;    // milliseconds, the rest of an exec under way
constexpr int kMostLooks = 1000;      // at an exec under way: a second, which none takes
constexpr int kMostFailedReceives = 16;
constexpr uint64_t kInitTakes = 100;      // milliseconds, in which an init ends unless somebody holds it up
constexpr unsigned kIsEnding = 0x4;       // PF_EXITING
constexpr unsigned kHasForkedOnly = 0x40; // PF_FORKNOEXEC: the kernel takes it away at the exec, for ever

std::string OptionalString(const Napi::Object &object, const char *name) {
  Napi::Value value = object.Get(name);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
}

// A property that can't be had, in a Worker that is being terminated, is an empty value, and not even one to convert.
uint64_t OptionalNumber(const Napi::Object &object, const char *name) {
  Napi::Value value = object.Get(name);
  return value.IsNumber() ? static_cast<uint64_t>(value.As<Napi::Number>().Int64Value()) : 0;
}

std::vector<int> OptionalNumbers(const Napi::Object &object, const char *name) {
  std::vector<int> numbers;
  Napi::Value value = object.Get(name);
  if (value.IsArray()) {
    Napi::Array list = value.As<Napi::Array>();
    for (uint32_t i = 0; i < list.Length(); i++) {
      Napi::Value number = list.Get(i);
      numbers.push_back(number.IsNumber() ? number.As<Napi::Number>().Int32Value() : 0);
    }
  }
  return numbers;
}

bool BooleanOr(const Napi::Object &object, const char *name, bool otherwise) {
  Napi::Value value = object.Get(name);
  return value.IsBoolean() ? value.As<Napi::Boolean>().Value() : otherwise;
}

} // namespace

void Task::Init(Napi::Env env, Napi::Object exports) {
  Napi::Function constructor = DefineClass(env, "NativeTask",
                                           {
                                               InstanceAccessor<&Task::GetPid>("pid"),
                                               InstanceAccessor<&Task::GetPidfd>("pidfd"),
                                               InstanceAccessor<&Task::GetInitPid>("initPid"),
                                               InstanceMethod<&Task::Proceed>("proceed"),
                                               InstanceMethod<&Task::Kill>("kill"),
                                               InstanceMethod<&Task::End>("end"),
                                               InstanceMethod<&Task::ReleaseHolder>("release"),
                                               InstanceMethod<&Task::Namespace>("namespace"),
                                               InstanceMethod<&Task::RefLoop>("ref"),
                                               InstanceMethod<&Task::UnrefLoop>("unref"),
                                           });
  Environment::Of(env)->task_constructor = Napi::Persistent(constructor);
  exports.Set("launch", Napi::Function::New<&Task::LaunchFunction>(env, "launch"));
}

Task::Task(const Napi::CallbackInfo &info) : Napi::ObjectWrap<Task>(info), environment_(Environment::Of(info.Env())) {}

// ── starting ──────────────────────────────────────────────────────────────────────────────────────────────────────

Napi::Value Task::LaunchFunction(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  if (info.Length() < 2 || !info[0].IsObject() || !info[1].IsFunction()) {
    Napi::TypeError::New(env, "launch(request, callback)").ThrowAsJavaScriptException();
    return env.Undefined();
  }
  Napi::Object object = Environment::Of(env)->task_constructor.New({});
  Task *task = UnwrapNew<Task>(object);
  if (task == nullptr) {
    return env.Undefined();
  }
  if (!task->Begin(info[0].As<Napi::Object>(), info[1].As<Napi::Function>())) {
    task->launch_.reset(); // the descriptors made so far: not only when this object is collected
    return env.Undefined();
  }
  return object;
}

bool Task::Begin(const Napi::Object &request, const Napi::Function &callback) {
  launch_ = std::shared_ptr<Launch>(new Launch()); // make_shared without RTTI takes a symbol of libstdc++ 9
  launch_->clone_flags = OptionalNumber(request, "flags");
  launch_->set_tid = OptionalNumbers(request, "setTid");
  launch_->setgroups = OptionalString(request, "setgroups");
  launch_->uid_map = OptionalString(request, "uidMap");
  launch_->gid_map = OptionalString(request, "gidMap");
  launch_->manual = BooleanOr(request, "manual", false);
  dies_with_environment_ = BooleanOr(request, "dieWithEnvironment", true);
  Napi::Value cgroup = request.Get("cgroup");
  if (cgroup.IsNumber()) {
    launch_->cgroup.Reset(fcntl(cgroup.As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, PLAN_FIRST_FD));
    if (!launch_->cgroup) {
      ThrowSystem(Env(), Failure::Last("fcntl"));
      return false;
    }
  }
  if (!EncodePlan(Env(), request.Get("steps"), &launch_->plan)) {
    return false;
  }
  std::optional<Failure> failure = launch_->MakeControl();
  if (failure) {
    ThrowSystem(Env(), *failure);
    return false;
  }
  // Where nsinit has nothing to say on the way, Node wakes for the hang-up alone: the exec, a failure, or the end.
  int events = launch_->plan.talks ? UV_READABLE : UV_DISCONNECT;
  int error = control_poll_.Open(environment_, launch_->control.get(), events, referenced_, [this] { OnControl(); });
  if (error != 0) {
    ThrowSystem(Env(), {-error, "epoll_ctl", ""});
    return false;
  }
  callback_ = Napi::Persistent(callback);
  context_ = std::make_unique<Napi::AsyncContext>(Env(), "LinuxNamespaceTask", Value());
  environment_->tasks.insert(this);
  timer_.Start(environment_, kLookAfter, [this] { LookForHeld(); });
  Ref();
  HandOver();
  return true;
}

void Task::HandOver() {
  std::shared_ptr<Launch> launch = launch_;
  Environment *environment = environment_;
  std::function<void()> cloned;
  if (launch_->manual) {
    // The task may have come to its end, and be gone, before this runs.
    cloned = [this, launch, environment] {
      if (environment->tasks.count(this) > 0 && launch_ == launch) {
        OnCloned();
      }
    };
  }
  bool submitted =
      Submit(std::make_unique<EnvironmentJob>(environment_, [launch, environment, cloned](const Stack &stack) {
        launch->Run(stack);
        if (cloned) {
          environment->Post(cloned);
        }
      }));
  if (!submitted) {
    launch_->Refuse({EAGAIN, "pthread_create", ""});
  }
}

// Takes what the launcher has made. False while it is not done.
bool Task::Adopt() {
  if (adopted_) {
    return true;
  }
  if (!launch_->done()) {
    return false;
  }
  adopted_ = true;
  if (launch_->phase != nullptr) {
    const Failure &failure = launch_->failure;
    failed_.reset(new Failed{launch_->phase, failure.error, failure.syscall, failure.path});
    failed_->signal = launch_->signal;
    return true;
  }
  Watch(std::move(launch_->pidfd), launch_->pid);
  return true;
}

void Task::OnCloned() {
  Napi::HandleScope scope(Env());
  // A failure, or an end, is told by the socket.
  if (!finished_ && Adopt() && failed_ == nullptr) {
    EmitType("cloned");
  }
}

// A process that can't be watched (no memory, no descriptors left for epoll) is not one to keep.
void Task::Watch(Fd pidfd, pid_t pid) {
  processes_.push_back(std::make_unique<Process>());
  Process *process = processes_.back().get();
  process->pidfd = std::move(pidfd);
  process->pid = pid;
  SetKnown(pid, true);
  int error = process->poll.Open(environment_, process->pidfd.get(), UV_READABLE, referenced_,
                                 [this, process] { OnProcess(process); });
  if (error != 0) {
    KillChild(process->pidfd.get(), process->pid);
    process->end = WaitPidfd(process->pidfd.get(), 0);
  }
}

// ── what nsinit says ──────────────────────────────────────────────────────────────────────────────────────────────

void Task::OnControl() {
  Napi::HandleScope scope(Env());
  if (!Adopt()) {
    return;
  }
  DrainControl();
  MaybeFinish();
}

void Task::OnProcess(Process *process) {
  Napi::HandleScope scope(Env());
  // What it said before it ended counts.
  DrainControl();
  if (process == Main() && HasEnded(process->pidfd.get())) {
    JudgeEnd(*process);
  }
  process->end = WaitPidfd(process->pidfd.get(), WNOHANG);
  if (process->end.ended) {
    process->poll.Close();
    process->pidfd.Reset();
    SetKnown(process->pid, false);
    if (process == Main()) {
      TakeLastWord();
    }
  }
  MaybeFinish();
}

// The socket is held by nsinit alone, before any program of the user's has run: src/plan/plan.h. All the same nothing
// that can be checked is believed.
void Task::DrainControl() {
  Packet packet;
  while (launch_->control && !hung_up_) {
    Receive(launch_->control.get(), &packet);
    if (packet.size < 0 && errno == EAGAIN) {
      return;
    }
    // Nothing was taken out of the queue, and what is in it may be all that is ever told of a child. Of a hang-up that
    // is told so, with something unread, the next answer is the end.
    if (packet.size < 0 && failed_receives_++ < kMostFailedReceives) {
      continue;
    }
    if (IsHangUp(packet)) {
      return HangUp();
    }
    if (packet.size < 0) {
      return Break("recvmsg", errno, -1);
    }
    if (!packet.IsReport()) {
      Break("recvmsg", EBADMSG, -1);
      continue;
    }
    plan_report report = packet.Report();
    // This process has as many descriptors as it may: without the one that was sent there is nothing to go on with.
    if (packet.lost) {
      Break("recvmsg", EMFILE, static_cast<int>(report.step));
      continue;
    }
    Handle(report, packet.data(), packet.data_size(), std::move(packet.fd), packet.sender);
  }
}

// nsinit has left something unread: ECONNRESET, unix(7).
bool Task::IsHangUp(const Packet &packet) const {
  return packet.size == 0 || (packet.size < 0 && (errno == ECONNRESET || errno == EPIPE));
}

// Nothing can come of it any more, and nothing that is said counts, but that there is a child.
void Task::Break(const char *syscall, int error, int step) {
  if (failed_ == nullptr) {
    failed_.reset(new Failed{step < 0 ? "prepare" : "step", error, syscall});
    failed_->step = step;
  }
  broken_ = true;
  KillAll();
}

// The child of an init has not been heard of before it speaks.
bool Task::MaySpeak(pid_t sender) const {
  for (const std::unique_ptr<Process> &process : processes_) {
    if (process->pid == sender) {
      return true;
    }
  }
  return launch_->plan.has_init && sender > 0 && sender != getpid();
}

void Task::Handle(const plan_report &report, const char *data, size_t size, Fd fd, pid_t sender) {
  if (report.kind == REPORT_FORKED) {
    return TakeChild(report, sender);
  }
  if (broken_ || !MaySpeak(sender)) {
    return;
  }
  Napi::Env env = Env();
  switch (report.kind) {
    case REPORT_FAILED:
      return TakeFailure(report, data, size);
    case REPORT_EXEC:
      return TakeExec(report, std::move(fd), sender);
    case REPORT_READY:
      if (launch_->plan.stays && !launch_->plan.has_init && sender == Main()->pid) {
        is_init_ = report.value != 0;
        hung_up_ = true;
        StopListening();
        TellStarted("ready");
      }
      return;
    case REPORT_DONE:
      done_ = sender == Main()->pid;
      return;
    case REPORT_FD: {
      if (!fd) {
        return;
      }
      Napi::Object event = Napi::Object::New(env);
      event.Set("type", "fd");
      event.Set("fd", GiveFd(env, std::move(fd)));
      return Emit(event);
    }
    case REPORT_DATA: {
      Napi::Object event = Napi::Object::New(env);
      event.Set("type", "data");
      event.Set("data", Napi::Buffer<char>::Copy(env, data, size));
      return Emit(event);
    }
  }
}

// A child of ours that is not yet reaped keeps its pid.
void Task::TakeChild(const plan_report &report, pid_t pid) {
  if (processes_.size() > launch_->plan.forks.size() || !IsOwnChild(pid)) {
    return;
  }
  Result<Fd> pidfd = OpenPidfd(pid);
  if (!pidfd) {
    kill(pid, SIGKILL);
    while (waitpid(pid, nullptr, __WALL) < 0 && errno == EINTR) {
    }
    return Break("pidfd_open", pidfd.failure().error, static_cast<int>(report.step));
  }
  Watch(std::move(pidfd.value()), pid);
  if (broken_ || launch_->cancelled()) {
    KillAll();
  }
}

void Task::TakeExec(const plan_report &report, Fd fd, pid_t sender) {
  if (exec_seen_) {
    return;
  }
  if (launch_->plan.has_init) {
    if (!fd || !IsPidfdOf(fd.get(), sender, Main()->pid)) {
      return Break("recvmsg", EBADMSG, static_cast<int>(report.step));
    }
    is_init_ = true;
    program_pid_ = sender;
    program_pidfd_ = std::move(fd);
  } else if (sender != Main()->pid) {
    return;
  }
  exec_seen_ = true;
  exec_step_ = report.step;
}

void Task::TakeFailure(const plan_report &report, const char *data, size_t size) {
  if (failed_ != nullptr) {
    return;
  }
  failed_.reset(new Failed{"step", report.error, report.syscall});
  failed_->step = static_cast<int>(report.step);
  KillAll(); // it ends by itself, unless somebody keeps it from that
  const std::vector<int> &forks = launch_->plan.forks;
  fork_failed_ = processes_.size() <= forks.size() && failed_->step <= forks[processes_.size() - 1];
  const char *path_end = static_cast<const char *>(memchr(data, '\0', size));
  if (path_end == nullptr) {
    return;
  }
  failed_->path.assign(data, path_end);
  const char *detail = path_end + 1;
  const char *detail_end = static_cast<const char *>(memchr(detail, '\0', data + size - detail));
  if (detail_end != nullptr) {
    failed_->detail.assign(detail, detail_end);
  }
}

// ── whether it runs ───────────────────────────────────────────────────────────────────────────────────────────────

// The descriptor was close-on-exec: after "exec is next" its end is the exec's success, or the task's death just
// before.
void Task::HangUp() {
  hung_up_ = true;
  StopListening();
  if (!exec_seen_ && !done_) {
    KillAll(); // it has not said what it was to say, and can't any more
  }
  JudgeExec();
}

// The exec gives the task another name, shortly after it has closed the descriptor. A name does not change any more
// when the task dies: so what still has the old one either is in the middle of its exec, or will never be the program.
void Task::JudgeExec() {
  if (!exec_seen_ || !StartIsPending() || TargetPidfd() < 0) {
    return;
  }
  std::string name = NameOf(TargetPid());
  // The init has waited for it, and it may be another that has the pid: the init tells.
  if (program_pidfd_ && SignalPidfd(program_pidfd_.get(), 0) == ESRCH) {
    return;
  }
  if (name != launch_->plan.ExecName() || looks_++ == kMostLooks) {
    return TellStarted("started");
  }
  if (!HasEnded(TargetPidfd())) {
    timer_.Start(environment_, kExecTakes, [this] {
      Napi::HandleScope scope(Env());
      JudgeExec();
    });
  }
}

// What was to become the program has ended, or the init of it. The hang-up may come later: a task that is being started
// beside it has a copy of every descriptor until its own exec. So it is the name that tells, while it is a zombie.
void Task::JudgeEnd(const Process &process) {
  if (!exec_seen_ || !StartIsPending() || launch_->plan.has_init) {
    return;
  }
  // Programs beside it may see its name, and a program they tell it to may take it again. Where nsinit has forked, the
  // kernel knows more.
  bool forked = processes_.size() > 1;
  if (NameOf(process.pid) != launch_->plan.ExecName() ||
      (forked && (StatOf(process.pid).flags & kHasForkedOnly) == 0)) {
    return TellStarted("started");
  }
  Ended end = WaitPidfd(process.pidfd.get(), WNOHANG | WNOWAIT);
  // Its exec has failed, and a filter, or a lack of memory, has kept it from saying so: fail_with() of nsinit.
  if (end.code > 0) {
    failed_.reset(new Failed{"step", end.code, "execve"});
    failed_->step = static_cast<int>(exec_step_);
  }
}

// On the line, once nobody can write to it any more who could not before. One word counts.
void Task::TakeLastWord() {
  plan_report report;
  if (!is_init_ || !launch_->line || read(launch_->line.get(), &report, sizeof(report)) != sizeof(report) ||
      report.kind != REPORT_EXITED) {
    // Killed before it could: what it was killed with may have ended the program in the midst of its exec.
    return is_init_ && exec_seen_ && StartIsPending() ? TellStarted("started") : void();
  }
  report.syscall[sizeof(report.syscall) - 1] = '\0';
  if (report.error != 0 && StartIsPending()) {
    failed_.reset(new Failed{"step", report.error, report.syscall});
    failed_->step = static_cast<int>(report.step);
    return;
  }
  init_reported_ = true;
  init_status_ = static_cast<int>(report.value);
  if (exec_seen_ && StartIsPending()) {
    TellStarted("started");
  }
}

void Task::TellStarted(const char *type) {
  if (started_ || failed_ != nullptr) {
    return;
  }
  started_ = true;
  timer_.Close();
  if (is_init_ && launch_->line) {
    // Its end, which the pidfd tells only when nothing holds it up. Where this can't be watched, End() sees to it.
    line_poll_.Open(environment_, launch_->line.get(), UV_DISCONNECT, false, [this] {
      line_poll_.Close();
      ExpectEnd();
    });
  }
  EmitType(type);
}

// Of an init.
void Task::ExpectEnd() {
  if (!started_ || finished_ || !is_init_ || expects_end_) {
    return;
  }
  expects_end_ = true;
  timer_.Start(environment_, kInitTakes, [this] {
    if (!Main()->end.ended && (StatOf(Main()->pid).flags & kIsEnding) != 0) {
      ReapStrangers(Main()->pid, &strangers_);
    }
  });
}

// Programs that share user and pid namespace with a starting task may stop it, and nothing would ever be heard of it
// again: signal(7), ptrace(2). What is found so twice is ended.
void Task::LookForHeld() {
  Napi::HandleScope scope(Env());
  if (!StartIsPending()) {
    return timer_.Close();
  }
  std::vector<pid_t> ours;
  if (Adopt()) {
    DrainControl(); // it may have told of a child, which Node does not wake for
    for (const std::unique_ptr<Process> &process : processes_) {
      if (!process->end.ended) {
        ours.push_back(process->pid);
      }
    }
    if (HasUnreported() && Main() != nullptr) {
      std::vector<pid_t> unreported = FindUnreported(launch_->pid);
      ours.insert(ours.end(), unreported.begin(), unreported.end());
    }
  } else if (pid_t child = launch_->FindHeldChild()) {
    ours.push_back(child);
  }
  if (!StartIsPending()) {
    return MaybeFinish();
  }
  bool was_held = held_;
  held_ = !ours.empty() && AnyHeld(ours);
  if (!held_ || !was_held) {
    return;
  }
  timer_.Close();
  failed_.reset(new Failed{"held"});
  KillHeldDescendants(ours);
  for (pid_t pid : ours) {
    kill(pid, SIGKILL); // a child of ours, not yet reaped
  }
  MaybeFinish();
}

// ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────

void Task::StopListening() { control_poll_.Close(); }

// nsinit, when it only waits for its release, goes.
void Task::CloseControl() {
  StopListening();
  line_poll_.Close();
  timer_.Close();
  launch_->CloseControl();
  launch_->line.Reset();
}

// Whether it may be that nsinit has forked and not told of it.
bool Task::HasUnreported() const {
  return !started_ && !fork_failed_ && processes_.size() <= launch_->plan.forks.size();
}

void Task::MaybeFinish() {
  if (finished_ || seeking_) {
    return;
  }
  for (const std::unique_ptr<Process> &process : processes_) {
    if (!process->end.ended) {
      return;
    }
  }
  // A task that was killed on its fork: its child, if there is one, is ours to wait for. It speaks, or it was killed as
  // well, or it cannot: it is frozen (cgroups(7)), stopped, or had no memory to speak.
  bool unreported = HasUnreported();
  bool may_be_silent = hung_up_ || failed_ != nullptr || (Main() != nullptr && Main()->end.signal != 0);
  if (unreported && !sought_ && Main() != nullptr && may_be_silent) {
    return SeekChild();
  }
  if (!unreported || hung_up_) {
    Finish();
  }
}

void Task::SeekChild() {
  sought_ = true;
  seeking_ = true;
  std::shared_ptr<Launch> launch = launch_;
  Environment *environment = environment_;
  std::function<void()> done = [this, environment] {
    Napi::HandleScope scope(Env());
    environment->KeepAlive(-1);
    seeking_ = false;
    MaybeFinish();
  };
  environment->KeepAlive(1);
  bool submitted = Submit(std::make_unique<EnvironmentJob>(environment_, [launch, environment, done](const Stack &) {
    ReapUnreported(launch->pid);
    environment->Post(done);
  }));
  if (!submitted) {
    done();
  }
}

void Task::Finish() {
  finished_ = true;
  CloseControl();
  program_pidfd_.Reset();
  std::optional<Failure> unsent = launch_->unsent();
  if (failed_ == nullptr && !started_ && !done_ && unsent) {
    failed_.reset(new Failed{"prepare", unsent->error, unsent->syscall});
  }
  if (failed_ != nullptr) {
    EmitFailed(*failed_);
  } else if (started_ || done_) {
    EmitExit();
  } else {
    Failed killed = {"killed"};
    killed.signal = Main() == nullptr ? SIGKILL : Main()->end.signal;
    EmitFailed(killed);
  }
  Release();
}

// The last thing done with this object: it may be collected from here on.
void Task::Release() {
  environment_->tasks.erase(this);
  callback_.Reset();
  context_.reset();
  launch_.reset();
  Unref();
}

// Killed at once, too: the launcher may be waiting for the task to read its plan, and it need not.
void Task::Cancel() {
  if (!started_) {
    launch_->Cancel();
    KillAll();
  }
}

void Task::Abandon() {
  Remains remains;
  if (!adopted_ && launch_->pidfd) {
    remains.pidfds.push_back(std::move(launch_->pidfd));
  }
  StopListening();
  line_poll_.Close();
  timer_.Close();
  for (const std::unique_ptr<Process> &process : processes_) {
    process->poll.Close();
    SetKnown(process->pid, false);
    if (process->pidfd) {
      remains.pidfds.push_back(std::move(process->pidfd));
    }
  }
  if (dies_with_environment_ || !started_) {
    for (const Fd &pidfd : remains.pidfds) {
      SignalPidfd(pidfd.get(), SIGKILL);
    }
  }
  if (HasUnreported() && !hung_up_ && launch_->pid != 0) {
    remains.control = std::move(launch_->control);
    remains.first = launch_->pid;
  }
  processes_.clear();
  if (!remains.pidfds.empty() || remains.control) {
    Reap(std::move(remains));
  }
  Release();
}

void Task::KillAll() {
  for (const std::unique_ptr<Process> &process : processes_) {
    if (process->pidfd) {
      KillChild(process->pidfd.get(), process->pid);
    }
  }
}

// ── telling ───────────────────────────────────────────────────────────────────────────────────────────────────────

void Task::Emit(const Napi::Object &event) {
  if (callback_.IsEmpty()) {
    return;
  }
  Napi::Env env = Env();
  callback_.MakeCallback(Value(), {event}, *context_);
  TellUncaught(env);
}

void Task::EmitType(const char *type) {
  Napi::Object event = Napi::Object::New(Env());
  event.Set("type", type);
  Emit(event);
}

void Task::EmitFailed(const Failed &failed) {
  Napi::Env env = Env();
  Napi::Object failure = Napi::Object::New(env);
  failure.Set("phase", failed.phase);
  failure.Set("errno", failed.error);
  failure.Set("syscall", failed.syscall);
  failure.Set("step", failed.step);
  if (!failed.path.empty()) {
    failure.Set("path", failed.path);
  }
  if (!failed.detail.empty()) {
    failure.Set("detail", failed.detail);
  }
  if (failed.signal != 0) {
    failure.Set("signal", failed.signal);
  }
  Napi::Object event = Napi::Object::New(env);
  event.Set("type", "failed");
  event.Set("failure", failure);
  Emit(event);
}

// An init tells how its program ended; where it was killed before it could, its own end is all there is.
void Task::EmitExit() {
  Napi::Env env = Env();
  const Ended &own = Main()->end;
  int code = own.code;
  int signal = own.signal;
  if (init_reported_ && own.signal == 0) {
    code = WIFEXITED(init_status_) ? WEXITSTATUS(init_status_) : -1;
    signal = WIFSIGNALED(init_status_) ? WTERMSIG(init_status_) : 0;
  }
  // An init that has ended and not told so of its program has taken it along: the kernel kills what is left in a pid
  // namespace.
  if (launch_->plan.has_init && !init_reported_ && own.signal == 0) {
    signal = SIGKILL;
  }
  Napi::Object event = Napi::Object::New(env);
  // A plan that came to its end has; whatever ended nsinit then.
  if (done_) {
    code = 0;
    signal = 0;
  }
  event.Set("type", "exit");
  event.Set("code", signal == 0 ? Napi::Value::From(env, code) : env.Null());
  event.Set("signal", signal != 0 ? Napi::Value::From(env, signal) : env.Null());
  Emit(event);
}

// ── methods ───────────────────────────────────────────────────────────────────────────────────────────────────────

int Task::TargetPidfd() const {
  if (program_pidfd_) {
    return program_pidfd_.get();
  }
  return Main() == nullptr ? -1 : Main()->pidfd.get();
}

pid_t Task::TargetPid() const {
  if (program_pid_ != 0) {
    return program_pid_;
  }
  return Main() == nullptr ? 0 : Main()->pid;
}

Napi::Value Task::GetPid(const Napi::CallbackInfo &info) { return Napi::Number::New(info.Env(), TargetPid()); }

Napi::Value Task::GetPidfd(const Napi::CallbackInfo &info) { return Napi::Number::New(info.Env(), TargetPidfd()); }

Napi::Value Task::GetInitPid(const Napi::CallbackInfo &info) {
  return Napi::Number::New(info.Env(), is_init_ && Main() != nullptr ? Main()->pid : 0);
}

void Task::Proceed(const Napi::CallbackInfo &) {
  if (finished_ || !adopted_ || !launch_->manual) {
    return;
  }
  launch_->manual = false;
  launch_->Proceed();
}

Napi::Value Task::Kill(const Napi::CallbackInfo &info) {
  int pidfd = TargetPidfd();
  int error = pidfd < 0 ? ESRCH : SignalPidfd(pidfd, IntArgument(info, 0));
  return Napi::Number::New(info.Env(), error);
}

void Task::End(const Napi::CallbackInfo &) {
  if (!finished_ && launch_->Cancel() && Adopt()) {
    KillAll();
    ExpectEnd();
  }
}

void Task::ReleaseHolder(const Napi::CallbackInfo &) {
  if (!finished_ && started_ && !is_init_) {
    CloseControl();
  }
}

Napi::Value Task::Namespace(const Napi::CallbackInfo &info) {
  Napi::Env env = info.Env();
  // The program's: an init that has joined first is not one that an ordinary user may look into.
  if (TargetPidfd() < 0) {
    ThrowSystem(env, {ESRCH, "ioctl", ""});
    return env.Undefined();
  }
  Result<Fd> fd = OpenNamespaceOf(TargetPidfd(), TargetPid(), static_cast<uint64_t>(IntArgument(info, 0)));
  if (!fd) {
    ThrowSystem(env, fd.failure());
    return env.Undefined();
  }
  return GiveFd(env, std::move(fd.value()));
}

void Task::RefLoop(const Napi::CallbackInfo &) { Reference(true); }

void Task::UnrefLoop(const Napi::CallbackInfo &) { Reference(false); }

void Task::Reference(bool referenced) {
  referenced_ = referenced;
  control_poll_.Reference(referenced);
  for (const std::unique_ptr<Process> &process : processes_) {
    process->poll.Reference(referenced);
  }
}

} // namespace linux_ns
