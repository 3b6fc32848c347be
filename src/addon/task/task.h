// A task as JavaScript holds it: NativeTask of types/native.d.ts.
#ifndef LINUX_NS_ADDON_TASK_H
#define LINUX_NS_ADDON_TASK_H

#include <napi.h>

#include <memory>
#include <string>
#include <vector>

#include "../environment.h"
#include "../launch.h"
#include "../pidfd.h"
#include "../poll.h"
#include "../timer.h"

struct plan_report;

namespace linux_ns {

struct Packet;

class Task : public Napi::ObjectWrap<Task>, public Closable {
public:
  static void Init(Napi::Env env, Napi::Object exports);
  explicit Task(const Napi::CallbackInfo &info);

  // The environment ends: a task that has to die with it is killed, and the task is let go of.
  void CallOff() override;
  void Shut() override;

private:
  // A process of this launch: nsinit as it was cloned, then, where the plan forks, the child that takes over.
  struct Process {
    Fd pidfd;
    pid_t pid = 0;
    Poll poll;
    Ended end;
  };

  struct Failed {
    const char *phase; // as in types/native.d.ts
    int error = 0;
    std::string syscall{};
    std::string path{};
    std::string detail{};
    int step = -1;
    int signal = 0;
  };

  static Napi::Value LaunchFunction(const Napi::CallbackInfo &info);
  bool Begin(const Napi::Object &request, const Napi::Function &callback);
  void HandOver();
  void OnCloned();
  bool Adopt();
  void Watch(Fd pidfd, pid_t pid);

  void OnControl();
  void OnProcess(Process *process);
  void DrainControl();
  bool IsOurs(pid_t pid) const;
  bool MaySpeak(pid_t sender) const;
  void Handle(const plan_report &report, const char *data, size_t size, Fd fd, pid_t sender);
  void Break(const char *syscall, int error, int step);
  void TakeChild(const plan_report &report, pid_t pid);
  void TakeExec(const plan_report &report, Fd fd, pid_t sender);
  void TakeFailure(const plan_report &report, const char *data, size_t size);
  void HangUp();
  bool IsHangUp(const Packet &packet) const;
  void JudgeExec();
  void JudgeEnd(const Process &process);
  void TakeLastWord();
  void TellStarted(const char *type);
  void ExpectEnd();
  void LookForHeld();
  void CloseControl();
  void StopListening();
  bool StartIsPending() const { return !started_ && !finished_ && failed_ == nullptr; }
  bool MayHaveForked() const;
  bool HasUnreported() const;
  void MaybeFinish();
  void SeekChild();
  void Finish();
  void Release();
  void KillAll();
  std::vector<pid_t> Living() const;
  int TargetPidfd() const;
  pid_t TargetPid() const;
  Process *Main() const { return processes_.empty() ? nullptr : processes_.back().get(); }

  void Emit(const Napi::Object &event);
  void EmitType(const char *type);
  void EmitFailed(const Failed &failed);
  void EmitExit();
  Napi::Value UsageOf(const rusage &usage);

  Napi::Value GetPid(const Napi::CallbackInfo &info);
  Napi::Value GetPidfd(const Napi::CallbackInfo &info);
  Napi::Value GetInitPid(const Napi::CallbackInfo &info);
  void Proceed(const Napi::CallbackInfo &info);
  Napi::Value Kill(const Napi::CallbackInfo &info);
  void End(const Napi::CallbackInfo &info);
  void ReleaseHolder(const Napi::CallbackInfo &info);
  void EndByInit(const Napi::CallbackInfo &info);
  void TellUsage(const Napi::CallbackInfo &info);
  Napi::Value Drain(const Napi::CallbackInfo &info);
  Napi::Value Namespace(const Napi::CallbackInfo &info);
  void RefLoop(const Napi::CallbackInfo &info);
  void UnrefLoop(const Napi::CallbackInfo &info);
  void Reference(bool referenced);

  Environment *environment_ = nullptr;
  std::shared_ptr<Launch> launch_;
  Napi::FunctionReference callback_;
  std::unique_ptr<Napi::AsyncContext> context_;

  std::vector<std::unique_ptr<Process>> processes_;
  Poll control_poll_;
  Poll line_poll_;   // of an init that runs
  Timer timer_;      // while the start is pending, and while an init ends
  Fd program_pidfd_; // behind an init: the program, which is not our child
  pid_t program_pid_ = 0;

  bool referenced_ = true;
  bool dies_with_environment_ = true;
  bool adopted_ = false; // the launcher's part is done, and its outcome here
  bool hung_up_ = false; // nsinit's end of the socket is closed, or it has said all
  bool broken_ = false;  // what it said, or how, made the launch fail
  int failed_receives_ = 0;
  bool exec_seen_ = false;
  uint32_t exec_step_ = 0;
  int looks_ = 0;        // at an exec under way
  bool held_ = false;    // was so when it was last looked for
  bool started_ = false; // 'started' or 'ready' has been told
  bool done_ = false;    // the plan came to its end
  bool is_init_ = false;
  bool expects_end_ = false;        // of the init
  std::vector<Stranger> strangers_; // that keep it from ending
  bool finished_ = false;
  bool sought_ = false;          // a child that could not be reported
  bool seeking_ = false;         // and that is not done yet
  std::vector<pid_t> unwatched_; // children for which there was no descriptor, to be ended
  bool fork_failed_ = false;     // a step has failed, and no fork can have come after it
  bool init_reported_ = false;   // the init has said how its program ended
  int init_status_ = 0;
  std::unique_ptr<Failed> failed_;
};

} // namespace linux_ns

#endif
