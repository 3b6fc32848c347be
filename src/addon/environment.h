// One Node environment (the main thread, a Worker): its loop, its tasks, and what launcher threads hand back to it.
#ifndef LINUX_NS_ADDON_ENVIRONMENT_H
#define LINUX_NS_ADDON_ENVIRONMENT_H

#include <napi.h>
#include <uv.h>

#include <functional>
#include <list>
#include <memory>
#include <unordered_set>
#include <vector>

namespace linux_ns {

class Connecting;
class Netlink;
class Scan;
class Task;
class Terminal;

class Environment {
public:
  // Made when the addon is loaded; ends with the environment, by a cleanup hook that leaves nothing behind. 0, or a
  // libuv error: then there is none.
  static int Create(Napi::Env env);
  static Environment *Of(Napi::Env env);

  Napi::FunctionReference task_constructor;
  std::unordered_set<Task *> tasks; // that have not told their last event

  Napi::FunctionReference terminal_constructor;
  std::unordered_set<Terminal *> terminals; // that are open

  Napi::FunctionReference netlink_constructor;
  std::unordered_set<Netlink *> netlinks; // that are open

  Napi::FunctionReference connecting_constructor;
  std::unordered_set<Connecting *> connections; // that are waited for

  std::unordered_set<std::shared_ptr<Scan>> scans; // under way

  // A launcher thread: runs `done` on the environment's own.
  void Post(std::function<void()> done);

  // Jobs of this environment on launcher threads: it does not end before they have.
  void JobSubmitted();
  void JobDone();

  // Descriptors that JavaScript holds, closed with the environment.
  std::unordered_set<int> descriptors;

  // Functions to be called when something is done.
  std::list<Napi::FunctionReference> awaited;

  // Something is awaited that has no handle of its own: the loop goes on.
  void KeepAlive(int change);

  // A handle of ours was initialised, and is closed.
  void HandleOpened() { handles_++; }
  void HandleClosed();

  uv_loop_t *loop() const { return loop_; }

private:
  explicit Environment(Napi::Env env) : env_(env) {}
  int Open();
  static void OnCleanup(napi_async_cleanup_hook_handle hook, void *data);
  void RunPosted();
  void AwaitJobs();

  Napi::Env env_;
  uv_loop_t *loop_ = nullptr;
  uv_async_t async_;
  uv_mutex_t mutex_;
  uv_cond_t job_done_;
  std::vector<std::function<void()>> queue_;
  int keep_alive_ = 0;
  size_t jobs_ = 0; // guarded by mutex_, as queue_ is
  size_t handles_ = 0;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool ending_ = false;
};

} // namespace linux_ns

#endif
