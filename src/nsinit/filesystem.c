/* Configures file systems that are not mounted anywhere yet: fsopen(2), fsconfig(2), fsmount(2), fspick(2). */
#include "nsinit.h"

#include <linux/mount.h>

#define FSCONFIG_SET_FLAG 0 /* enum fsconfig_command, which older headers don't have as macros */
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_CMD_CREATE 6
#define FSCONFIG_CMD_RECONFIGURE 7
#define MOST_KEY 64
#define LOG_BYTES 500 /* what fits into a report */

/*
 * The context keeps a log, one message for each read(2): "e overlay: workdir and upperdir must reside under the same
 * mount". Only its errors say why the kernel has refused something.
 */
_Noreturn void fail_fs(long context, const char *syscall, long error, const char *path) {
  char log[LOG_BYTES + 1];
  size_t size = 0;
  for (;;) {
    long got = sys3(__NR_read, context, log + size, LOG_BYTES - size);
    if (got <= 0) {
      break;
    }
    if (log[size] != 'e' || got < 3) {
      continue;
    }
    char *message = log + size;
    size_t length = (size_t)got - 2;
    for (size_t i = 0; i < length; i++) {
      message[i] = message[i + 2] == '\n' ? ';' : message[i + 2];
    }
    size += length;
  }
  while (size > 0 && log[size - 1] == ';') {
    size--;
  }
  log[size] = '\0';
  fail_with(syscall, error, path, size == 0 ? NULL : log);
}

long open_fs(const char *type, const char *path) {
  long context = sys2(__NR_fsopen, type, FSOPEN_CLOEXEC);
  if (context < 0) {
    fail_with("fsopen", context, path, NULL);
  }
  return context;
}

long try_string(long context, const char *key, const char *value) {
  return sys5(__NR_fsconfig, context, FSCONFIG_SET_STRING, key, value, 0);
}

void set_string(long context, const char *key, const char *value, const char *path) {
  long error = try_string(context, key, value);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
}

/* "key=value", or a flag. */
static void set_parameter(long context, const char *parameter, const char *path) {
  char key[MOST_KEY];
  const char *end = text_find(parameter, '=');
  size_t length = (size_t)(end - parameter);
  if (*end == '=' && length < sizeof(key)) {
    __builtin_memcpy(key, parameter, length);
    key[length] = '\0';
    set_string(context, key, end + 1, path);
    return;
  }
  long error = sys5(__NR_fsconfig, context, FSCONFIG_SET_FLAG, parameter, 0, 0);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
}

void set_parameters(long context, const struct plan_field *parameters, const char *path) {
  struct plan_reader items = {parameters->bytes, task.plan + task.plan_size};
  for (uint32_t i = 0; i < parameters->size; i++) {
    set_parameter(context, plan_list_string(&items), path);
  }
}

/* Makes the file system, as a mount that is not attached anywhere yet. */
int create_fs(long context, uint64_t attributes, const char *path) {
  long error = sys5(__NR_fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
  long mount = sys3(__NR_fsmount, context, FSMOUNT_CLOEXEC, attributes);
  if (mount < 0) {
    fail_fs(context, "fsmount", mount, path);
  }
  sys_close(context);
  return (int)mount;
}

/* Changes options of the file system itself, and so of all its mounts. Options that are not named stay: fspick(2). */
void reconfigure_fs(int mount, const struct plan_field *parameters, const char *path) {
  long context = must(sys3(__NR_fspick, mount, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH), "fspick", path);
  set_parameters(context, parameters, path);
  long error = sys5(__NR_fsconfig, context, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0);
  if (error < 0) {
    fail_fs(context, "fsconfig", error, path);
  }
  sys_close(context);
}

int new_tmpfs(const char *mode, uint64_t attributes) {
  long context = open_fs("tmpfs", "tmpfs");
  set_string(context, "mode", mode, "tmpfs");
  return create_fs(context, attributes, "tmpfs");
}
