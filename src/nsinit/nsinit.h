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
#define MOST_FILTERS 16
#define MOST_PIDS 32 /* of pids that clone3(2) takes */
#define STACK_BYTES (64ul << 10)

/* Constants that are in a libc's headers, and not in the kernel's own. */
#define PATH_MAX 4096
#define AT_RECURSIVE 0x8000 /* open_tree(2), mount_setattr(2) */
#define MNT_DETACH 2        /* umount(2) */

/* struct linux_dirent64: getdents64(2) */
struct entry {
  uint64_t inode;
  int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[];
};

/* A filter of system calls that waits for the exec. */
struct filter {
  uint32_t step; /* that it is of */
  uint32_t size;
  const char *program;
  uint64_t flags;
};

/* The whole state of a running plan. */
struct task {
  char *plan;
  size_t plan_size;
  struct plan_reader reader;
  uint32_t step;             /* index of the step that runs */
  int control;               /* the socket to Node; -1 where it is no more */
  int line;                  /* the pipe to Node of who stays behind, or -1 */
  int proc;                  /* O_PATH on /proc as it was before any join, or -1 */
  uint32_t first;            /* the pid of nsinit as it was cloned, once it has forked */
  bool joined;               /* namespaces where others live have been entered: memory and fds are to be guarded */
  bool other_root;           /* this task's root is another than Node's: the links in it are somebody else's */
  bool has_init;             /* an init waits for this one's exec, and shares its memory until then */
  bool execs;                /* exec is next */
  bool landlocked;           /* Landlock is in force for this task */
  struct plan_report unsaid; /* a failure that could not be told, for who shares this memory; kind 0: none */
  bool in_place;             /* nobody is at the other end of the socket: exec.c */
  bool dies_with_parent;
  bool outlives;       /* Node, as long as there is another process in the pid namespace that it is init of */
  uint32_t tree_count; /* detached mounts that wait to be put somewhere */
  int trees[MOST_TREES];
  uint32_t pid_count; /* of the program, that were chosen; none: as the kernel has it */
  int pids[MOST_PIDS];
  uint32_t filter_count;
  struct filter filters[MOST_FILTERS];
  uint32_t stdio;     /* this many descriptors, from 0 on, are the program's */
  int base;           /* where another root is put together, or -1: see staging.c */
  int old_root;       /* and what it lies on */
  int staging;        /* a directory in it */
  uint32_t staged;    /* how many things have been put there */
  int mask;           /* an empty directory to hide others, or -1 */
  int null;           /* /dev/null to hide files, on a mount of its own, or -1 */
  uint64_t owner_uid; /* whom files belong to that are made; PLAN_UNCHANGED: this task's ids */
  uint64_t owner_gid;
  bool umask_cleared;
  uint32_t umask; /* as it was */
  int inner_user; /* a user namespace to be entered when all is mounted, or -1: see nest.c */
};

extern struct task task;

/* plan.c */
void run_steps(void);
bool comes_later(uint32_t type);
bool find_step(uint32_t type, struct plan_step *step);
struct plan_header plan_header(void);
void each_descriptor(uint32_t first, void (*take)(uint64_t fd));

/* report.c */
void report(uint32_t kind, uint32_t value, int fd);
long try_report(const struct plan_report *head, int fd);
void report_data(const char *bytes, size_t size);
void undo_on_failure(void (*function)(void));
_Noreturn void fail(const char *syscall, long error, const char *path);
_Noreturn void fail_with(const char *syscall, long error, const char *path, const char *detail);
_Noreturn void quit(int code);
long must(long result, const char *syscall, const char *path);

/* memory.c; the first two are called by the compiler itself */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int byte, size_t size);
void *new_memory(size_t size, unsigned long flags);
long new_stack(void);

/* descriptors.c */
void close_all_but(uint32_t first, int kept, int other);
void close_unneeded(void);

/* process.c */
long fork_process(unsigned long flags);
long clone_task(unsigned long flags, long stack, void (*entry)(void *));
const char *name_of_clone(void);
void set_name(const char *name);
void set_dumpable(bool dumpable);

/* nest.c */
struct nested {
  long pid;      /* in this task's pid namespace */
  int ready;     /* from it */
  int done;      /* to it: closed, it ends */
  char name[24]; /* its pid in the /proc of this task, which may be another pid namespace's */
};
void start_nested(struct nested *nested, uint64_t flags, const struct plan_field *setgroups,
                  const struct plan_field *uid_map, const struct plan_field *gid_map);
void write_file_of(const struct nested *nested, const char *file, const struct plan_field *text);
int open_namespace_of(const struct nested *nested, const char *kind);
void end_nested(const struct nested *nested);

/* The way in which the missing parts of a path are made. */
struct making {
  uint64_t mode; /* of what it is made for; PLAN_UNCHANGED: that is nothing private */
  int like;      /* the last name is made as this is; -1: it is of the type */
  uint32_t type; /* S_IFDIR, or S_IFREG */
  bool mounts;   /* what is made is to be mounted on */
};

/* The place in the root that a path leads to: places.c */
struct place {
  const char *asked; /* as the plan has it */
  const char *path;  /* without links, and without a slash at its start or its end; not ended by a NUL */
  size_t size;
  int fd;    /* O_PATH, or -errno */
  bool made; /* it was missing */
};
/*
 * Is called for each name on the way to a place: the place of that name, and the directory that it is in. Returns the
 * descriptor to go on with, which may be that of a mount it has put there.
 */
