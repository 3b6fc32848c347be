/* Landlock: rules for files and TCP ports that a task gives itself, and that nobody can take off again. landlock(7) */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

/* <linux/landlock.h>, of which older headers lack a part. A kernel that knows less of it takes zeros for the rest. */
#define VERSION 1u /* LANDLOCK_CREATE_RULESET_VERSION */
#define PATH_BENEATH 1
#define NET_PORT 2
#define RIGHTS_OF_FILES                                                                                                \
  0xc007ull /* execute, write_file, read_file, truncate, ioctl_dev; the others are for directories */

struct ruleset {
  uint64_t fs;
  uint64_t net;
  uint64_t scoped;
};

struct path_beneath {
  uint64_t access;
  int32_t parent;
} __attribute__((packed));

struct net_port {
  uint64_t access;
  uint64_t port;
};

/* The version of the interface says which rights the kernel knows: it is the detail of the failure. */
_Noreturn static void fail_to_create(long error) {
  char room[24] = {0};
  long version = sys3(__NR_landlock_create_ruleset, 0, 0, VERSION);
  const char *detail = version < 0 ? NULL : text_number(room + sizeof(room) - 1, (uint64_t)version);
  fail_with("landlock_create_ruleset", error, NULL, detail);
}

/* What the path leads to in the root that the task has by now, with all below it. */
static void allow_below(long ruleset, const char *path, uint64_t access, uint64_t flags) {
  long fd = open_source(path, O_PATH);
  if (fd == -ENOENT && (flags & PLAN_OPTIONAL) != 0) {
    return;
  }
  must(fd, "open", path);
  bool directory = type_of((int)fd) == S_IFDIR;
  struct path_beneath rule = {.access = directory ? access : access & RIGHTS_OF_FILES, .parent = (int)fd};
  must(sys4(__NR_landlock_add_rule, ruleset, PATH_BENEATH, &rule, 0), "landlock_add_rule", path);
  sys_close(fd);
}

void step_landlock(const struct step_landlock *step) {
  struct ruleset handled = {step->fs.number, step->net.number, step->scoped.number};
  struct plan_reader paths = {step->paths.bytes, task.plan + task.plan_size};
  long ruleset = sys3(__NR_landlock_create_ruleset, &handled, sizeof(handled), 0);
  if (ruleset < 0) {
    fail_to_create(ruleset);
  }
  for (uint32_t i = 0; i < step->paths.size; i++) {
    uint64_t flags = plan_list_number(&step->rules, 2 * i + 1);
    allow_below(ruleset, plan_list_string(&paths), plan_list_number(&step->rules, 2 * i), flags);
  }
  for (uint32_t i = 0; i + 1 < step->ports.size; i += 2) {
    struct net_port rule = {.port = plan_list_number(&step->ports, i), .access = plan_list_number(&step->ports, i + 1)};
    must(sys4(__NR_landlock_add_rule, ruleset, NET_PORT, &rule, 0), "landlock_add_rule", NULL);
  }
  must(sys2(__NR_landlock_restrict_self, ruleset, 0), "landlock_restrict_self", NULL);
  sys_close(ruleset);
  task.landlocked = true;
}
