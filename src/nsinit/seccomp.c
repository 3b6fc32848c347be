/* Filters of system calls: seccomp(2). */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/filter.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>

/*
 * Only remembers the filter. A filter is in force as soon as it is installed, and may forbid calls that nsinit still
 * has to make: so filters are installed when nothing but the exec is left.
 */
void step_seccomp(const struct step_seccomp *step) {
  uint32_t size = step->program.size;
  if (task.filter_count == MOST_FILTERS) {
    fail("seccomp", -E2BIG, NULL);
  }
  if (size % sizeof(struct sock_filter) != 0 || size > BPF_MAXINSNS * sizeof(struct sock_filter)) {
    fail("seccomp", -EINVAL, NULL);
  }
  struct filter *filter = &task.filters[task.filter_count++];
  filter->step = task.step;
  filter->program = step->program.bytes;
  filter->size = size;
  filter->flags = step->flags.number;
}

/*
 * prctl(2) does the same without flags, and an earlier filter may allow only one of the two. The error of the first way
 * says more than that of the second, so it is the one that is reported.
 */
static long install(uint64_t flags, const struct sock_fprog *program) {
  long error = sys3(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, program);
  if (error < 0 && flags == 0 && sys5(__NR_prctl, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program, 0, 0) == 0) {
    return 0;
  }
  return error;
}

/* A failure is reported as one of the filter's own step. */
void install_filters(void) {
  uint32_t exec = task.step;
  for (uint32_t i = 0; i < task.filter_count; i++) {
    const struct filter *filter = &task.filters[i];
    struct sock_fprog program = {
        .len = (unsigned short)(filter->size / sizeof(struct sock_filter)),
        .filter = (struct sock_filter *)filter->program,
    };
    task.step = filter->step;
    must(install(filter->flags, &program), "seccomp", NULL);
  }
  task.step = exec;
}
