// A plan from JavaScript arrays to bytes: types/native.d.ts to src/plan/plan.h.
#ifndef LINUX_NS_ADDON_ENCODER_H
#define LINUX_NS_ADDON_ENCODER_H

#include <napi.h>

#include <cstdint>
#include <string>
#include <vector>

#include "fd.h"

namespace linux_ns {

struct Plan {
  std::vector<char> bytes;
  std::vector<int> numbers; // of fds, as the child wants them
  std::vector<Fd> fds;      // duplicates of every descriptor the plan names, under the numbers the plan has
  std::vector<int> forks;   // `fork` steps, by their index: so many times another task takes over
  uint32_t mark = 0;        // of the name that a task has until its exec: plan.h
  bool has_init = false;    // an init stays, and the program is a child of it
  bool stays = false;       // nsinit stays, as init or as holder
  bool talks = false;       // nsinit has more to say than how it ended: Node is to listen

  std::string ExecName() const;
};

// False with an exception pending: a step is not as steps.h says, or a descriptor can't be duplicated.
bool EncodePlan(Napi::Env env, const Napi::Value &steps, Plan *plan);

} // namespace linux_ns

#endif
