/* Entering namespaces that exist: setns(2). */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/sched.h>

#define MOST_JOINED 64 /* bits of `joined` below; there are eight kinds */

static void join_one(const struct step_join *step, uint32_t index) {
  uint64_t fd = plan_list_number(&step->fds, index);
  uint64_t flag = plan_list_number(&step->flags, index);
  long error = sys2(__NR_setns, fd, flag);
  if (error < 0) {
    char digits[24];
    digits[sizeof(digits) - 1] = '\0';
    fail_with("setns", error, NULL, text_number(digits + sizeof(digits) - 1, flag));
  }
}

/*
 * Joins the namespaces of other kinds that are not joined yet, as far as that is allowed now. Returns a bit for each
 * one that is joined.
 */
static uint64_t join_allowed(const struct step_join *step, uint64_t joined) {
  for (uint32_t i = 0; i < step->fds.size; i++) {
    uint64_t flag = plan_list_number(&step->flags, i);
    bool open = flag != CLONE_NEWUSER && (joined >> i & 1) == 0;
    if (open && sys2(__NR_setns, plan_list_number(&step->fds, i), flag) == 0) {
      joined |= 1ull << i;
    }
  }
  return joined;
}

/*
 * Joining a user namespace gives every capability in it, and takes those outside. So a namespace that belongs to that
 * user namespace (or to one below) can be joined after it, and one that belongs to a user namespace above only before.
 * Each is tried before, and those that were refused are tried again after. If there are several user namespaces, each
 * lies below the one before it. The task is not dumpable from here on: a root in there must not ptrace it.
 */
void step_join(const struct step_join *step) {
  uint32_t count = step->fds.size;
  uint64_t joined = 0;
  if (count != step->flags.size || count > MOST_JOINED) {
    fail("setns", -EINVAL, NULL);
  }
  /* These steps use /proc/self, which has to be opened before the task's view of /proc changes. */
  if (task.proc < 0 && (comes_later(PLAN_unshare) || comes_later(PLAN_namespaces) || comes_later(PLAN_mountinfo) ||
                        comes_later(PLAN_tree) || comes_later(PLAN_remount) || comes_later(PLAN_overlay))) {
    task.proc = (int)sys4(__NR_openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  }
  set_dumpable(false);
  task.joined = true;
  forget_root();
  for (uint32_t i = 0; i < count; i++) {
    task.other_root |= plan_list_number(&step->flags, i) == CLONE_NEWNS;
  }
  for (uint32_t i = 0; i < count; i++) {
    if (plan_list_number(&step->flags, i) == CLONE_NEWUSER) {
      joined = join_allowed(step, joined);
      join_one(step, i);
      joined |= 1ull << i;
    }
  }
  for (uint32_t i = 0; i < count; i++) {
    if ((joined >> i & 1) == 0) {
      join_one(step, i);
    }
    sys_close(plan_list_number(&step->fds, i));
  }
}
