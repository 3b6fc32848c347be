/*
 * The wire format from both ends, without Node: plans made by hand are decoded, and spoiled in every way that a byte
 * can be; with a command line given (nsinit, or qemu-user and another architecture's nsinit) plans are run by it.
 *
 *   plan_test [--corpus DIRECTORY] [COMMAND...]
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../src/plan/decode.h"

struct builder {
  char bytes[8192];
  size_t size;
  size_t step;
  uint32_t steps;
};

static int failures;

static void check(bool condition, const char *what) {
  printf("%s - %s\n", condition ? "ok" : "not ok", what);
  failures += condition ? 0 : 1;
}

static void append(struct builder *plan, const void *bytes, size_t size) {
  memcpy(plan->bytes + plan->size, bytes, size);
  plan->size += size;
}

static void add_number(struct builder *plan, uint64_t number) { append(plan, &number, sizeof(number)); }

static void add_count(struct builder *plan, uint32_t count) { add_number(plan, count); }

static void add_string(struct builder *plan, const char *text) {
  uint32_t size = (uint32_t)strlen(text);
  size_t padded = (4 + (size_t)size + 1 + 7) / 8 * 8 - 4;
  append(plan, &size, sizeof(size));
  memset(plan->bytes + plan->size, 0, padded);
  memcpy(plan->bytes + plan->size, text, size);
  plan->size += padded;
}

static void add_null(struct builder *plan) { add_number(plan, PLAN_NULL); }

static void end_step(struct builder *plan) {
  uint32_t size = (uint32_t)(plan->size - plan->step);
  memcpy(plan->bytes + plan->step + 4, &size, sizeof(size));
}

static void begin_step(struct builder *plan, uint32_t type) {
  struct plan_step_header header = {type, 0};
  plan->step = plan->size;
  plan->steps++;
  append(plan, &header, sizeof(header));
}

static struct builder begin_plan(void) {
  struct builder plan = {.size = sizeof(struct plan_header)};
  return plan;
}

static void end_plan(struct builder *plan) {
  struct plan_header header = {PLAN_MAGIC, (uint32_t)plan->size, plan->steps, 0, 0, 0, 0};
  memcpy(plan->bytes, &header, sizeof(header));
}

/* Writes a file, reads it back, and is done. */
static struct builder file_plan(const char *path) {
  struct builder plan = begin_plan();
  begin_step(&plan, PLAN_write_file);
  add_string(&plan, path);
  add_number(&plan, O_WRONLY | O_CREAT | O_TRUNC);
  add_string(&plan, "from inside");
  end_step(&plan);
  begin_step(&plan, PLAN_read_file);
  add_string(&plan, path);
  add_number(&plan, 4096);
  end_step(&plan);
  begin_step(&plan, PLAN_exit);
  end_step(&plan);
  end_plan(&plan);
  return plan;
}

/* Every kind of field. */
static struct builder full_plan(void) {
  struct builder plan = begin_plan();
  begin_step(&plan, PLAN_join);
  add_count(&plan, 2);
  add_number(&plan, 7);
  add_number(&plan, 8);
  add_count(&plan, 2);
  add_number(&plan, 0x10000000);
  add_number(&plan, 0x40000000);
  end_step(&plan);
  begin_step(&plan, PLAN_fs);
  add_string(&plan, "proc");
  add_null(&plan);
  add_count(&plan, 1);
  add_string(&plan, "subset=pid");
  add_number(&plan, 14);
  add_string(&plan, "/proc");
  add_number(&plan, 0);
  end_step(&plan);
  begin_step(&plan, PLAN_fchdir);
  add_number(&plan, 9);
  end_step(&plan);
  begin_step(&plan, PLAN_exec);
  add_string(&plan, "sh");
  add_count(&plan, 3);
  add_string(&plan, "sh");
  add_string(&plan, "-c");
  add_string(&plan, "");
  add_count(&plan, 0);
  end_step(&plan);
  end_plan(&plan);
  return plan;
}

static void decodes_what_was_encoded(void) {
  struct builder plan = full_plan();
  struct plan_reader reader = plan_open(plan.bytes, plan.size);
  struct plan_step step;
  check(plan_check(plan.bytes, plan.size), "a sound plan passes the check");
  check(plan_next(&reader, &step) && step.type == PLAN_join && step.join.fds.size == 2 &&
            plan_list_number(&step.join.fds, 1) == 8 && plan_list_number(&step.join.flags, 1) == 0x40000000,
        "lists of numbers come out as they went in");
  check(plan_next(&reader, &step) && strcmp(step.fs.target.bytes, "/proc") == 0 && step.fs.source.bytes == NULL &&
            step.fs.attributes.number == 14,
        "strings, numbers and null do");
  check(plan_next(&reader, &step) && step.fchdir.directory.number == 9, "descriptors do");
  check(plan_next(&reader, &step) && step.exec.argv.size == 3, "lists of strings do");
  struct plan_reader items = {step.exec.argv.bytes, plan.bytes + plan.size};
  plan_list_string(&items);
  check(strcmp(plan_list_string(&items), "-c") == 0 && strcmp(plan_list_string(&items), "") == 0,
        "each item of a list of strings is found");
  check(!plan_next(&reader, &step) && reader.at == reader.end, "the end is the end");
}

