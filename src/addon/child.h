// The child of clone3(CLONE_VM): everything that runs in Node's memory and is not Node. Invariant 2 of the design.
#ifndef LINUX_NS_ADDON_CHILD_H
#define LINUX_NS_ADDON_CHILD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Prepared before the clone. The child only reads it, except for `began`, `is_root`, `failed` and `error`.
struct child_plan {
  uint64_t clone_flags; // CLONE_NEW* of clone3
  int image;            // nsinit, to exec
  const int *set_tid;   // its pids, from its own pid namespace outwards, set_tid_size of them
  size_t set_tid_size;  // 0: as the kernel has it
  int cgroup;           // directory of the cgroup to be born in, or -1
  const char *root_map; // for uid_map, where it makes this user root and nobody else anything; else no bytes
  size_t root_map_size;
  int control;    // becomes PLAN_CONTROL_FD
  const int *fds; // lose their close-on-exec in the child's table
  size_t fd_count;
  char *stack; // the child's, of stack_size bytes
  size_t stack_size;
  const volatile int *launcher_lives; // 0 once the thread that clones has ended

  int pidfd;          // out: of the child
  int legacy;         // out: 1 when clone(2) was used, which knows no cgroup
  int began;          // out: 1 when the child has come to run
  int is_root;        // out: 1 when it has written root_map
  const char *failed; // out: the call that failed before nsinit runs, or NULL
  long error;         // out: its -errno
};

// Returns the child's pid once it has exec'd nsinit or ended, or -errno. All signals must be blocked.
long child_clone(struct child_plan *plan);

#ifdef __cplusplus
}
#endif

#endif
