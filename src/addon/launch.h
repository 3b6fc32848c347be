// One launch: it goes to a launcher thread, and comes back with the outcome.
#ifndef LINUX_NS_ADDON_LAUNCH_H
#define LINUX_NS_ADDON_LAUNCH_H

#include <uv.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "encoder.h"
#include "failure.h"
#include "fd.h"
#include "reaper.h"
#include "threads.h"

namespace linux_ns {

class Launch {
public:
  Launch() { uv_mutex_init(&mutex_); }
  ~Launch() { uv_mutex_destroy(&mutex_); }
  Launch(const Launch &) = delete;
  Launch &operator=(const Launch &) = delete;

  // The request. Node's thread does not touch it any more once it is handed over.
  uint64_t clone_flags = 0;
  Plan plan;
  std::string setgroups, uid_map, gid_map; // empty: not written
  bool manual = false;
  std::vector<int> set_tid; // pids for the task itself, from its own pid namespace outwards; none: as the kernel has it
  Fd cgroup;                // to be born in; none: the caller's

  // Descriptors of the socket to nsinit, and of the line for a task that stays: src/plan/plan.h.
  Fd control;
  Fd line;

  // Ends the connection. The descriptor is closed as well, unless a job may be about to use it: then it is closed with
  // this launch.
  void CloseControl();

  // Makes the socket and the line, before the launch is handed over.
  std::optional<Failure> MakeControl();

  // On a launcher thread: clones, execs nsinit, writes the maps and, except for a manual launch, sends the plan. Only
  // the socket tells the outcome: by a report, or by a hang-up.
  void Run(const Stack &stack);

  // Instead of Run, where there is no thread to run it.
  void Refuse(Failure failure);

  // Node's thread: lets a manual launch go on.
  void Proceed();

  // Node's thread: the task is to be killed as soon as there is one. True when there is one, for the caller to kill.
  bool Cancel();
  bool cancelled();

  // True once the outcome can be read. It is always true after the first event on the socket.
  bool done();

  // The failure of sending the plan to a task that waited for it, and that was told to end instead.
  std::optional<Failure> unsent();

  // Node's thread: the task that the launcher waits for until it has become nsinit, where somebody holds it up; else 0.
  pid_t FindHeldChild();

  // Node's thread, or whoever lets go of it last.
  UnknownStart unknown;

  // The outcome.
  Fd pidfd;
  pid_t pid = 0;
  const char *phase = nullptr; // of the failure, as in types/native.d.ts; null for none
  Failure failure;
  int signal = 0; // of a phase "killed"

private:
  void Start(const Stack &stack);
  void SetLauncher(pid_t thread);
  bool MoveToCgroup();
  void Fail(const char *at, Failure why);
  void FailMap(const char *file, Failure why);
  bool WriteProcFile(const char *file, const std::string &text);
  void Finish();
  int WritePlan();
  void GiveUp(int error);
  void SetIdle();

  // nsinit's end. Our copy is closed when the launcher has done its part, so that no hang-up is seen before.
  Fd theirs_;
  uv_mutex_t mutex_;
  bool cancelled_ = false; // guarded by mutex_
  bool done_ = false;      // guarded by mutex_
  bool idle_ = false;      // guarded by mutex_: no job uses this
  int send_error_ = 0;     // guarded by mutex_
  pid_t launcher_ = 0;     // guarded by mutex_: the thread that clones, or has
};

} // namespace linux_ns

#endif
