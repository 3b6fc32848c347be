/*
 * The wire format between the addon and nsinit: a plan goes in over a SOCK_SEQPACKET socket, reports come back.
 *
 * A plan is a plan_header and then its steps, one after another; integers are in the machine's byte order, since both
 * ends are one machine. A step is a plan_step_header and its fields in the order that steps.h gives: a number takes
 * 8 bytes; a string, or bytes, 4 bytes of length, the bytes, a NUL, and padding to 8; a list 4 bytes of count and
 * 4 of padding, then that many items. The length PLAN_NULL stands for null.
 *
 * Each report is one packet: a plan_report, then for REPORT_FAILED two strings with their NULs (path and detail), for
 * REPORT_DATA the bytes. Who speaks is told by the kernel, not by the packet: SCM_CREDENTIALS, unix(7).
 *
 * The socket ends with the start: no program of the user's ever runs while a task holds it (docs/decisions/0002). Who
 * stays behind, an init or a holder, has the line: a pipe, on which an init writes one plan_report, REPORT_EXITED.
 */
#ifndef LINUX_NS_PLAN_PLAN_H
#define LINUX_NS_PLAN_PLAN_H

#include <stdint.h>

#define PLAN_MAGIC 0x316e736cu /* "lsn1" */
#define PLAN_MAX_BYTES (16u << 20)
#define PLAN_PACKET_BYTES (32u << 10) /* a part of what the socket has room for: Launch::MakeControl() */
#define PLAN_NULL 0xffffffffu
#define PLAN_UNCHANGED UINT64_MAX
#define PLAN_INFINITY UINT64_MAX    /* RLIM_INFINITY */
#define PLAN_AS_IS (UINT64_MAX - 1) /* in a limit, where PLAN_UNCHANGED is taken */
#define PLAN_CONTROL_FD 3           /* where nsinit finds its socket; the fds that a plan names are above */
#define PLAN_FIRST_FD 4
#define PLAN_UNREPORTED_NAME                                                                                           \
  "nsinit:" /* and the pid of the first nsinit: of a forked child until it has told of itself */
#define PLAN_EXEC_NAME                                                                                                 \
  "nsinit:" /* and the plan's mark in 8 hexadecimal digits: of a task whose next word is execve, which gives it        \
               another */

#define PLAN_FAILED_VARIABLE "LINUX_NS_FAILED" /* of the environment: what has failed of a plan that is in_place */

/* How something is mounted: the flags of the steps fs, tree and overlay. lib/plan/place.ts has the same. */
#define PLAN_MAKE_MISSING 0x1u /* the target, and directories on the way to it, are made where they are missing */
#define PLAN_RECURSIVE 0x2u    /* with all that is mounted below the source; attributes are for those as well */
#define PLAN_OPTIONAL 0x4u     /* a source that does not exist is passed over */
#define PLAN_NEW_ROOT 0x8u     /* the root that is to be the task's; targets are resolved in it from then on */
#define PLAN_NO_COPY 0x20u     /* the descriptor is a detached mount, which itself is mounted */
#define PLAN_DISCARD 0x40u     /* of an overlay: what is written goes to memory, and with the mount */
#define PLAN_TELL_LAYERS                                                                                               \
  0x80u /* of an overlay: descriptors of its upper layer, of those below, and of itself are sent back */
#define PLAN_OWN_WORK 0x100u /* of an overlay: no link is followed to its work directory, which Node has made */

/* How a directory is made: the flags of the step make_dir. */
#define PLAN_ONLY_LAST 0x1u /* it must not exist, and what it is in must */
#define PLAN_IF_MADE 0x2u   /* one that exists keeps its mode */
#define PLAN_PRIVATE 0x4u   /* what is made on the way to it is as closed to others as it is itself */

/* Which changes count, and what is said of them: a flag of the step changes. */
#define PLAN_PROJECT 0x1u /* contents and permissions; details, and what deleted directories had, are sent as well */

/* How a file is put in its place: flags of the step put_below. */
#define PLAN_KEEP_OWNER 0x1u /* with the owner and all bits of the mode that the source has */
#define PLAN_LINK 0x2u       /* a second name for the source: link(2) */

enum plan_step_type {
#define STEP(identifier, speech, fields) PLAN_##identifier,
#define FIELD(kind, name)
#include "steps.h"
  PLAN_STEP_TYPES
};

/* Both columns of steps.h as values: the speech of a step, and the kind of a field, a letter. */
enum plan_speech { PLAN_QUIET, PLAN_TALKS };

#define PLAN_KIND_number "u"
#define PLAN_KIND_fd "f"
#define PLAN_KIND_string "s"
#define PLAN_KIND_optional "z"
#define PLAN_KIND_target "t"
#define PLAN_KIND_bytes "b"
#define PLAN_KIND_fds "F"
#define PLAN_KIND_strings "S"
#define PLAN_KIND_numbers "N"

struct plan_header {
  uint32_t magic;
  uint32_t size; /* of the whole plan, this header included */
  uint32_t steps;
  uint32_t waits;   /* 1: one more packet comes, and nothing is to be done before: the maps are written meanwhile */
  uint32_t line;    /* the descriptor of the line, where a task stays behind, else 0 */
  uint32_t mark;    /* random: a program does not know which name its task had before */
  uint64_t ignored; /* the signals that Node ignores, a bit for each: signal 1 is the lowest */
};

/* A request to the step sockets: the arguments of socket(2). So many at most are written to the pipe at once. */
#define PLAN_MOST_SOCKETS 64
struct plan_socket {
  uint32_t domain;
  uint32_t type;
  uint32_t protocol;
};

struct plan_step_header {
  uint32_t type;
  uint32_t size; /* of the step, this header included */
};

enum plan_report_kind {
  REPORT_FAILED = 1, /* a step failed and nsinit has ended */
  REPORT_FORKED,     /* the speaker goes on in place of the one that was cloned */
  REPORT_EXEC,       /* execve is next; from the child of an init with a pidfd of itself */
  REPORT_READY,      /* the namespaces are held; value is 1 where nsinit is their init */
  REPORT_EXITED, /* on the line: the init's program has ended; value is the status as waitpid(2) gives it; with an error
                    it is of a step that failed and could not be told: the program has not run */
  REPORT_FD,     /* with the descriptor that a step made */
  REPORT_POINT,  /* with a descriptor of a mount point that was made on the host: points.c of nsinit */
  REPORT_DATA,   /* bytes that a step read */
  REPORT_DONE,   /* the plan is at its end and nsinit exits */
};

struct plan_report {
  uint32_t kind;
  uint32_t step; /* index of the step in the plan */
  int32_t error; /* errno */
  uint32_t value;
  char syscall[24];
};

#endif
