/*
 * libFuzzer on the plan decoder: npm run fuzz -- SECONDS. The header is made right for every input, since a fuzzer
 * would spend its time on that; then whatever passes the check is walked to its last string.
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/plan/decode.h"

static volatile size_t seen;

static void walk_field(const struct plan_field *field, char kind, const char *end) {
  struct plan_reader items = {field->bytes, end};
  for (uint32_t i = 0; (kind == 'F' || kind == 'N') && i < field->size; i++) {
    seen += plan_list_number(field, i);
  }
  for (uint32_t i = 0; kind == 'S' && i < field->size; i++) {
    seen += strlen(plan_list_string(&items));
  }
  if ((kind == 's' || kind == 'z' || kind == 't') && field->bytes != NULL) {
    seen += strlen(field->bytes);
  }
}

static void walk(const char *plan, size_t size) {
  struct plan_reader reader = plan_open(plan, size);
  struct plan_step step;
  while (plan_next(&reader, &step)) {
    const char *fields = plan_step_fields(step.type);
    for (int i = 0; fields[i] != '\0'; i++) {
      walk_field(&step.field[i], fields[i], plan + size);
    }
  }
}

static uint32_t count_steps(const char *plan, size_t size) {
  struct plan_reader reader = plan_open(plan, size);
  struct plan_step step;
  uint32_t steps = 0;
  while (plan_next(&reader, &step)) {
    steps++;
  }
  return steps;
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  if (size < sizeof(struct plan_header)) {
    return plan_check((const char *)data, size) ? abort(), 0 : 0;
  }
  /* A copy of exactly this size, so that one byte too far is seen. */
  char *plan = malloc(size);
  memcpy(plan, data, size);
  struct plan_header header = {PLAN_MAGIC, (uint32_t)size, count_steps(plan, size), 0, 0, 0, 0};
  memcpy(plan, &header, sizeof(header));
  if (plan_check(plan, size)) {
    walk(plan, size);
  }
  free(plan);
  return 0;
}
