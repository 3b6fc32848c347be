/* Limits and priorities of a process, and the CPUs it may use: prlimit(2), setpriority(2), sched_setaffinity(2). */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/resource.h>

#define MOST_PROCESSORS 8192 /* CONFIG_NR_CPUS at its largest */
#define BITS_OF_WORD 64

static _Noreturn void refuse_limit(uint64_t resource, long error) {
  char digits[24];
  digits[sizeof(digits) - 1] = '\0';
  fail_with("prlimit", error, NULL, text_number(digits + sizeof(digits) - 1, resource));
}

static struct rlimit64 current_limit(uint64_t resource) {
  struct rlimit64 limit = {0, 0};
  long error = sys4(__NR_prlimit64, 0, resource, 0, &limit);
  if (error < 0) {
    refuse_limit(resource, error);
  }
  return limit;
}

static void set_limit(uint64_t resource, const struct rlimit64 *limit) {
  long error = sys4(__NR_prlimit64, 0, resource, limit, 0);
  if (error < 0) {
    refuse_limit(resource, error);
  }
}

/* Needs CAP_SYS_RESOURCE, which a change of ids takes away; but some limits cannot be lowered before that change. */
void step_raise_limits(const struct step_raise_limits *step) {
  const struct plan_field *list = &step->limits;
  for (uint32_t i = 0; i + 1 < list->size; i += 2) {
    uint64_t resource = plan_list_number(list, i);
    struct rlimit64 limit = current_limit(resource);
    uint64_t hard = plan_list_number(list, i + 1);
    if (hard > limit.rlim_max) {
      limit.rlim_max = hard;
      set_limit(resource, &limit);
    }
  }
}

/* A soft limit that is to stay as it is follows a hard limit that goes below it. */
void step_rlimits(const struct step_rlimits *step) {
  const struct plan_field *list = &step->limits;
  for (uint32_t i = 0; i + 2 < list->size; i += 3) {
    uint64_t resource = plan_list_number(list, i);
    uint64_t soft = plan_list_number(list, i + 1);
    uint64_t hard = plan_list_number(list, i + 2);
    struct rlimit64 limit = current_limit(resource);
    limit.rlim_max = hard == PLAN_AS_IS ? limit.rlim_max : hard;
    limit.rlim_cur = soft == PLAN_AS_IS ? limit.rlim_cur : soft;
    if (soft == PLAN_AS_IS && limit.rlim_cur > limit.rlim_max) {
      limit.rlim_cur = limit.rlim_max;
    }
    set_limit(resource, &limit);
  }
}

void step_priority(const struct step_priority *step) {
  must(sys3(__NR_setpriority, PRIO_PROCESS, 0, (int)step->nice.number), "setpriority", NULL);
}

void step_umask(const struct step_umask *step) {
  restore_umask();
  must(sys1(__NR_umask, step->mask.number), "umask", NULL);
}

void step_affinity(const struct step_affinity *step) {
  const struct plan_field *list = &step->processors;
  uint64_t mask[MOST_PROCESSORS / BITS_OF_WORD] = {0};
  for (uint32_t i = 0; i < list->size; i++) {
    uint64_t processor = plan_list_number(list, i);
    if (processor >= MOST_PROCESSORS) {
      fail("sched_setaffinity", -EINVAL, NULL);
    }
    mask[processor / BITS_OF_WORD] |= 1ull << processor % BITS_OF_WORD;
  }
  must(sys3(__NR_sched_setaffinity, 0, sizeof(mask), mask), "sched_setaffinity", NULL);
}

void step_personality(const struct step_personality *step) {
  must(sys1(__NR_personality, step->persona.number), "personality", NULL);
}

/* Children inherit it. A lower value than before needs CAP_SYS_RESOURCE: proc_pid_oom_score_adj(5). */
void step_oom_score_adj(const struct step_oom_score_adj *step) {
  static const char path[] = "/proc/self/oom_score_adj";
  long fd = sys4(__NR_openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  long error = fd < 0 ? fd : sys3(__NR_write, fd, step->text.bytes, step->text.size);
  if (error < 0) {
    fail(fd < 0 ? "open" : "write", error, path);
  }
  sys_close(fd);
}
