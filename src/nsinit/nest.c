/*
 * A user namespace below the one in which this task puts mounts together. A process in the lower one cannot change the
 * mounts, which belong to the upper one: user_namespaces(7), mount_namespaces(7).
 *
 * A helper makes it, together with the namespaces of other kinds that belong to it, and tells its own pid: maps can be
 * written only for a living process. This task joins those other namespaces at once, so that its mounts show them, and
 * joins the user namespace when everything is mounted.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/signal.h>

#define PROC_PATH 64

/* The message of the helper when it is in its namespaces. */
struct made {
  int32_t error;
  uint32_t by_prctl; /* else by unshare */
  char name[sizeof(((struct nested *)0)->name)];
};

/* Kinds, and their files in /proc/PID/ns. */
static const struct {
  uint64_t flag;
  const char *name;
} kinds[] = {
    {CLONE_NEWNET, "net"},   {CLONE_NEWUTS, "uts"}, {CLONE_NEWIPC, "ipc"}, {CLONE_NEWCGROUP, "cgroup"},
    {CLONE_NEWUSER, "user"}, {CLONE_NEWNS, "mnt"},  {CLONE_NEWPID, "pid"}, {CLONE_NEWTIME, "time"},
};

/* The path of a file of the helper, relative to proc_directory(). */
static const char *proc_path(const struct nested *nested, const char *file, char *room) {
  size_t length = text_length(nested->name);
  __builtin_memcpy(room, nested->name, length);
  room[length] = '/';
  __builtin_memcpy(room + length + 1, file, text_length(file) + 1);
  return room;
}

/*
 * Its files in /proc have to belong to this user for the maps to be written, so it is dumpable, and a root in the user
 * namespace above may trace it. It holds only two pipes, and its memory only has the plan. This task, which becomes the
 * program later, is never dumpable. If somebody holds the helper there, Node finds that out: held.h of the addon.
 */
static _Noreturn void help(uint64_t flags, int ready, int done) {
  struct made made = {0, 0, ""};
  char byte;
  must(sys4(__NR_readlinkat, proc_directory(), "self", made.name, sizeof(made.name) - 1), "readlink", "/proc/self");
  place_stdio((int[]){ready, done}, 2);
  ready = 0;
  done = 1;
  close_all_but(2, -1, -1);
  made.error = (int32_t)sys1(__NR_unshare, flags);
  if (made.error == 0) {
    long error = sys5(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    made.error = (int32_t)(error < 0 ? error : sys5(__NR_prctl, PR_SET_DUMPABLE, 1, 0, 0, 0));
    made.by_prctl = 1;
  }
  ignored(sys3(__NR_write, ready, &made, sizeof(made)), "the end of this process says that it failed");
  sys_close(ready);
  ignored(sys3(__NR_read, done, &byte, 1), "whatever it says this is the end");
  quit(0);
}

/* Each of these files takes its text in one write(2) only: user_namespaces(7), time_namespaces(7). */
void write_file_of(const struct nested *nested, const char *file, const struct plan_field *text) {
  char room[PROC_PATH];
  if (text->size == 0) {
    return;
  }
  const char *path = proc_path(nested, file, room);
  long fd = must(sys4(__NR_openat, proc_directory(), path, O_WRONLY | O_CLOEXEC, 0), "open", file);
  must(sys3(__NR_write, fd, text->bytes, text->size), "write", file);
  sys_close(fd);
}

/* kind: a file in /proc/PID/ns. */
int open_namespace_of(const struct nested *nested, const char *kind) {
  char file[PROC_PATH] = "ns/";
  char room[PROC_PATH];
  __builtin_memcpy(file + 3, kind, text_length(kind) + 1);
  const char *path = proc_path(nested, file, room);
  return (int)must(sys4(__NR_openat, proc_directory(), path, O_RDONLY | O_CLOEXEC, 0), "open", kind);
}

/* Starts the helper in the new namespaces that `flags` say; the texts are for its files in /proc. */
void start_nested(struct nested *nested, uint64_t flags, const struct plan_field *setgroups,
                  const struct plan_field *uid_map, const struct plan_field *gid_map) {
  int ready[2];
  int done[2];
  struct made made;
  must(sys2(__NR_pipe2, ready, O_CLOEXEC), "pipe2", NULL);
  must(sys2(__NR_pipe2, done, O_CLOEXEC), "pipe2", NULL);
  nested->pid = must(fork_process(0), "clone", NULL);
  if (nested->pid == 0) {
    sys_close(ready[0]);
    sys_close(done[1]);
    help(flags, ready[1], done[0]);
  }
  sys_close(ready[1]);
  sys_close(done[0]);
  nested->ready = ready[0];
  nested->done = done[1];
  if (sys3(__NR_read, ready[0], &made, sizeof(made)) != (long)sizeof(made)) {
    fail("clone", -ESRCH, NULL);
  }
  must(made.error, made.by_prctl != 0 ? "prctl" : "unshare", NULL);
  __builtin_memcpy(nested->name, made.name, sizeof(made.name));
  write_file_of(nested, "setgroups", setgroups);
  write_file_of(nested, "uid_map", uid_map);
  write_file_of(nested, "gid_map", gid_map);
}

void end_nested(const struct nested *nested) {
  sys_close(nested->ready);
  sys_close(nested->done);
  must(sys4(__NR_wait4, nested->pid, 0, 0, 0), "wait4", NULL);
}

static void join_kinds(const struct nested *nested, uint64_t flags) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if ((flags & kinds[i].flag) == 0) {
      continue;
    }
    int fd = open_namespace_of(nested, kinds[i].name);
    must(sys2(__NR_setns, fd, kinds[i].flag), "setns", kinds[i].name);
    sys_close(fd);
  }
}

