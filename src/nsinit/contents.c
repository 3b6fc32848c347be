/* The contents and the owners of the files that a plan makes. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#define COPY_BYTES (256ul << 10)

/* Makes no call where there is nothing to write: some files refuse even an empty write, as those of an mqueue do. */
void write_bytes(long fd, const char *bytes, size_t size, const char *path) {
  while (size > 0) {
    long written = sys3(__NR_write, fd, bytes, size);
    if (written == -EINTR) {
      continue;
    }
    must(written, "write", path);
    bytes += written;
    size -= (size_t)written;
  }
}

/* Copies up to the end: a pipe or a socket ends when the other side is closed. */
static void copy(long to, uint64_t from, const char *path) {
  char *room = new_memory(COPY_BYTES, 0);
  for (;;) {
    long got = sys3(__NR_read, from, room, COPY_BYTES);
    if (got == -EINTR) {
      continue;
    }
    if (must(got, "read", path) == 0) {
      break;
    }
    write_bytes(to, room, (size_t)got, path);
  }
  must(sys2(__NR_munmap, room, COPY_BYTES), "munmap", NULL);
}

/* Copies from a descriptor where one is given, else writes the bytes. */
void fill_file(long fd, const struct plan_field *bytes, const struct plan_field *source, const char *path) {
  if (source->size > 0) {
    copy(fd, plan_list_number(source, 0), path);
  } else if (bytes->size > 0) {
    write_bytes(fd, bytes->bytes, bytes->size, path);
  }
}

/* Gives a file to the owner of the root's files. With an empty name it is the file of the descriptor itself. */
void give_to_owner(int directory, const char *name, const char *path) {
  if (task.owner_uid == PLAN_UNCHANGED && task.owner_gid == PLAN_UNCHANGED) {
    return;
  }
  must(sys5(__NR_fchownat, directory, name, task.owner_uid, task.owner_gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW),
       "chown", path);
}

void step_owner(const struct step_owner *step) {
  task.owner_uid = step->uid.number;
  task.owner_gid = step->gid.number;
}
