/*
 * Makes new namespaces from inside: those below joined ones, and the time namespace, for whose flag clone has no room.
 * clone3 itself has made all other new ones, and Node has written their id maps.
 */
#include "nsinit.h"

#include <linux/fcntl.h>
#include <linux/sched.h>

/* Each of these files takes its text in one write(2) only: user_namespaces(7), time_namespaces(7). */
static void write_proc(int proc_self, const char *file, const struct plan_field *text) {
  if (text->size == 0) {
    return;
  }
  long fd = sys4(__NR_openat, proc_self, file, O_WRONLY | O_CLOEXEC, 0);
  long error = fd < 0 ? fd : sys3(__NR_write, fd, text->bytes, text->size);
  if (error < 0) {
    fail("write", error, file);
  }
  sys_close(fd);
}

/*
 * Enters the time namespace that was made for the children. setns does it at once; exec does it only since Linux 6.1.
 */
static void enter_time(int time) {
  long error = sys2(__NR_setns, time, CLONE_NEWTIME);
  sys_close(time);
  if (error < 0) {
    fail("setns", error, "time");
  }
}

static int open_time_for_children(int proc_self) {
  long fd = must(sys4(__NR_openat, proc_self, "ns/time_for_children", O_RDONLY | O_CLOEXEC, 0), "open",
                 "/proc/self/ns/time_for_children");
  return (int)fd;
}

/*
 * Maps may be written only from the previous user namespace or from inside, and only the previous one may write other
 * ids than one's own. The files belong to root while their task is not dumpable: proc_pid(5). Where other processes
 * live, this task must not be dumpable. So a helper makes the namespaces, this task writes the helper's files, and then
 * enters.
 */
static void unshare_with_helper(const struct step_unshare *step) {
  struct nested nested;
  uint64_t flags = step->flags.number;
  start_nested(&nested, flags & (CLONE_NEWUSER | CLONE_NEWTIME), &step->setgroups, &step->uid_map, &step->gid_map);
  write_file_of(&nested, "timens_offsets", &step->timens_offsets);
  int user = (flags & CLONE_NEWUSER) == 0 ? -1 : open_namespace_of(&nested, "user");
  int time = (flags & CLONE_NEWTIME) == 0 ? -1 : open_namespace_of(&nested, "time_for_children");
  end_nested(&nested);
  if (user >= 0) {
    must(sys2(__NR_setns, user, CLONE_NEWUSER), "setns", "user");
    sys_close(user);
  }
  must(sys1(__NR_unshare, flags & ~(uint64_t)(CLONE_NEWUSER | CLONE_NEWTIME)), "unshare", NULL);
  if (time >= 0) {
    enter_time(time);
  }
}

static bool any_text(const struct step_unshare *step) {
  return step->setgroups.size + step->uid_map.size + step->gid_map.size + step->timens_offsets.size > 0;
}

static void unshare_here(const struct step_unshare *step) {
  uint64_t flags = step->flags.number;
  bool new_time = (flags & CLONE_NEWTIME) != 0;
  bool write = any_text(step);
  int proc_self = new_time || write ? open_proc_self() : -1;
  must(sys1(__NR_unshare, flags), "unshare", NULL);
  int time = new_time ? open_time_for_children(proc_self) : -1;
  if (write) {
    write_proc(proc_self, "setgroups", &step->setgroups);
    write_proc(proc_self, "uid_map", &step->uid_map);
    write_proc(proc_self, "gid_map", &step->gid_map);
    write_proc(proc_self, "timens_offsets", &step->timens_offsets);
  }
  if (proc_self >= 0) {
    sys_close(proc_self);
  }
  if (new_time) {
    enter_time(time);
  }
}

void step_unshare(const struct step_unshare *step) {
  if (task.joined && any_text(step)) {
    unshare_with_helper(step);
  } else {
    unshare_here(step);
  }
  /* Nothing of the host's /proc is held longer than needed. */
  if (task.proc >= 0 && !comes_later(PLAN_namespaces)) {
    sys_close(task.proc);
    task.proc = -1;
  }
}
