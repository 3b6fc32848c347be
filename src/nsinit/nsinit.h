/*
 * nsinit: the program between clone3 and the user's program. Freestanding, static, run from a sealed memfd. It reads
 * one plan from its control socket and runs the steps in order; afterwards it has become the user's program (exec), the
 * init of a pid namespace (init, hold), or it is gone (exit, or a step that failed).
 */
#ifndef LINUX_NS_NSINIT_H
#define LINUX_NS_NSINIT_H

#include "../plan/decode.h"
#include "../sys/syscall.h"

#define MOST_TREES 32

/* The whole state of a running plan. */
struct task {
  char *plan;
  size_t plan_size;
  struct plan_reader reader;
  uint32_t step;  /* index of the step that runs */
  int control;    /* the socket to Node */
  int proc;       /* O_PATH on /proc as it was before any join, or -1 */
  uint32_t first; /* the pid of nsinit as it was cloned, once it has forked */
  int forked_ack; /* in a forked child: readable once the parent has reported it, or -1 */
  bool joined;    /* namespaces where others live have been entered: memory and fds are to be guarded */
  bool has_init;  /* an init waits for this one's exec, and shares its memory until then */
  bool execs;     /* exec is next */
  bool dies_with_parent;
  uint32_t tree_count; /* detached mounts that wait to be put somewhere */
  int trees[MOST_TREES];
  uint32_t stdio; /* this many descriptors, from 0 on, are the program's */
};

extern struct task task;

/* start.c */
void run_steps(void);

/* report.c */
void report(uint32_t kind, uint32_t value, int fd);
void report_started(bool executed, long pid, int pidfd);
void report_data(const char *bytes, size_t size);
_Noreturn void fail(const char *syscall, long error, const char *path);
_Noreturn void fail_with(const char *syscall, long error, const char *path, const char *detail);
_Noreturn void quit(int code);

/* process.c */
long fork_process(unsigned long flags, int *pidfd);
void confirm_forked(void);
void close_all_but(uint32_t first, int kept);
void close_unneeded(void);
void set_dumpable(bool dumpable);

/* exec.c */
void place_stdio(int *fds, uint32_t count);

/* text.c: what the compiler calls by itself, and what no libc is here for */
size_t text_length(const char *text);
bool text_equal(const char *a, const char *b, size_t size);
const char *text_find(const char *text, char wanted);
char *text_number(char *end, uint64_t number);

/* One function for each step of the plan. */
#define STEP(identifier, name, fields) void step_##identifier(const struct plan_step *step);
PLAN_STEPS(STEP)
#undef STEP

#endif
