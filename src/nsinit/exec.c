/* The last step: a clean signal state, and the user's program. */
#include "nsinit.h"

#include <asm/statfs.h>
#include <linux/elf.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/signal.h>
#include <linux/stat.h>

#define DEFAULT_PATH "/usr/local/bin:/usr/bin:/bin"
#define SIGNALS 64
#define ST_NOEXEC 8 /* statfs(2) */
#define F_OK 0
#define X_OK 1
#define HEAD_BYTES 256

static char **string_array(const struct plan_field *list, char **array) {
  struct plan_reader items = {list->bytes, task.plan + task.plan_size};
  for (uint32_t i = 0; i < list->size; i++) {
    array[i] = (char *)plan_list_string(&items);
  }
  array[list->size] = NULL;
  return array;
}

/* An exec clears all handlers, as that of nsinit has done; what is ignored stays so: execve(2). Node ignores SIGPIPE.
 */
static void reset_signals(void) {
  /* struct kernel_sigaction: handler, flags, restorer (x86-64), mask. All zero is SIG_DFL. */
  static const unsigned long default_action[4];
  static const uint64_t none;
  uint64_t ignored = plan_header().ignored;
  for (int signal = 1; signal <= SIGNALS; signal++) {
    if ((ignored >> (signal - 1) & 1) != 0 && signal != SIGKILL && signal != SIGSTOP) {
      must(sys4(__NR_rt_sigaction, signal, default_action, 0, sizeof(uint64_t)), "rt_sigaction", NULL);
    }
  }
  must(sys4(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof(none)), "rt_sigprocmask", NULL);
}

/* The interpreter that an ELF program names (PT_INTERP), when it lies within what was read: elf(5). */
static const char *elf_interpreter(const char *head, long size, long fd, char *out, size_t room) {
  Elf64_Ehdr file;
  if (size < (long)sizeof(file)) {
    return NULL;
  }
  __builtin_memcpy(&file, head, sizeof(file));
  for (int i = 0; i < file.e_phnum && file.e_phentsize == sizeof(Elf64_Phdr); i++) {
    Elf64_Phdr segment;
    uint64_t at = file.e_phoff + (uint64_t)i * sizeof(segment);
    if (sys4(__NR_pread64, fd, &segment, sizeof(segment), at) != (long)sizeof(segment)) {
      return NULL;
    }
    if (segment.p_type != PT_INTERP || segment.p_filesz == 0 || segment.p_filesz > room) {
      continue;
    }
    if (sys4(__NR_pread64, fd, out, segment.p_filesz, segment.p_offset) != (long)segment.p_filesz) {
      return NULL;
    }
    out[segment.p_filesz - 1] = '\0';
    return out;
  }
  return NULL;
}

/*
 * The interpreter in the first line of a script, execve(2). A carriage return at its end stays, because it is the
 * mistake.
 */
static const char *script_interpreter(char *head, long size) {
  char *at = head + 2;
  head[size] = '\0';
  while (*at == ' ' || *at == '\t') {
    at++;
  }
  char *end = at;
  while (*end != '\0' && *end != '\n' && *end != ' ' && *end != '\t') {
    end++;
  }
  *end = '\0';
  return at;
}

static const char *interpreter_of(const char *path, char *room, size_t size) {
  char head[HEAD_BYTES + 1];
  const char *found = NULL;
  long fd = sys4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0);
  if (fd < 0) {
    return NULL;
  }
  long got = sys3(__NR_read, fd, head, HEAD_BYTES);
  if (got > 2 && head[0] == '#' && head[1] == '!') {
    const char *script = script_interpreter(head, got);
    size_t length = text_length(script);
    __builtin_memcpy(room, script, length < size ? length + 1 : size);
    room[size - 1] = '\0';
    found = room;
  } else if (got > 4 && text_equal(head, ELFMAG, SELFMAG)) {
    found = elf_interpreter(head, got, fd, room, size);
  }
  sys_close(fd);
  return found;
}