typedef int visitor(const struct place *place, int directory);
struct place find_place(const char *asked, const struct making *making);
struct place visit_place(const char *asked, const struct making *making, visitor *visit);
struct place must_find_place(const char *asked, const struct making *making);
int must_lead(long fd, const char *asked);
long open_placed(const char *asked, uint64_t flags);
int find_name(const char *asked, const struct making *making, bool follows, const char **name, long *there);
const char *found_path(void);
long open_names(int from, const char *path, size_t size, uint64_t flags);
int root_descriptor(void);
void set_root(int fd, bool shared);
void forget_root(void);
bool is_shared(const struct place *place);
bool same_inode(int a, int b);
void use_place(const struct place *place);
void cover_place(const struct place *place);
void remember_mount(const struct place *place, int mount, bool shared);
void remember_copies(const struct place *place, int copy);
void remember_move(const struct place *from, const struct place *to, int mount);
void check_places(void);
_Noreturn void fail_in_the_way(const char *syscall, long error, const char *asked, const char *where, int there);

/* inode.c */
uint32_t type_of(int fd);
bool is_read_only(int fd, const char *path);
uint64_t mount_id(int at, const char *path);
bool is_empty(int directory, const char *path);
long reopen(int fd, uint64_t flags);
long open_here(int directory, const char *name, uint64_t flags);
int make_name(int directory, const char *name, uint32_t type, const struct making *making, const char *path,
              bool *made);
void give_new(int fd, const char *path);
void restore_umask(void);

/* root.c: files and directories that are made in the root */
long open_in_root(const char *path, uint64_t flags, uint64_t mode);

/* files.c */
int proc_directory(void);
int open_proc_self(void);
int enter_proc(void);
void leave_proc(int cwd);
long open_source(const char *path, uint64_t flags);
void change_root(int directory);

/* points.c: mount points that were made for a plan */
#define MOUNT_POINT_MODE 0444
void keep_new_point(int directory, int point);
void keep_used_point(int point, const char *path);
bool is_unused_point(int fd, const char *path);
bool lock_point(int itself);
bool lock_for_removal(int itself);
void take_away(int directory, int itself);

/* placeholders.c: what is made for paths that are protected and do not exist */
bool has_placeholders(void);
_Noreturn void hold_placeholders(void);

/* contents.c: the contents of files that a plan makes */
void write_bytes(long fd, const char *bytes, size_t size, const char *path);
void fill_file(long fd, const struct plan_field *bytes, const struct plan_field *source, const char *path);
void give_to_owner(int directory, const char *name, const char *path);

/* staging.c */
int staging_directory(void);
long make_staged(uint32_t type, char *name);
void begin_root(int mount, bool shared);
void leave_staging(void);

/* filesystem.c */
long open_fs(const char *type, const char *path);
_Noreturn void fail_fs(long context, const char *syscall, long error, const char *path);
long try_string(long context, const char *key, const char *value);
void set_string(long context, const char *key, const char *value, const char *path);
void set_parameters(long context, const struct plan_field *parameters, const char *path);
int create_fs(long context, uint64_t attributes, const char *path);
void reconfigure_fs(int mount, const struct plan_field *parameters, const char *path);
int new_tmpfs(const char *mode, uint64_t attributes);

/* attributes.c */
struct attributes { /* struct mount_attr of mount_setattr(2) */
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
  uint64_t userns;
};
long try_attributes(int mount, bool recursive, const struct attributes *attributes);
void change_attributes(int mount, bool recursive, const struct attributes *attributes, const char *path);

/* old_attributes.c */
void remount_each(int mount, bool recursive, const struct attributes *attributes, const char *path);

/* open_tree.c */
bool is_of_filesystem(long fd, long magic);
long copy_tree(const struct plan_field *source, const struct plan_field *fds, uint64_t flags);

/* move_mount.c */
void put_mount(int mount, int target, const char *path);

/* mounts.c */
void place_mount(int mount, const char *path, uint64_t flags, bool own);
bool is_mount(int fd, const char *path);
int bind_on_itself(const struct place *place, bool recursive, const struct attributes *attributes);

/* stdio.c */
void place_stdio(int *fds, uint32_t count);

/* exec.c */
_Noreturn void exec_after_failure(const struct plan_report *head, const char *path);

/* seccomp.c */
void install_filters(void);

/* text.c: functions for text, since there is no libc here */
size_t text_length(const char *text);
bool text_equal(const char *a, const char *b, size_t size);
bool is_dot(const char *name);
const char *text_find(const char *text, char wanted);
char *text_number(char *end, uint64_t number);
#define FD_PATH_BYTES 40
const char *fd_path(long fd, char *room);
const char *fd_path_in_proc(long fd, char *room);

/* below.c */
#define INODE_BITS ((1ull << 53) - 1) /* of an inode number, that a number of JavaScript has room for */
bool same_bytes(int a, int b, uint64_t size);

/* One function for each step of the plan. */
#define STEP(identifier, speech, fields) void step_##identifier(const struct step_##identifier *step);
#define FIELD(kind, name)
#include "../plan/steps.h"

#endif
