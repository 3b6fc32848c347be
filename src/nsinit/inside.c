/* Files of a root whose owner is not trusted, which Node reads and writes: see root.c. */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

/*
 * Opens regular files only: Node must not wait for the other end of a FIFO, nor touch a device. O_NONBLOCK, which keeps
 * this task from waiting as well, is removed again.
 */
static long open_regular(const char *path, uint64_t flags, uint64_t mode) {
  long fd = must(open_in_root(path, flags | O_NONBLOCK | O_NOCTTY, (flags & O_CREAT) != 0 ? mode : 0), "open", path);
  uint32_t type = type_of((int)fd);
  if (type != S_IFREG) {
    fail_with("open", type == S_IFDIR ? -EISDIR : -EINVAL, path, "not-regular");
  }
  must(sys3(__NR_fcntl, fd, F_SETFL, flags & (O_APPEND | O_ACCMODE)), "fcntl", path);
  return fd;
}

void step_open_file(const struct step_open_file *step) {
  long fd = open_regular(step->path.bytes, step->open_flags.number, step->mode.number);
  report(REPORT_FD, 0, (int)fd);
  sys_close(fd);
}

/*
 * This task writes the file itself, and not Node, because the rights of the writer count: blocks that a filesystem
 * reserves for root, quotas, and bits of the mode that only root may keep (ext4(5), quotactl(2), write(2)). On some
 * filesystems only close(2) says that a disk is full.
 */
void step_save_file(const struct step_save_file *step) {
  const char *path = step->path.bytes;
  long fd = open_regular(path, step->open_flags.number, step->mode.number);
  fill_file(fd, &step->contents, &step->from, path);
  must(sys1(__NR_close, fd), "close", path);
}

/*
 * Packs the entries of getdents64, in place: for each one its type (DT_*), its name and a NUL. Returns the size; counts
 * the entries.
 */
static size_t pack(char *entries, long size, uint64_t *count) {
  char *to = entries;
  for (long at = 0; at < size;) {
    const struct entry *entry = (const struct entry *)(entries + at);
    at += entry->size;
    if (is_dot(entry->name)) {
      continue;
    }
    size_t length = text_length(entry->name);
    *to++ = (char)entry->type;
    ++*count;
    for (size_t i = 0; i <= length; i++) {
      *to++ = entry->name[i];
    }
  }
  return (size_t)(to - entries);
}

void step_list(const struct step_list *step) {
  char entries[PLAN_PACKET_BYTES / 4] __attribute__((aligned(8)));
  const char *path = step->path.bytes;
  uint64_t left = step->max_bytes.number;
  uint64_t count = 0;
  long fd = must(open_in_root(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK, 0), "open", path);
  for (;;) {
    long got = must(sys3(__NR_getdents64, fd, entries, sizeof(entries)), "getdents64", path);
    if (got == 0) {
      break;
    }
    size_t size = pack(entries, got, &count);
    if (size > left || count > step->max_entries.number) {
      fail_with("getdents64", -EFBIG, path, size > left ? "bytes" : "entries");
    }
    left -= size;
    report_data(entries, size);
  }
  sys_close(fd);
}
