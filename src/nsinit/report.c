/* What goes back to Node over the control socket. */
#include "nsinit.h"

#include <linux/errno.h>
#include <sys/socket.h>

#ifndef SCM_CREDENTIALS
#define SCM_CREDENTIALS 2 /* glibc has it with _GNU_SOURCE only */
#endif

#define PATH_BYTES 1024
#define DETAIL_BYTES 512

/* A control message with one descriptor: cmsg(3), unix(7). */
struct rights {
  struct cmsghdr header;
  int fd;
};

/* The same and a process: the kernel gives the receiver the pid that it has there. */
struct rights_and_process {
  struct rights rights;
  struct cmsghdr header;
  struct {
    int pid;
    uint32_t uid;
    uint32_t gid;
  } process;
};

static long send_message(struct iovec *vectors, size_t count, void *control, size_t control_size) {
  struct msghdr message = {.msg_iov = vectors, .msg_iovlen = count};
  message.msg_control = control;
  message.msg_controllen = control_size;
  long sent;
  do {
    sent = sys3(__NR_sendmsg, task.control, &message, MSG_NOSIGNAL);
  } while (sent == -EINTR);
  return sent;
}

static void send_packet(struct iovec *vectors, size_t count, int fd) {
  struct rights rights = {{CMSG_LEN(sizeof(fd)), SOL_SOCKET, SCM_RIGHTS}, fd};
  send_message(vectors, count, fd < 0 ? NULL : &rights, fd < 0 ? 0 : sizeof(rights));
}

void report(uint32_t kind, uint32_t value, int fd) {
  struct plan_report head = {.kind = kind, .step = task.step, .value = value};
  struct iovec vector = {&head, sizeof(head)};
  send_packet(&vector, 1, fd);
}

/*
 * By the time Node reads this, the program may have ended and been reaped, and its pidfd tell no pid any more. Naming
 * another process in the credentials takes CAP_SYS_ADMIN over the pid namespace, which its maker has, and a mapped uid
 * of its own, which it may lack: unix(7).
 */
void report_started(bool executed, long pid, int pidfd) {
  struct plan_report head = {.kind = REPORT_STARTED, .step = task.step, .value = executed};
  struct iovec vector = {&head, sizeof(head)};
  struct rights_and_process both = {
      {{CMSG_LEN(sizeof(pidfd)), SOL_SOCKET, SCM_RIGHTS}, pidfd},
      {CMSG_LEN(sizeof(both.process)), SOL_SOCKET, SCM_CREDENTIALS},
      {(int)pid, (uint32_t)sys0(__NR_getuid), (uint32_t)sys0(__NR_getgid)},
  };
  if (send_message(&vector, 1, &both, sizeof(both)) < 0) {
    send_packet(&vector, 1, pidfd);
  }
}

void report_data(const char *bytes, size_t size) {
  struct plan_report head = {.kind = REPORT_DATA, .step = task.step};
  struct iovec vectors[] = {{&head, sizeof(head)}, {(char *)bytes, size}};
  send_packet(vectors, 2, -1);
}

/* A filter that was installed for the program may let none of them end this task: then a fault does. */
_Noreturn void quit(int code) {
  sys1(__NR_exit_group, code);
  sys1(__NR_exit, code);
  __builtin_trap();
}

static struct iovec clipped(const char *text, size_t most) {
  size_t length = text == NULL ? 0 : text_length(text);
  struct iovec vector = {(char *)text, length < most ? length : most};
  return vector;
}

/* Ends the task: the step that runs has failed. error is the kernel's answer, -errno. */
_Noreturn void fail_with(const char *syscall, long error, const char *path, const char *detail) {
  tell_points();
  struct plan_report head = {.kind = REPORT_FAILED, .step = task.step, .error = (int32_t)-error};
  struct iovec name = clipped(syscall, sizeof(head.syscall) - 1);
  __builtin_memcpy(head.syscall, name.iov_base, name.iov_len);
  struct iovec end = {"", 1};
  struct iovec vectors[] = {{&head, sizeof(head)}, clipped(path, PATH_BYTES), end, clipped(detail, DETAIL_BYTES), end};
  send_packet(vectors, 5, -1);
  confirm_forked();
  quit(127);
}

_Noreturn void fail(const char *syscall, long error, const char *path) { fail_with(syscall, error, path, NULL); }

/* The kernel's answer where it is no error. */
long must(long result, const char *syscall, const char *path) {
  if (result < 0) {
    fail(syscall, result, path);
  }
  return result;
}
