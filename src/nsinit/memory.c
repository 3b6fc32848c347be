/* Memory of this task: mmap(2), and functions that the compiler calls by itself. */
#include "nsinit.h"

#include <linux/mman.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
  char *out = to;
  const char *in = from;
  while (size-- > 0) {
    *out++ = *in++;
  }
  return to;
}

void *memset(void *to, int byte, size_t size) {
  char *out = to;
  while (size-- > 0) {
    *out++ = (char)byte;
  }
  return to;
}

/* Makes zeroed memory of this task's own; flags: of mmap(2), in addition. */
void *new_memory(size_t size, unsigned long flags) {
  const unsigned long own = MAP_PRIVATE | MAP_ANONYMOUS;
  return (void *)must(sys6(__NR_mmap, 0, size, PROT_READ | PROT_WRITE, own | flags, -1, 0), "mmap", NULL);
}

/* The upper end of a stack for a child that shares this memory. */
long new_stack(void) { return (long)new_memory(STACK_BYTES, MAP_STACK) + (long)STACK_BYTES; }