/* The reason for the answer of execve, in a form that hints are made from: "interpreter:/bin/x", "directory", ... */
static const char *exec_detail(const char *path, long error, char *room, size_t size) {
  static const char prefix[] = "interpreter:";
  struct statx status;
  if (sys5(__NR_statx, AT_FDCWD, path, 0, STATX_TYPE | STATX_MODE, &status) < 0) {
    return NULL;
  }
  if ((status.stx_mode & S_IFMT) == S_IFDIR) {
    return "directory";
  }
  if (error == -EACCES) {
    struct statfs mount;
    if ((status.stx_mode & 0111) == 0) {
      return "not-executable";
    }
    if (sys2(__NR_statfs, path, &mount) == 0 && (mount.f_flags & ST_NOEXEC) != 0) {
      return "noexec";
    }
    return task.landlocked ? "landlock" : "refused";
  }
  if (error != -ENOENT && error != -ELIBBAD) {
    return NULL;
  }
  __builtin_memcpy(room, prefix, sizeof(prefix));
  return interpreter_of(path, room + sizeof(prefix) - 1, size - sizeof(prefix)) == NULL ? NULL : room;
}

/* The arguments and the environment of the program. */
struct command {
  char **argv; /* with room for one more in front */
  uint32_t argc;
  char **env;
};

/* Executes a file. As with execvp(3), one whose format the kernel does not know is run as a shell script. */
static long try_exec(const char *path, const struct command *command) {
  char **argv = command->argv;
  long error = sys3(__NR_execve, path, argv, command->env);
  if (error != -ENOEXEC) {
    return error;
  }
  char *shell[3] = {"/bin/sh", (char *)path, NULL};
  char **script = argv - 1;
  if (command->argc == 0) {
    return sys3(__NR_execve, shell[0], shell, command->env);
  }
  char *first = argv[0];
  script[0] = shell[0];
  script[1] = shell[1];
  error = sys3(__NR_execve, shell[0], script, command->env);
  argv[0] = first;
  return error == -ENOENT ? -ENOEXEC : error;
}

/*
 * The answer that execve would give, as far as it can be known without it. Under a filter of system calls there may be
 * no way left to say why execve failed, or to search for a program: so this is done before.
 */
static long rehearse(const char *path, const struct command *command) {
  static char interpreter[PATH_MAX];
  struct statx status;
  (void)command;
  long error = sys4(__NR_faccessat2, AT_FDCWD, path, X_OK, AT_EACCESS);
  if (error == -ENOSYS || error == -EPERM) { /* a container's filter that does not know it */
    return 0;
  }
  if (error < 0) {
    return error;
  }
  if (sys5(__NR_statx, AT_FDCWD, path, 0, STATX_TYPE, &status) == 0 && (status.stx_mode & S_IFMT) == S_IFDIR) {
    return -EACCES;
  }
  const char *named = interpreter_of(path, interpreter, sizeof(interpreter));
  return named == NULL ? 0 : sys4(__NR_faccessat2, AT_FDCWD, named, F_OK, AT_EACCESS);
}

static const char *path_of(char **env) {
  static const char name[] = "PATH=";
  for (; *env != NULL; env++) {
    if (text_length(*env) >= sizeof(name) - 1 && text_equal(*env, name, sizeof(name) - 1)) {
      return *env + sizeof(name) - 1;
    }
  }
  return DEFAULT_PATH;
}

static bool candidate(char *room, const char *directory, size_t length, const char *file) {
  size_t file_length = text_length(file);
  if (length + 1 + file_length + 1 > PATH_MAX) {
    return false;
  }
  __builtin_memcpy(room, directory, length);
  if (length > 0) {
    room[length++] = '/';
  }
  __builtin_memcpy(room + length, file, file_length + 1);
  return true;
}

/*
 * Searches the PATH of the child in the root that the child is in. It skips a file that cannot be executed, and
 * remembers the error. It leaves the path that the error is about in `room`; the path is empty where there is no such
 * program.
 */
static long search(const char *file, long (*attempt)(const char *, const struct command *),
                   const struct command *command, char *room) {
  static char refused_path[PATH_MAX];
  long refused = -ENOENT;
  const char *directory = path_of(command->env);
  for (;;) {
    const char *end = text_find(directory, ':');
    if (candidate(room, directory, (size_t)(end - directory), file)) {
      long error = attempt(room, command);
      if (error == 0) {
        return 0;
      }
      if (error == -EACCES) {
        if (refused != error) {
          __builtin_memcpy(refused_path, room, sizeof(refused_path));
        }
        refused = error;
      } else if (error != -ENOENT && error != -ENOTDIR && error != -ESTALE && error != -ENODEV) {
        return error;
      } else if (error == -ENOENT && sys4(__NR_faccessat, AT_FDCWD, room, 0, 0) == 0) {
        return error;
      }
    }
    if (*end == '\0') {
      break;
    }
    directory = end + 1;
  }
  __builtin_memcpy(room, refused_path, sizeof(refused_path));
  return refused;
}

