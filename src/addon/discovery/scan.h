// A look at all of /proc, on a thread of its own.
#ifndef LINUX_NS_ADDON_DISCOVERY_SCAN_H
#define LINUX_NS_ADDON_DISCOVERY_SCAN_H

#include <napi.h>
#include <uv.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "../fd.h"
#include "../poll.h"

namespace linux_ns {

// This is no job for our other threads: it takes long, and a process can keep a reader of its command line waiting (the
// reader takes a lock that mmap(2) holds). Launches go on meanwhile, and the environment ends without it.
class Scan : public Closable, public std::enable_shared_from_this<Scan> {
public:
  Scan(Environment *environment, uint32_t kinds, uint32_t what);
  ~Scan() override;
  Scan(const Scan &) = delete;
  Scan &operator=(const Scan &) = delete;

  // 0, or errno.
  int Start(Napi::Function on_rows);

  // The environment's thread: nothing is reported any more, and the scan's thread ends as soon as it notices.
  void Shut() override;

private:
  // The scan's thread.
  static void ThreadMain(void *self);
  void Run();
  void Post(std::string rows, bool done);

  // The environment's.
  void OnPosted();
  void Call(const Napi::Value &argument);

  uint32_t kinds_;
  uint32_t what_;
  std::atomic<bool> abandoned_{false};
  uv_mutex_t mutex_;
  std::vector<std::string> posted_; // guarded by mutex_
  bool done_ = false;               // guarded by mutex_
  // Wakes the environment: an eventfd(2), whose number is the same in the thread's own table.
  Fd wake_;

  // The environment's thread only.
  Environment *environment_;
  Poll poll_;
  Napi::FunctionReference on_rows_;
  std::shared_ptr<Scan> self_; // until it is done
};

void InitUsers(Napi::Env env, Napi::Object exports);
void InitDiscovery(Napi::Env env, Napi::Object exports);

} // namespace linux_ns

#endif
