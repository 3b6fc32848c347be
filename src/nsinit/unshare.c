/*
 * New namespaces made from inside: below ones that were joined, and time, for which clone has no room. Everything else
 * that is new was made by clone3 itself, and its id maps were written by Node.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/sched.h>

#define PROC_FILES 4
#define TIMENS_OFFSETS 3

static const char *const proc_files[PROC_FILES] = {"setgroups", "uid_map", "gid_map", "timens_offsets"};

struct written {
  uint32_t file;
  int32_t error;
};

/*
 * This task's own directory in /proc. "self" is looked up anew each time, since a fork may lie in between, and it is
 * the pid namespace of that mount of /proc that counts, not this task's: proc(5).
 */
int open_proc_self(void) {
  const char *path = task.proc < 0 ? "/proc/self" : "self";
  long fd = sys4(__NR_openat, task.proc < 0 ? AT_FDCWD : task.proc, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  return (int)must(fd, "open", "/proc/self");
}

/* Each of these files wants its text in one write(2): user_namespaces(7), time_namespaces(7). */
static long write_proc(int proc_self, const char *file, const struct plan_field *text) {
  long fd = sys4(__NR_openat, proc_self, file, O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) {
    return fd;
  }
  long written = sys3(__NR_write, fd, text->bytes, text->size);
  sys_close(fd);
  return written < 0 ? written : 0;
}

static struct written write_all(int proc_self, const struct plan_field *texts) {
  struct written result = {0, 0};
  for (; result.file < PROC_FILES; result.file++) {
    const struct plan_field *text = &texts[result.file];
    if (text->bytes != NULL && text->size > 0) {
      result.error = (int32_t)write_proc(proc_self, proc_files[result.file], text);
    }
    if (result.error < 0) {
      break;
    }
  }
  return result;
}

static void check_written(struct written written) {
  if (written.error < 0) {
    fail("write", written.error, proc_files[written.file]);
  }
}

/* Enters the time namespace made for the children; setns does it at once, exec only since Linux 6.1. */
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
 * Only from the user namespace of before, or from inside, may maps be written, and only from there any but one's own
 * id; and the files belong to root while their task is not dumpable: proc_pid(5). Where others live this task is not to
 * be dumpable. So a helper makes what has such files, this task writes them, and enters.
 */
static void unshare_with_helper(uint64_t flags, const struct plan_field *texts) {
  struct nested nested;
  start_nested(&nested, flags & (CLONE_NEWUSER | CLONE_NEWTIME), texts);
  write_file_of(&nested, proc_files[TIMENS_OFFSETS], &texts[TIMENS_OFFSETS]);
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

static bool any_text(const struct plan_field *texts) {
  for (int i = 0; i < PROC_FILES; i++) {
    if (texts[i].bytes != NULL && texts[i].size > 0) {
      return true;
    }
  }
  return false;
}

static void unshare_here(uint64_t flags, const struct plan_field *texts) {
  bool new_time = (flags & CLONE_NEWTIME) != 0;
  bool write = any_text(texts);
  int proc_self = new_time || write ? open_proc_self() : -1;
  must(sys1(__NR_unshare, flags), "unshare", NULL);
  int time = new_time ? open_time_for_children(proc_self) : -1;
  if (write) {
    check_written(write_all(proc_self, texts));
  }
  if (proc_self >= 0) {
    sys_close(proc_self);
  }
  if (new_time) {
    enter_time(time);
  }
}

void step_unshare(const struct plan_step *step) {
  uint64_t flags = step->field[0].number;
  const struct plan_field *texts = &step->field[1];
  if (task.joined && any_text(texts)) {
    unshare_with_helper(flags, texts);
  } else {
    unshare_here(flags, texts);
  }
  /* Nothing of the host's /proc is held longer than it is needed. */
  if (task.proc >= 0 && !comes_later(PLAN_namespaces)) {
    sys_close(task.proc);
    task.proc = -1;
  }
}
