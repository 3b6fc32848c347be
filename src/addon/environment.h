// One Node environment (the main thread, a Worker): its loop, the things that are open in it, and the results that
// threads of ours hand back to it.
#ifndef LINUX_NS_ADDON_ENVIRONMENT_H
#define LINUX_NS_ADDON_ENVIRONMENT_H

#include <napi.h>
#include <uv.h>

#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "poller.h"

namespace linux_ns {

// Something that is open in an environment, and is closed with it.
class Closable {
public:
  virtual ~Closable() = default;

  // Called first: prevents the start of everything that has not been started yet. Jobs are still under way.
  virtual void CallOff() {}

  // Called when no job is under way: closes all that it holds, calls no function of JavaScript, and removes itself from
  // the environment.
  virtual void Shut() = 0;
};

class Environment {
public:
  // Makes the environment when the addon is loaded. It ends with Node's environment, by a cleanup hook that leaves
  // nothing behind. Returns 0, or a libuv error: then there is none.
  static int Create(Napi::Env env);
  static Environment *Of(Napi::Env env);

  // The class of that name that the addon has defined for JavaScript.
  Napi::FunctionReference &Constructor(const char *name);

  void Add(Closable *closable);
  void Remove(Closable *closable);
  bool IsOpen(Closable *closable) const;

  // Any thread: runs `done` on the environment's own.
  void Post(std::function<void()> done);

  // Count the jobs of this environment on threads of ours: it does not end before they have ended.
  void JobSubmitted();
  void JobDone();

  // Descriptors that JavaScript holds are closed with the environment.
  void Adopt(int fd);
  void Disown(int fd);

  // Functions to be called when something is done.
  std::list<Napi::FunctionReference> awaited;

  // Something without a handle of its own is awaited: the loop goes on.
  void KeepAlive(int change);

  // A handle of ours was initialised, and is closed.
  void HandleOpened() { handles_++; }
  void HandleClosed();

  uv_loop_t *loop() const { return loop_; }
  Poller &poller() { return poller_; }

private:
  explicit Environment(Napi::Env env) : env_(env) {}
  int Open();
  void CloseHandles();
  static void OnCleanup(napi_async_cleanup_hook_handle hook, void *data);
  void RunPosted();
  void AwaitJobs();

  Napi::Env env_;
  uv_loop_t *loop_ = nullptr;
  uv_async_t async_;
  Poller poller_;
  uv_mutex_t mutex_;
  uv_cond_t job_done_;
  std::vector<std::function<void()>> queue_;
  int keep_alive_ = 0;
  size_t jobs_ = 0; // guarded by mutex_, as queue_ is
  size_t handles_ = 0;
  std::unordered_map<std::string, Napi::FunctionReference> constructors_;
  std::unordered_set<Closable *> open_;
  std::unordered_set<int> descriptors_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool ending_ = false;
};

} // namespace linux_ns

#endif