void step_nest(const struct step_nest *step) {
  struct nested nested;
  uint64_t flags = step->flags.number;
  start_nested(&nested, flags | CLONE_NEWUSER, &step->setgroups, &step->uid_map, &step->gid_map);
  task.inner_user = open_namespace_of(&nested, "user");
  join_kinds(&nested, flags);
  end_nested(&nested);
}

/*
 * flags: CLONE_NEWNS for mounts that can be changed in there. They are copies, in which the existing mounts are locked.
 */
void step_enter_nest(const struct step_enter_nest *step) {
  uint64_t flags = step->flags.number;
  must(sys2(__NR_setns, task.inner_user, CLONE_NEWUSER), "setns", "user");
  sys_close(task.inner_user);
  task.inner_user = -1;
  if (flags != 0) {
    must(sys1(__NR_unshare, flags), "unshare", NULL);
  }
}

/*
 * A task that has joined a user namespace before it made its own is not dumpable, so its namespaces cannot be opened
 * from outside: it opens them itself. Its own files are in the /proc that was there before setns or pivot_root.
 */
void step_namespaces(const struct step_namespaces *step) {
  const struct plan_field *flags = &step->flags;
  int proc_self = open_proc_self();
  for (uint32_t i = 0; i < flags->size; i++) {
    for (size_t kind = 0; kind < sizeof(kinds) / sizeof(kinds[0]); kind++) {
      if (plan_list_number(flags, i) != kinds[kind].flag) {
        continue;
      }
      char file[PROC_PATH] = "ns/";
      __builtin_memcpy(file + 3, kinds[kind].name, text_length(kinds[kind].name) + 1);
      long fd = must(sys4(__NR_openat, proc_self, file, O_RDONLY | O_CLOEXEC, 0), "open", file);
      report(REPORT_FD, 0, (int)fd);
      sys_close(fd);
    }
  }
  sys_close(proc_self);
  if (task.proc >= 0) {
    sys_close(task.proc);
    task.proc = -1;
  }
}
