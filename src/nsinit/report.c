/* The reports that go back to Node over the control socket. */
#include "nsinit.h"

#include <linux/errno.h>
#include <sys/socket.h>

#define PATH_BYTES 1024
#define DETAIL_BYTES 512

/* A control message with one descriptor: cmsg(3), unix(7). */
struct rights {
  struct cmsghdr header;
  int fd;
};

/* Returns the kernel's answer. If a filter or a lack of memory prevents every report, the caller has to end. */
static long send_packet(struct iovec *vectors, size_t count, int fd) {
  struct rights rights = {{CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS}, fd};
  struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
  long sent;
  if (task.in_place) {
    return 0;
  }
  message.msg_control = fd < 0 ? NULL : &rights;
  message.msg_controllen = fd < 0 ? 0 : sizeof(rights);
  do {
    sent = sys3(__NR_sendmsg, task.control, &message, MSG_NOSIGNAL);
  } while (sent == -EINTR);
  return sent;
}

long try_report(const struct plan_report *head, int fd) {
  struct iovec vector = {(void *)head, sizeof(*head)};
  return send_packet(&vector, 1, fd);
}

void report(uint32_t kind, uint32_t value, int fd) {
  struct plan_report head = {.kind = kind, .step = task.step, .value = value};
  must(try_report(&head, fd), "sendmsg", NULL);
}

void report_data(const char *bytes, size_t size) {
  struct plan_report head = {.kind = REPORT_DATA, .step = task.step};
  struct iovec vectors[] = {{&head, sizeof(head)}, {(char *)bytes, size}};
  must(send_packet(vectors, 2, -1), "sendmsg", NULL);
}

/* Ends the task. If a filter of the program refuses every call that could do that, a fault ends it. */
_Noreturn void quit(int code) {
  ignored(sys1(__NR_exit_group, code), "it does not return where it is allowed");
  ignored(sys1(__NR_exit, code), "nor does this one");
  __builtin_trap();
}

static struct iovec clipped(const char *text, size_t most) {
  size_t length = text == NULL ? 0 : text_length(text);
  struct iovec vector = {(char *)text, length < most ? length : most};
  return vector;
}

static void (*undo)(void);

/* Registers the function that is called when the plan fails: there is one, for the name of netns.c. */
void undo_on_failure(void (*function)(void)) { undo = function; }

/* Ends the task: the step that runs has failed. error is the kernel's answer, -errno. */
_Noreturn void fail_with(const char *syscall, long error, const char *path, const char *detail) {
  if (undo != NULL) {
    undo();
  }
  struct plan_report head = {.kind = REPORT_FAILED, .step = task.step, .error = (int32_t)-error};
  struct iovec name = clipped(syscall, sizeof(head.syscall) - 1);
  __builtin_memcpy(head.syscall, name.iov_base, name.iov_len);
  if (task.in_place) {
    exec_after_failure(&head, path);
  }
  struct iovec end = {"", 1};
  struct iovec vectors[] = {{&head, sizeof(head)}, clipped(path, PATH_BYTES), end, clipped(detail, DETAIL_BYTES), end};
  bool told = send_packet(vectors, 5, -1) >= 0;
  if (!told) {
    task.unsaid = head;
  }
  /*
   * Node would take a plain end for the success of execve, so the status tells the error: Task::JudgeEnd() of the
   * addon.
   */
  quit(!told && task.execs ? head.error : 127);
}

_Noreturn void fail(const char *syscall, long error, const char *path) { fail_with(syscall, error, path, NULL); }

/* Returns the kernel's answer if it is no error; else the step fails. */
long must(long result, const char *syscall, const char *path) {
  if (result < 0) {
    fail(syscall, result, path);
  }
  return result;
}
