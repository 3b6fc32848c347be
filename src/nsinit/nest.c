/*
 * A user namespace below the one that this task puts mounts together in. Who works in the lower one has no say over
 * the mounts, which belong to the upper: user_namespaces(7), mount_namespaces(7).
 *
 * A helper makes it, and with it the namespaces of other kinds that are to belong to it, and tells its pid: only a
 * living process has maps to be written. This task joins those other namespaces at once, so that what it mounts shows
 * them, and the user namespace when all is mounted.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/sched.h>

#define PROC_PATH 64

/* The helper's pid as the /proc of this task has it, which may be another pid namespace's. */
struct made {
  int32_t error;
  char pid[24];
};

/* Kinds, and their files in /proc/PID/ns. */
static const struct {
  uint64_t flag;
  const char *name;
} kinds[] = {
    {CLONE_NEWNET, "net"},   {CLONE_NEWUTS, "uts"}, {CLONE_NEWIPC, "ipc"}, {CLONE_NEWCGROUP, "cgroup"},
    {CLONE_NEWUSER, "user"}, {CLONE_NEWNS, "mnt"},  {CLONE_NEWPID, "pid"}, {CLONE_NEWTIME, "time"},
};

/*
 * Its files in /proc have to be this user's for the maps to be written, so it is dumpable, and holds nothing else that
 * could be had from it (process.c).
 */
static _Noreturn void help(uint64_t flags, int ready, int done) {
  struct made made = {0, ""};
  char byte;
  place_stdio((int[]){ready, done}, 2);
  ready = 0;
  done = 1;
  close_all_but(2, -1);
  set_dumpable(true);
  sys4(__NR_readlinkat, AT_FDCWD, "/proc/self", made.pid, sizeof(made.pid) - 1);
  made.error = (int32_t)sys1(__NR_unshare, flags | CLONE_NEWUSER);
  sys3(__NR_write, ready, &made, sizeof(made));
  sys1(__NR_close, ready);
  sys3(__NR_read, done, &byte, 1);
  quit(0);
}

static const char *proc_path(const struct made *made, const char *file, char *room) {
  static const char proc[] = "/proc/";
  size_t length = text_length(made->pid);
  size_t file_length = text_length(file);
  __builtin_memcpy(room, proc, sizeof(proc) - 1);
  __builtin_memcpy(room + sizeof(proc) - 1, made->pid, length);
  room[sizeof(proc) - 1 + length] = '/';
  __builtin_memcpy(room + sizeof(proc) + length, file, file_length + 1);
  return room;
}

/* user_namespaces(7): each in one write(2). */
static void write_map(const struct made *made, const char *file, const struct plan_field *text) {
  char room[PROC_PATH];
  if (text->bytes == NULL || text->size == 0) {
    return;
  }
  long fd = must(sys4(__NR_openat, AT_FDCWD, proc_path(made, file, room), O_WRONLY | O_CLOEXEC, 0), "open", file);
  must(sys3(__NR_write, fd, text->bytes, text->size), "write", file);
  sys1(__NR_close, fd);
}

static int open_namespace(const struct made *made, const char *file) {
  char room[PROC_PATH];
  return (int)must(sys4(__NR_openat, AT_FDCWD, proc_path(made, file, room), O_RDONLY | O_CLOEXEC, 0), "open", file);
}

static void join_kinds(const struct made *made, uint64_t flags) {
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    if ((flags & kinds[i].flag) == 0) {
      continue;
    }
    char file[PROC_PATH] = "ns/";
    __builtin_memcpy(file + 3, kinds[i].name, text_length(kinds[i].name) + 1);
    int fd = open_namespace(made, file);
    must(sys2(__NR_setns, fd, kinds[i].flag), "setns", file);
    sys1(__NR_close, fd);
  }
}

/* Fields: CLONE_NEW* flags of other kinds, and texts for setgroups, uid_map and gid_map. */
void step_nest(const struct plan_step *step) {
  int ready[2];
  int done[2];
  struct made made;
  const struct plan_field *field = step->field;
  must(sys2(__NR_pipe2, ready, O_CLOEXEC), "pipe2", NULL);
  must(sys2(__NR_pipe2, done, O_CLOEXEC), "pipe2", NULL);
  long helper = must(fork_process(0, NULL), "clone", NULL);
  if (helper == 0) {
    sys1(__NR_close, ready[0]);
    sys1(__NR_close, done[1]);
    help(field[0].number, ready[1], done[0]);
  }
  sys1(__NR_close, ready[1]);
  sys1(__NR_close, done[0]);
  if (sys3(__NR_read, ready[0], &made, sizeof(made)) != (long)sizeof(made)) {
    fail("clone", -ESRCH, NULL);
  }
  must(made.error, "unshare", NULL);
  write_map(&made, "setgroups", &field[1]);
  write_map(&made, "uid_map", &field[2]);
  write_map(&made, "gid_map", &field[3]);
  task.inner_user = open_namespace(&made, "ns/user");
  join_kinds(&made, field[0].number);
  sys1(__NR_close, ready[0]);
  sys1(__NR_close, done[1]); /* which ends the helper */
  sys4(__NR_wait4, helper, 0, 0, 0);
}

/* flags: CLONE_NEWNS for mounts that can be changed in there, as copies of which what is there already is locked. */
void step_enter_nest(const struct plan_step *step) {
  uint64_t flags = step->field[0].number;
  must(sys2(__NR_setns, task.inner_user, CLONE_NEWUSER), "setns", "user");
  sys1(__NR_close, task.inner_user);
  task.inner_user = -1;
  if (flags != 0) {
    must(sys1(__NR_unshare, flags), "unshare", NULL);
  }
}

/*
 * Who has joined a user namespace before it made its own can't be asked from outside, as it is not dumpable: what it is
 * in it tells itself. Its own files in /proc are those of the /proc that was there before setns or pivot_root.
 */
void step_namespaces(const struct plan_step *step) {
  const struct plan_field *flags = &step->field[0];
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
      sys1(__NR_close, fd);
    }
  }
  sys1(__NR_close, proc_self);
  if (task.proc >= 0) {
    sys1(__NR_close, task.proc);
    task.proc = -1;
  }
}
