// A function on a launcher thread, that its environment waits for before it ends.
#ifndef LINUX_NS_ADDON_ENVIRONMENT_JOB_H
#define LINUX_NS_ADDON_ENVIRONMENT_JOB_H

#include <functional>
#include <utility>

#include "environment.h"
#include "threads.h"

namespace linux_ns {

class EnvironmentJob : public Job {
public:
  EnvironmentJob(Environment *environment, std::function<void(const Stack &)> run)
      : environment_(environment), run_(std::move(run)) {
    environment_->JobSubmitted();
  }
  ~EnvironmentJob() override { environment_->JobDone(); }
  void Run(const Stack &stack) override { run_(stack); }

private:
  Environment *environment_;
  std::function<void(const Stack &)> run_;
};

} // namespace linux_ns

#endif
