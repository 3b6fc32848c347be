#include "child.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>

#include "../plan/plan.h"
#include "../sys/syscall.h"

// The sanitizers' shadow does not know the child's stack.
#define IN_CHILD __attribute__((no_sanitize("address", "undefined")))

IN_CHILD _Noreturn static void end(void) {
  for (;;) {
    ignored(sys1(__NR_exit, 127), "it does not return");
  }
}

// Ends the child where a call has failed: nsinit must not run without the things that come before it.
IN_CHILD static long must(struct child_plan *plan, long result, const char *call) {
  if (result < 0) {
    plan->failed = call;
    plan->error = result;
    end();
  }
  return result;
}

// Writes a map that makes this user root in the new user namespace, which a task may do for itself:
// user_namespaces(7). As root it keeps all capabilities through its exec. False where the kernel wants a writer
// outside, or the file is another's, as while Node is not dumpable: proc(5).
IN_CHILD static int become_root(struct child_plan *plan) {
  if (plan->root_map_size == 0) {
    return 0;
  }
  long fd = sys4(__NR_openat, AT_FDCWD, "/proc/self/uid_map", O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    return 0;
  }
  plan->is_root = sys3(__NR_write, fd, plan->root_map, plan->root_map_size) == (long)plan->root_map_size;
  ignored(sys1(__NR_close, fd), "the exec would close it too");
  return plan->is_root;
}

// A task that is born in a new user namespace has every capability there, and its exec would take all of them away,
// where no map makes it root yet: capabilities(7), "Transformation of capabilities during execve()". Ambient ones stay.
// If a single one was missing, the later exec of the program would count as a gain of privilege, and clear its
// parent-death signal.
IN_CHILD static void raise_capabilities(struct child_plan *plan) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  must(plan, sys2(__NR_capget, &header, data), "capget");
  data[0].inheritable = data[0].permitted;
  data[1].inheritable = data[1].permitted;
  must(plan, sys2(__NR_capset, &header, data), "capset");
  for (int capability = 0; capability < 32 * _LINUX_CAPABILITY_U32S_3; capability++) {
    if ((data[capability / 32].permitted >> capability % 32 & 1) != 0) {
      must(plan, sys5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0), "prctl");
    }
  }
}

// Shares the memory of the launcher thread, which the kernel holds still until the exec (CLONE_VFORK): raw system
// calls on what was prepared, nothing else. The table of descriptors is a copy of its own.
IN_CHILD static void child_main(void *argument) {
  static char name[] = "nsinit";
  static char *const argv[] = {name, NULL};
  static char *const env[] = {NULL};
  struct child_plan *plan = argument;
  plan->began = 1;
  // Until it has become something else it dies with Node. The kernel clears the word before it looks for children to
  // signal (set_tid_address(2)), so if the launcher lives now, its death will be seen.
  must(plan, sys5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0), "prctl");
  if (*plan->launcher_lives == 0) {
    end();
  }
  if ((plan->clone_flags & CLONE_NEWUSER) != 0 && !become_root(plan)) {
    raise_capabilities(plan);
  }
  for (size_t i = 0; i < plan->fd_count; i++) {
    must(plan, sys3(__NR_fcntl, plan->fds[i], F_SETFD, 0), "fcntl");
  }
  must(plan, sys3(__NR_dup3, plan->control, PLAN_CONTROL_FD, 0), "dup3");
  must(plan, sys5(__NR_execveat, plan->image, "", argv, env, AT_EMPTY_PATH), "execveat");
  end();
}

static long clone_with_clone3(struct child_plan *plan) {
  uint64_t into_cgroup = plan->cgroup < 0 ? 0 : CLONE_INTO_CGROUP;
  struct clone_args arguments = {
      .flags = plan->clone_flags | into_cgroup | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | CLONE_CLEAR_SIGHAND,
      .pidfd = (uint64_t)(uintptr_t)&plan->pidfd,
      .exit_signal = SIGCHLD,
      .stack = (uint64_t)(uintptr_t)plan->stack,
      .stack_size = plan->stack_size,
      .cgroup = plan->cgroup < 0 ? 0 : (uint64_t)plan->cgroup,
      .set_tid = (uint64_t)(uintptr_t)plan->set_tid,
      .set_tid_size = plan->set_tid_size,
  };
  return sys_clone_into(__NR_clone3, (long)&arguments, sizeof(arguments), 0, 0, 0, child_main, plan);
}

// clone(2) with the same flags. It cannot clear the handlers (CLONE_CLEAR_SIGHAND), so all signals stay blocked until
// the exec, which clears them.
static long clone_with_clone(struct child_plan *plan) {
  uint64_t flags = plan->clone_flags | CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
  return sys_clone_into(__NR_clone, (long)flags, (long)(plan->stack + plan->stack_size), (long)&plan->pidfd, 0, 0,
                        child_main, plan);
}

// Containers' seccomp profiles answer ENOSYS to clone3, since they cannot look at its flags: then clone takes over.
// Older profiles answer EPERM, as to every call that they do not know. If EPERM is the kernel's own answer, clone gets
// it again. clone cannot choose pids.
long child_clone(struct child_plan *plan) {
  plan->pidfd = -1;
  plan->began = 0;
  plan->failed = NULL;
  plan->error = 0;
  plan->legacy = 0;
  plan->is_root = 0;
  long pid = clone_with_clone3(plan);
  if ((pid != -ENOSYS && pid != -EPERM) || plan->set_tid_size > 0) {
    return pid;
  }
  long with_clone = clone_with_clone(plan);
  if (pid == -EPERM && with_clone == -EPERM) {
    return pid;
  }
  plan->legacy = 1;
  return with_clone;
}
