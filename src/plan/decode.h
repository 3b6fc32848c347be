/*
 * Reads a plan, step by step, and checks every length and every string on the way: plan_check() first, for the whole;
 * plan_next() then can't fail. Freestanding; fuzzed by test/plan/fuzz_decode.c.
 */
#ifndef LINUX_NS_PLAN_DECODE_H
#define LINUX_NS_PLAN_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "plan.h"

#define PLAN_MAX_FIELDS 8

struct plan_field {
  uint64_t number;   /* a number, or a descriptor */
  const char *bytes; /* text or bytes: ended by a NUL; NULL for null. Lists: the first item */
  uint32_t size;     /* text or bytes: how many, without the NUL. Lists: number of items */
};

/* The fields of each step by their names. */
#define STEP(identifier, speech, fields)                                                                               \
  struct step_##identifier {                                                                                           \
    fields                                                                                                             \
  };
#define FIELD(kind, name) struct plan_field name;
#include "steps.h"

struct plan_step {
  uint32_t type;
  union {
    struct plan_field field[PLAN_MAX_FIELDS]; /* as they come on the wire */
#define STEP(identifier, speech, fields) struct step_##identifier identifier;
#define FIELD(kind, name)
#include "steps.h"
  };
};

_Static_assert(sizeof(struct plan_step) ==
                   offsetof(struct plan_step, field) + PLAN_MAX_FIELDS * sizeof(struct plan_field),
               "a step has more fields than PLAN_MAX_FIELDS");

struct plan_reader {
  const char *at;
  const char *end;
};

/* The kinds of a step's fields, a letter for each: PLAN_KIND_*. */
static inline const char *plan_step_fields(uint32_t type) {
  static const char *const fields[] = {
#define STEP(identifier, speech, fields) "" fields,
#define FIELD(kind, name) PLAN_KIND_##kind
#include "steps.h"
  };
  return fields[type];
}

static inline bool plan_take(struct plan_reader *reader, uint64_t size, const char **bytes) {
  if (size > (uint64_t)(reader->end - reader->at)) {
    return false;
  }
  *bytes = reader->at;
  reader->at += size;
  return true;
}

static inline bool plan_take_number(struct plan_reader *reader, uint64_t *number) {
  const char *bytes;
  if (!plan_take(reader, sizeof(*number), &bytes)) {
    return false;
  }
  __builtin_memcpy(number, bytes, sizeof(*number));
  return true;
}

static inline bool plan_take_string(struct plan_reader *reader, char kind, struct plan_field *field) {
  const char *bytes;
  if (!plan_take(reader, sizeof(field->size), &bytes)) {
    return false;
  }
  __builtin_memcpy(&field->size, bytes, sizeof(field->size));
  if (field->size == PLAN_NULL) {
    field->size = 0;
    field->bytes = NULL;
    return (kind == 'z' || kind == 't') && plan_take(reader, 4, &bytes);
  }
  uint64_t padded = (4 + (uint64_t)field->size + 1 + 7) / 8 * 8 - 4;
  if (!plan_take(reader, padded, &field->bytes) || field->bytes[field->size] != '\0') {
    return false;
  }
  for (uint32_t i = 0; kind != 'b' && i < field->size; i++) {
    if (field->bytes[i] == '\0') {
      return false;
    }
  }
  return true;
}

static inline bool plan_take_list(struct plan_reader *reader, char kind, struct plan_field *field) {
  const char *count;
  if (!plan_take(reader, 8, &count)) {
    return false;
  }
  __builtin_memcpy(&field->size, count, sizeof(field->size));
  field->bytes = reader->at;
  for (uint32_t i = 0; i < field->size; i++) {
    struct plan_field item;
    bool taken = kind == 'S' ? plan_take_string(reader, 's', &item) : plan_take_number(reader, &item.number);
    if (!taken) {
      return false;
    }
  }
  return true;
}

static inline bool plan_take_field(struct plan_reader *reader, char kind, struct plan_field *field) {
  switch (kind) {
    case 'u':
    case 'f':
      return plan_take_number(reader, &field->number);
    case 'F':
    case 'N':
    case 'S':
      return plan_take_list(reader, kind, field);
    default:
      return plan_take_string(reader, kind, field);
  }
}

/* The next step; false at the end, and at the first byte that is not as it should be. */
static inline bool plan_next(struct plan_reader *reader, struct plan_step *step) {
  struct plan_step_header header;
  const char *bytes;
  struct plan_reader body = *reader;
  if (!plan_take(&body, sizeof(header), &bytes)) {
    return false;
  }
  __builtin_memcpy(&header, bytes, sizeof(header));
  if (header.type >= PLAN_STEP_TYPES || header.size < sizeof(header) || !plan_take(reader, header.size, &bytes)) {
    return false;
  }
  body.end = reader->at;
  step->type = header.type;
  const char *fields = plan_step_fields(header.type);
  for (int i = 0; fields[i] != '\0'; i++) {
    if (!plan_take_field(&body, fields[i], &step->field[i])) {
      return false;
    }
  }
  return body.at == body.end;
}

static inline struct plan_reader plan_open(const char *plan, size_t size) {
  struct plan_reader reader = {plan + sizeof(struct plan_header), plan + size};
  return reader;
}

/* Is this a whole plan, with as many sound steps as its header says? */
static inline bool plan_check(const char *plan, size_t size) {
  struct plan_header header;
  if (size < sizeof(header)) {
    return false;
  }
  __builtin_memcpy(&header, plan, sizeof(header));
  if (header.magic != PLAN_MAGIC || header.size != size) {
    return false;
  }
  struct plan_reader reader = plan_open(plan, size);
  struct plan_step step;
  uint32_t steps = 0;
  while (plan_next(&reader, &step)) {
    steps++;
  }
  return reader.at == reader.end && steps == header.steps;
}

/* Items of a list that plan_check() has passed: hand in the field, and again what came back in it. */
static inline uint64_t plan_list_number(const struct plan_field *list, uint32_t index) {
  uint64_t number;
  __builtin_memcpy(&number, list->bytes + (size_t)index * sizeof(number), sizeof(number));
  return number;
}

static inline const char *plan_list_string(struct plan_reader *items) {
  struct plan_field item;
  return plan_take_string(items, 's', &item) ? item.bytes : NULL;
}

#endif
