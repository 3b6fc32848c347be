// One launch, as it goes to a launcher thread and comes back.
#ifndef LINUX_NS_ADDON_LAUNCH_H
#define LINUX_NS_ADDON_LAUNCH_H

#include <uv.h>

#include <cstdint>
#include <string>

#include "encoder.h"
#include "failure.h"
#include "fd.h"
#include "launcher.h"

namespace linux_ns {

class Launch {
public:
  Launch() { uv_mutex_init(&mutex_); }
  ~Launch() { uv_mutex_destroy(&mutex_); }
  Launch(const Launch &) = delete;
  Launch &operator=(const Launch &) = delete;

  // What is wanted; not touched by Node's thread once it is handed over.
  uint64_t clone_flags = 0;
  Plan plan;
  std::string setgroups, uid_map, gid_map; // empty: not written
  bool manual = false;
  Fd cgroup; // to be born in; none: the caller's

  // Of the socket to nsinit.
  Fd control;

  // Ends the connection. The descriptor is closed too, unless a job may be about to use it: then with this launch.
  void CloseControl();

  // Makes the sockets, before the launch is handed over. False with errno.
  bool MakeControl();

  // On a launcher thread: clones, execs nsinit, writes the maps and, but for a manual launch, sends the plan. The
  // outcome is told by the socket alone: a report, or a hang-up.
  void Run(const Stack &stack);

  // Instead of Run, where there is no thread to run it.
  void Refuse(Failure failure);

  // Node's thread: lets a manual launch go on.
  void Proceed();

  // Node's thread: the task is to be killed as soon as there is one. True when there is one, for the caller to kill.
  bool Cancel();
  bool cancelled();

  // True once the outcome is there to be read: always, after the first event on the socket.
  bool done();

  // The outcome.
  Fd pidfd;
  pid_t pid = 0;
  const char *phase = nullptr; // of the failure, as in types/native.d.ts; null for none
  Failure failure;
  int signal = 0; // of a phase "killed"

private:
  void Start(const Stack &stack);
  bool MoveToCgroup();
  void Fail(const char *at, Failure why);
  void FailMap(const char *file, Failure why);
  bool WriteProcFile(const char *file, const std::string &text);
  void Finish();
  void WritePlan();
  void SetIdle();

  // nsinit's end. Our copy is closed when the launcher has done its part: so no hang-up is seen before.
  Fd theirs_;
  uv_mutex_t mutex_;
  bool cancelled_ = false; // guarded by mutex_
  bool done_ = false;      // guarded by mutex_
  bool idle_ = false;      // guarded by mutex_: no job uses this
};

} // namespace linux_ns

#endif