static void refuses_what_is_spoiled(void) {
  struct builder plan = full_plan();
  bool passed = false;
  for (size_t size = 0; size < plan.size; size++) {
    passed = passed || plan_check(plan.bytes, size);
  }
  check(!passed, "a plan cut short anywhere is refused");
  unsigned long accepted = 0;
  for (size_t at = 0; at < plan.size; at++) {
    for (int byte = 0; byte < 256; byte++) {
      struct builder spoiled = plan;
      spoiled.bytes[at] = (char)byte;
      accepted += plan_check(spoiled.bytes, spoiled.size) ? 1 : 0;
    }
  }
  /* Numbers and letters may change and leave a plan sound; what counts is that every one was decoded within bounds. */
  check(accepted > 0, "every single byte changed: decoded or refused, never out of bounds");
  struct builder inside = full_plan();
  char *text = memmem(inside.bytes, inside.size, "/proc", 5);
  text[1] = '\0';
  check(!plan_check(inside.bytes, inside.size), "a NUL inside a string is refused");
}

static void write_corpus(const char *directory) {
  struct builder plans[] = {full_plan(), file_plan("/tmp/x")};
  for (size_t i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/plan-%zu", directory, i);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, plans[i].bytes, plans[i].size) < 0) {
      perror(path);
      exit(1);
    }
    close(fd);
  }
}

static pid_t start(char **command, int *control) {
  int pair[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0) {
    perror("socketpair");
    exit(1);
  }
  pid_t pid = fork();
  if (pid == 0) {
    close(pair[0]);
    dup2(pair[1], PLAN_CONTROL_FD);
    execvp(command[0], command);
    perror(command[0]);
    _exit(1);
  }
  close(pair[1]);
  *control = pair[0];
  return pid;
}

static void send_plan(int control, const struct builder *plan) {
  send(control, plan->bytes, sizeof(struct plan_header), MSG_NOSIGNAL);
  send(control, plan->bytes + sizeof(struct plan_header), plan->size - sizeof(struct plan_header), MSG_NOSIGNAL);
}

static struct plan_report receive_report(int control, char *data, size_t room) {
  char packet[sizeof(struct plan_report) + PLAN_PACKET_BYTES];
  struct plan_report report = {0};
  ssize_t size = recv(control, packet, sizeof(packet), 0);
  if (size >= (ssize_t)sizeof(report)) {
    memcpy(&report, packet, sizeof(report));
    memset(data, 0, room);
    size_t rest = (size_t)size - sizeof(report);
    memcpy(data, packet + sizeof(report), rest < room - 1 ? rest : room - 1);
  }
  return report;
}

static int wait_for(pid_t pid) {
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void runs_plans(char **command) {
  char path[] = "/tmp/linux-ns-plan-XXXXXX";
  char data[1024];
  int control;
  close(mkstemp(path));
  struct builder plan = file_plan(path);
  pid_t pid = start(command, &control);
  send_plan(control, &plan);
  struct plan_report report = receive_report(control, data, sizeof(data));
  check(report.kind == REPORT_DATA && strcmp(data, "from inside") == 0, "nsinit writes a file and sends what it reads");
  check(receive_report(control, data, sizeof(data)).kind == REPORT_DONE && wait_for(pid) == 0, "and says that it is done");
  close(control);
  unlink(path);

  plan = file_plan("/nonexistent/x");
  pid = start(command, &control);
  send_plan(control, &plan);
  report = receive_report(control, data, sizeof(data));
  check(report.kind == REPORT_FAILED && report.step == 0 && report.error == ENOENT && strcmp(report.syscall, "open") == 0 &&
            strcmp(data, "/nonexistent/x") == 0 && wait_for(pid) == 127,
        "a step that fails is reported with its call, errno and path");
  close(control);

  plan = full_plan();
  plan.bytes[plan.size - 8] ^= 1; /* a list that is longer than the plan */
  pid = start(command, &control);
  send_plan(control, &plan);
  report = receive_report(control, data, sizeof(data));
  check(report.kind == REPORT_FAILED && report.error == EBADMSG && wait_for(pid) == 127, "a spoiled plan is not run");
  close(control);

  pid = start(command, &control);
  close(control);
  check(wait_for(pid) == 1, "without a parent it goes");
}

int main(int argc, char **argv) {
  int next = 1;
  (void)argc;
  if (argv[next] != NULL && strcmp(argv[next], "--corpus") == 0) {
    write_corpus(argv[next + 1]);
    return 0;
  }
  decodes_what_was_encoded();
  refuses_what_is_spoiled();
  if (argv[next] != NULL) {
    runs_plans(argv + next);
  }
  return failures == 0 ? 0 : 1;
}
