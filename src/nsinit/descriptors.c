/* Closes the descriptors that this task must not have: close_range(2). */
#include "nsinit.h"

#include <linux/resource.h>

#define MOST_DESCRIPTORS (1u << 20) /* fs.nr_open as the kernel sets it: proc_sys_fs(5) */

/*
 * close_range(2), Linux 5.9. A container's filter may refuse it: then the descriptors are closed one by one, up to the
 * limit of descriptors. The first call (close_unneeded) comes before the steps of the plan, which may lower that limit.
 */
static void close_between(uint32_t first, uint32_t last) {
  static struct rlimit64 limit;
  if (sys3(__NR_close_range, first, last, 0) >= 0) {
    return;
  }
  if (limit.rlim_cur == 0) {
    must(sys4(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, &limit), "prlimit", NULL);
  }
  for (uint64_t fd = first; fd <= last && fd < limit.rlim_cur && fd < MOST_DESCRIPTORS; fd++) {
    sys_close(fd);
  }
}

/* Closes every descriptor from first on, except two; -1 is none. */
void close_all_but(uint32_t first, int kept, int other) {
  const int in_order[] = {kept < other ? kept : other, kept < other ? other : kept};
  for (int i = 0; i < 2; i++) {
    if (in_order[i] < (int)first) {
      continue;
    }
    if (in_order[i] > (int)first) {
      close_between(first, (uint32_t)in_order[i] - 1);
    }
    first = (uint32_t)in_order[i] + 1;
  }
  close_between(first, ~0u);
}

static struct {
  uint32_t first;
  uint32_t next;
} needed;

static void need(uint64_t fd) { needed.next = fd >= needed.first && fd < needed.next ? (uint32_t)fd : needed.next; }

/* The first descriptor from `first` on that the plan names or this task needs; ~0 when there is none. */
static uint32_t next_needed(uint32_t first) {
  needed.first = first;
  needed.next = ~0u;
  need((uint64_t)task.control);
  need((uint64_t)task.line); /* -1 is none */
  each_descriptor(0, need);
  return needed.next;
}

/*
 * Node may have descriptors that are not close-on-exec: its 0, 1 and 2, and those it was started with. They are closed
 * before anything else is done, so that no task of this library ever holds a descriptor of Node's that its plan does
 * not name.
 */
void close_unneeded(void) {
  uint32_t first = 0;
  for (;;) {
    uint32_t next = next_needed(first);
    if (next > first) {
      close_between(first, next - 1);
    }
    if (next == ~0u) {
      return;
    }
    first = next + 1;
  }
}