/* Returns the path of the program if the attempt has worked. (An execve that works does not come back.) */
static const char *attempt_exec(const char *file, long (*attempt)(const char *, const struct command *),
                                const struct command *command) {
  static char room[PATH_MAX];
  static char detail[HEAD_BYTES + 16];
  bool searched = *text_find(file, '/') == '\0';
  long error = searched ? search(file, attempt, command, room) : attempt(file, command);
  const char *tried = searched && *room != '\0' ? room : file;
  if (error < 0) {
    fail_with("execve", error, tried, exec_detail(tried, error, detail, sizeof(detail)));
  }
  return tried;
}

static void set_exec_name(void) {
  static const char digits[] = "0123456789abcdef";
  char name[] = PLAN_EXEC_NAME "00000000";
  char *digit = name + sizeof(name) - 1;
  for (uint32_t rest = plan_header().mark; rest != 0; rest >>= 4) {
    *--digit = digits[rest & 15];
  }
  set_name(name);
}

/*
 * The last report before the exec. The kernel tells that the exec has succeeded: it closes the socket, and gives the
 * task another name. Node gets a pidfd for the child of an init; for this task it has one already.
 */
static void report_exec(void) {
  set_exec_name();
  if (!task.has_init) {
    report(REPORT_EXEC, 0, -1);
    return;
  }
  long self = must(sys2(__NR_pidfd_open, sys0(__NR_getpid), 0), "pidfd_open", NULL);
  report(REPORT_EXEC, 0, (int)self);
  sys_close(self);
}

/* Its environment has room for one variable more. */
static struct command command_of(const struct step_exec *step) {
  uint32_t argc = step->argv.size;
  size_t pointers = ((size_t)argc + step->env.size + 5) * sizeof(char *);
  char **memory = new_memory(pointers, 0);
  struct command command = {
      .argv = string_array(&step->argv, memory + 1),
      .argc = argc,
      .env = string_array(&step->env, memory + argc + 2),
  };
  return command;
}

void step_in_place(const struct step_in_place *step) {
  (void)step;
  task.in_place = true;
}

static char *append(char *at, const char *text, size_t most) {
  size_t length = text_length(text);
  length = length < most ? length : most;
  __builtin_memcpy(at, text, length);
  at[length] = '\0';
  return at + length;
}

static char *append_number(char *at, uint32_t number) {
  char digits[12] = {0};
  at = append(at, text_number(digits + sizeof(digits) - 1, number), sizeof(digits));
  return append(at, " ", 1);
}

/*
 * Nobody listens to this task. The program runs all the same, in the namespaces that have been entered so far, and
 * finds in its environment what has failed, so that it can say it and end: the step, the error, the system call, the
 * path.
 */
_Noreturn void exec_after_failure(const struct plan_report *head, const char *path) {
  static char variable[sizeof(PLAN_FAILED_VARIABLE) + sizeof(head->syscall) + PATH_MAX + 32];
  struct plan_step step;
  if (task.execs || !find_step(PLAN_exec, &step)) {
    quit(127);
  }
  task.execs = true; /* what fails from here on ends this task */
  struct command command = command_of(&step.exec);
  char *at = append(variable, PLAN_FAILED_VARIABLE "=", sizeof(PLAN_FAILED_VARIABLE));
  at = append_number(at, head->step);
  at = append_number(at, (uint32_t)head->error);
  at = append(at, head->syscall, sizeof(head->syscall));
  at = append(at, " ", 1);
  append(at, path == NULL ? "" : path, PATH_MAX - 1);
  command.env[step.exec.env.size] = variable;
  command.env[step.exec.env.size + 1] = NULL;
  restore_umask();
  close_all_but(task.stdio, -1, -1);
  reset_signals();
  must(try_exec(step.exec.file.bytes, &command), "execve", NULL);
  quit(127);
}

void step_exec(const struct step_exec *step) {
  const char *file = step->file.bytes;
  struct command command = command_of(step);
  restore_umask();
  close_all_but(task.stdio, task.control, -1);
  reset_signals();
  if (!task.dies_with_parent && !task.has_init && !task.in_place) {
    must(sys5(__NR_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0), "prctl", NULL);
  }
  bool filtered = task.filter_count > 0;
  if (filtered) {
    file = attempt_exec(file, rehearse, &command);
  }
  report_exec();
  task.execs = true;
  if (filtered) {
    install_filters();
    fail_with("execve", try_exec(file, &command), file, "filtered");
  }
  attempt_exec(file, try_exec, &command);
}
