/* The plan that is carried out: its steps, one after another, and what the ones to come say. */
#include "nsinit.h"

struct task task;

static void run(const struct plan_step *step) {
  switch (step->type) {
#define STEP(identifier, speech, fields)                                                                               \
  case PLAN_##identifier:                                                                                              \
    return step_##identifier(&step->identifier);
#define FIELD(kind, name)
#include "../plan/steps.h"
  }
}

/* The rest of the plan. */
void run_steps(void) {
  struct plan_step step;
  for (; plan_next(&task.reader, &step); task.step++) {
    run(&step);
  }
}

/* Is there a step of that type after the one that runs? */
bool comes_later(uint32_t type) {
  struct plan_reader reader = plan_open(task.plan, task.plan_size);
  struct plan_step step;
  for (uint32_t i = 0; plan_next(&reader, &step); i++) {
    if (i > task.step && step.type == type) {
      return true;
    }
  }
  return false;
}

/* The first step of that type in the whole plan; false when there is none. */
bool find_step(uint32_t type, struct plan_step *step) {
  struct plan_reader reader = plan_open(task.plan, task.plan_size);
  while (plan_next(&reader, step)) {
    if (step->type == type) {
      return true;
    }
  }
  return false;
}

struct plan_header plan_header(void) {
  struct plan_header header;
  __builtin_memcpy(&header, task.plan, sizeof(header));
  return header;
}

/*
 * Calls `take` for each descriptor that is named by a step from `first` on, by its index; more than once for one that
 * is named more than once. In a list 0 stands for none.
 */
void each_descriptor(uint32_t first, void (*take)(uint64_t fd)) {
  struct plan_reader reader = plan_open(task.plan, task.plan_size);
  struct plan_step step;
  for (uint32_t at = 0; plan_next(&reader, &step); at++) {
    const char *fields = plan_step_fields(step.type);
    for (int i = 0; at >= first && fields[i] != '\0'; i++) {
      for (uint32_t item = 0; fields[i] == 'F' && item < step.field[i].size; item++) {
        uint64_t fd = plan_list_number(&step.field[i], item);
        if (fd != 0) {
          take(fd);
        }
      }
      if (fields[i] == 'f') {
        take(step.field[i].number);
      }
    }
  }
}
