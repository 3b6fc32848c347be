/*
 * Files below directories of which descriptors are given: read, copied and removed one by one. Whoever can write there
 * moves names about meanwhile. So no link is followed, none leads out, and no other mount is entered: openat2(2). What
 * takes the place of a file is whole before it has that name: rename(2). Each step sends its result, 0 or -errno, and
 * the next one goes on.
 *
 * expected: the state in which a name has to be. Empty: any; 0: nothing has the name; else the inode and the ctime
 * (seconds, nanoseconds) of what has it. Another state is EEXIST or ESTALE.
 */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <linux/stat.h>

#define COPY_BYTES (64ul << 10)
#define NAMES_BYTES (64ul << 10) /* XATTR_LIST_MAX */
#define PERMISSIONS 0777
#define ALL_BITS 07777

static const char own_attributes[] = "user.overlay.";
static const char user_attributes[] = "user.";

/* A name in a directory that is open. */
struct spot {
  int directory; /* O_PATH, or -errno */
  const char *name;
  char path[PATH_MAX];
};

static long open_beneath(int root, const char *path, uint64_t flags) {
  struct open_how how = {
      .flags = flags | O_CLOEXEC | O_NOFOLLOW,
      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  };
  return sys4(__NR_openat2, root, path, &how, sizeof(how));
}

/* Opens the directory that a path leads to, without the last name: names with slashes between them. */
static void find_spot(struct spot *spot, int root, const struct plan_field *path) {
  size_t slash = 0;
  bool fits = path->size < sizeof(spot->path);
  spot->directory = fits ? -EINVAL : -ENAMETOOLONG;
  if (!fits || path->size == 0 || path->bytes[0] == '/') {
    return;
  }
  __builtin_memcpy(spot->path, path->bytes, path->size);
  spot->path[path->size] = '\0';
  for (size_t i = 0; i < path->size; i++) {
    slash = spot->path[i] == '/' ? i : slash;
  }
  spot->name = spot->path + (slash == 0 ? 0 : slash + 1);
  spot->path[slash] = slash == 0 ? spot->path[slash] : '\0';
  if (!is_dot(spot->name)) {
    spot->directory = (int)open_beneath(root, slash == 0 ? "." : spot->path, O_PATH | O_DIRECTORY);
  }
}

static long look_at(int directory, const char *name, struct statx *status) {
  long flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | (*name == '\0' ? AT_EMPTY_PATH : 0);
  return sys5(__NR_statx, directory, name, flags, STATX_BASIC_STATS, status);
}

/* Compares a name with what is expected there; a mode of 0 says that there is nothing. */
static long check(const struct spot *spot, const struct plan_field *expected, struct statx *found) {
  long error = look_at(spot->directory, spot->name, found);
  if (error == -ENOENT) {
    found->stx_mode = 0;
    return expected->size > 1 ? -ESTALE : 0;
  }
  if (error < 0 || expected->size == 0) {
    return error;
  }
  if (expected->size == 1) {
    return -EEXIST;
  }
  bool same = (found->stx_ino & INODE_BITS) == plan_list_number(expected, 0) &&
              (uint64_t)found->stx_ctime.tv_sec == plan_list_number(expected, 1) &&
              found->stx_ctime.tv_nsec == plan_list_number(expected, 2);
  return same ? 0 : -ESTALE;
}

/* Reads until the room is full or the file is at its end; the file may be changing. */
static long read_at(int fd, char *room, size_t size, uint64_t offset) {
  size_t done = 0;
  while (done < size) {
    long got = sys4(__NR_pread64, fd, room + done, size - done, offset + done);
    if (got == -EINTR) {
      continue;
    }
    if (got <= 0) {
      return got < 0 ? got : (long)done;
    }
    done += (size_t)got;
  }
  return (long)done;
}

/* The next byte from there on that is in no hole, or the size: lseek(2), SEEK_DATA. */
static uint64_t next_data(int fd, uint64_t at, uint64_t size) {
  long data = sys3(__NR_lseek, fd, at, SEEK_DATA);
  if (data == -ENXIO || (data >= 0 && (uint64_t)data > size)) {
    return size;
  }
  return data < 0 ? at : (uint64_t)data;
}

/* True where two files have the same bytes, as far as that size. */
bool same_bytes(int a, int b, uint64_t size) {
  char *room = new_memory(2 * COPY_BYTES, 0);
  uint64_t at = 0;
  bool same = true;
  while (same) {
    uint64_t from = next_data(a, at, size);
    uint64_t other = next_data(b, at, size);
    at = from < other ? from : other;
    if (at >= size) {
      break;
    }
    size_t part = size - at < COPY_BYTES ? (size_t)(size - at) : COPY_BYTES;
    long got = read_at(a, room, part, at);
    same = got == (long)part && read_at(b, room + COPY_BYTES, part, at) == got &&
           text_equal(room, room + COPY_BYTES, part);
    at += part;
  }
  must(sys2(__NR_munmap, room, 2 * COPY_BYTES), "munmap", NULL);
  return same;
}

static long write_at(int fd, const char *bytes, size_t size, uint64_t offset) {
  while (size > 0) {
    long written = sys4(__NR_pwrite64, fd, bytes, size, offset);
    if (written == -EINTR) {
      continue;
    }
    if (written < 0) {
      return written;
    }
    bytes += written;
    size -= (size_t)written;
    offset += (uint64_t)written;
  }
  return 0;
}

static long copy_part(int from, int to, char *room, uint64_t at, uint64_t end) {
  while (at < end) {
    long got = read_at(from, room, end - at < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES, at);
    if (got <= 0) {
      return got < 0 ? got : -EAGAIN;
    }
    long error = write_at(to, room, (size_t)got, at);
    if (error < 0) {
      return error;
    }
    at += (uint64_t)got;
  }
  return 0;
}

/* Copies what a file has, and leaves holes where it has some: lseek(2), SEEK_DATA. */
static long copy_contents(int from, int to, uint64_t size) {
  if (sys3(__NR_ioctl, to, FICLONE, from) == 0) {
    return 0;
  }
  char *room = new_memory(COPY_BYTES, 0);
  long error = sys2(__NR_ftruncate, to, size);
  for (uint64_t at = 0; error == 0 && at < size;) {
    uint64_t data = next_data(from, at, size);
    long hole = sys3(__NR_lseek, from, data, SEEK_HOLE);
    uint64_t end = hole < 0 || (uint64_t)hole > size ? size : (uint64_t)hole;
    error = copy_part(from, to, room, data, end);
    at = end;
  }
  must(sys2(__NR_munmap, room, COPY_BYTES), "munmap", NULL);
  return error;
}

/* Copies user.* attributes, but not those of overlays. A filesystem that has none goes without: xattr(7). */
static void copy_attributes(int from, int to) {
  char *names = new_memory(2 * NAMES_BYTES, 0);
  char *value = names + NAMES_BYTES;
  long size = sys3(__NR_flistxattr, from, names, NAMES_BYTES);
  for (long at = 0; at < size; at += (long)text_length(names + at) + 1) {
    const char *name = names + at;
    if (!text_equal(name, user_attributes, sizeof(user_attributes) - 1) ||
        text_equal(name, own_attributes, sizeof(own_attributes) - 1)) {
      continue;
    }
    long length = sys4(__NR_fgetxattr, from, name, value, NAMES_BYTES);
    if (length >= 0) {
      ignored(sys5(__NR_fsetxattr, to, name, value, length, 0), "the filesystem may have none");
    }
  }
  must(sys2(__NR_munmap, names, 2 * NAMES_BYTES), "munmap", NULL);
}

static bool same_time(const struct statx_timestamp *a, const struct statx_timestamp *b) {
  return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* A file that was written while it was copied is no copy of anything: EAGAIN. */
static long check_still(int fd, const struct statx *before) {
  struct statx now;
  long error = look_at(fd, "", &now);
  bool same = error == 0 && now.stx_size == before->stx_size && same_time(&now.stx_mtime, &before->stx_mtime) &&
              same_time(&now.stx_ctime, &before->stx_ctime);
  return same ? 0 : -EAGAIN;
}

/*
 * Gives a file its owner, and then its mode, since a change of the owner takes bits away from that. What replaces a
 * file of somebody else stays theirs where this task may do that.
 */
static long set_owner_and_mode(int fd, const struct statx *source, const struct statx *old, uint64_t flags) {
  char link[FD_PATH_BYTES];
  bool keep = (flags & PLAN_KEEP_OWNER) != 0;
  const struct statx *owner = keep ? source : old;
  long error = keep || old->stx_mode != 0
                   ? sys5(__NR_fchownat, fd, "", owner->stx_uid, owner->stx_gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)
                   : 0;
  if ((error < 0 && keep) || (source->stx_mode & S_IFMT) == S_IFLNK) {
    return keep ? error : 0;
  }
  uint64_t kept = keep || (source->stx_mode & S_IFMT) != S_IFDIR ? 0 : old->stx_mode & ALL_BITS & ~PERMISSIONS;
  uint64_t mode = (source->stx_mode & (keep ? ALL_BITS : PERMISSIONS)) | kept;
  return sys3(__NR_fchmodat, AT_FDCWD, fd_path(fd, link), mode);
}

static long set_times(int fd, const struct statx *source) {
  const int64_t times[] = {source->stx_atime.tv_sec, source->stx_atime.tv_nsec, source->stx_mtime.tv_sec,
                           source->stx_mtime.tv_nsec};
  return sys4(__NR_utimensat, fd, NULL, times, 0);
}

/* A name that nobody else uses: of this task, and of this step. */
static const char *temporary_name(char *room) {
  static const char prefix[] = ".linux-ns-";
  char *end = room + 63;
  *end = '\0';
  char *first = text_number(end, task.step);
  *--first = '-';
  first = text_number(first, (uint64_t)sys0(__NR_getpid)) - (sizeof(prefix) - 1);
  __builtin_memcpy(first, prefix, sizeof(prefix) - 1);
  return first;
}

/* Puts what has the temporary name in its place, if that is still as expected. */
static long settle(const struct spot *to, const char *temporary, const struct plan_field *expected) {
  struct statx found;
  bool is_new = expected->size == 1;
  long error = is_new ? 0 : check(to, expected, &found);
  if (error == 0) {
    error = sys5(__NR_renameat2, to->directory, temporary, to->directory, to->name, is_new ? RENAME_NOREPLACE : 0);
  }
  if (error < 0) {
    ignored(sys3(__NR_unlinkat, to->directory, temporary, 0), "it is not there, or stays");
  }
  return error;
}

static long fill(int from, int to, const struct statx *source, const struct statx *old, uint64_t flags) {
  long error = copy_contents(from, to, source->stx_size);
  if (error == 0) {
    copy_attributes(from, to);
    error = set_owner_and_mode(to, source, old, flags);
  }
  error = error == 0 ? set_times(to, source) : error;
  return error == 0 ? check_still(from, source) : error;
}

/* Copies a file: first to one that has no name, where the filesystem has such. O_TMPFILE, open(2) */
static long put_file(int from, const struct spot *to, const struct statx *source, const struct statx *old,
                     const struct plan_field *expected, uint64_t flags) {
  char room[64];
  char link[FD_PATH_BYTES];
  const char *temporary = temporary_name(room);
  const uint64_t how = O_WRONLY | O_CLOEXEC | O_NOFOLLOW;
  long file = sys4(__NR_openat, to->directory, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
  bool nameless = file >= 0;
  if (!nameless) {
    file = sys4(__NR_openat, to->directory, temporary, how | O_CREAT | O_EXCL, 0600);
  }
  if (file < 0) {
    return file;
  }
  long error = fill(from, (int)file, source, old, flags);
  if (error == 0 && nameless) {
    error = sys5(__NR_linkat, AT_FDCWD, fd_path(file, link), to->directory, temporary, AT_SYMLINK_FOLLOW);
  }
  long closed = sys1(__NR_close, file);
  error = error == 0 ? closed : error;
  if (error < 0 && !nameless) {
    ignored(sys3(__NR_unlinkat, to->directory, temporary, 0), "it stays");
  }
  return error < 0 ? error : settle(to, temporary, expected);
}

/* True where the file there has the bytes of the source already: then only its mode and times follow. */
static long put_same(int from, const struct spot *to, const struct statx *source, const struct statx *old,
                     const struct plan_field *expected, uint64_t flags, bool *same) {
  struct statx found;
  if ((old->stx_mode & S_IFMT) != S_IFREG || old->stx_size != source->stx_size) {
    return 0;
  }
  long file = open_here(to->directory, to->name, 0);
  long readable = file < 0 ? file : reopen((int)file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  bool still = readable >= 0 && look_at((int)readable, "", &found) == 0 && found.stx_ino == old->stx_ino;
  *same = still && same_bytes(from, (int)readable, source->stx_size);
  long error = *same ? check(to, expected, &found) : 0;
  if (*same && error == 0) {
    error = set_owner_and_mode((int)readable, source, old, flags);
  }
  sys_close(readable);
  sys_close(file);
  return error;
}

static long put_link(int from, const struct spot *to, const struct statx *source, const struct statx *old,
                     const struct plan_field *expected, uint64_t flags) {
  char room[64];
  char target[PATH_MAX];
  const char *temporary = temporary_name(room);
  long size = sys4(__NR_readlinkat, from, "", target, sizeof(target) - 1);
  if (size < 0) {
    return size;
  }
  target[size] = '\0';
  long error = sys3(__NR_symlinkat, target, to->directory, temporary);
  if (error < 0) {
    return error;
  }
  long link = open_here(to->directory, temporary, 0);
  if (link >= 0) {
    error = set_owner_and_mode((int)link, source, old, flags);
    sys_close(link);
  }
  return error < 0 ? error : settle(to, temporary, expected);
}

/*
 * The kernel does not merge a directory that only the upper layer has with one that appears below it later, until it
 * looks the name up anew. An opaque one stays as it is, and what is removed in it is known by what is below:
 * Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories".
 */
static void make_opaque(int directory) {
  char link[FD_PATH_BYTES];
  const char *path = fd_path(directory, link);
  ignored(sys5(__NR_setxattr, path, "trusted.overlay.opaque", "y", 1, 0), "only root may, and others need no such");
  ignored(sys5(__NR_setxattr, path, "user.overlay.opaque", "y", 1, 0), "the filesystem may have none");
}

static long put_directory(int from, const struct spot *to, const struct statx *source, const struct statx *old,
                          uint64_t flags) {
  if (old->stx_mode == 0 && (flags & PLAN_KEEP_OWNER) == 0) {
    make_opaque(from);
  }
  long error = old->stx_mode == 0 ? sys3(__NR_mkdirat, to->directory, to->name, 0700) : 0;
  if (error < 0) {
    return error;
  }
  long directory = open_here(to->directory, to->name, O_DIRECTORY);
  if (directory < 0) {
    return directory;
  }
  error = set_owner_and_mode((int)directory, source, old, flags);
  sys_close(directory);
  return error;
}

/* A second name for a file that was put before. */
static long put_name(const struct spot *from, const struct spot *to, const struct plan_field *expected) {
  char room[64];
  const char *temporary = temporary_name(room);
  long error = sys5(__NR_linkat, from->directory, from->name, to->directory, temporary, 0);
  return error < 0 ? error : settle(to, temporary, expected);
}

static long put_copy(const struct spot *from, const struct spot *to, const struct plan_field *expected,
                     uint64_t flags) {
  struct statx source;
  struct statx old;
  bool same = false;
  long error = check(to, expected, &old);
  long found = error < 0 ? error : open_here(from->directory, from->name, 0);
  if (found < 0) {
    return found;
  }
  error = look_at((int)found, "", &source);
  uint32_t type = error < 0 ? 0 : source.stx_mode & S_IFMT;
  if (type == S_IFDIR) {
    error = put_directory((int)found, to, &source, &old, flags);
  } else if (type == S_IFLNK) {
    error = put_link((int)found, to, &source, &old, expected, flags);
  } else if (type == S_IFREG) {
    long file = reopen((int)found, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    error = file < 0 ? file : put_same((int)file, to, &source, &old, expected, flags, &same);
    if (error == 0 && !same) {
      error = put_file((int)file, to, &source, &old, expected, flags);
    }
    sys_close(file);
  } else if (error == 0) {
    error = -EOPNOTSUPP;
  }
  sys_close(found);
  return error;
}

static void answer(long result) {
  int64_t value = result;
  report_data((const char *)&value, sizeof(value));
}

void step_put_below(const struct step_put_below *step) {
  struct spot from;
  struct spot to;
  find_spot(&from, (int)step->from.number, &step->source);
  find_spot(&to, (int)step->to.number, &step->target);
  long error = from.directory < 0 ? from.directory : to.directory < 0 ? to.directory : 0;
  if (error == 0) {
    error = (step->flags.number & PLAN_LINK) != 0 ? put_name(&from, &to, &step->expected)
                                                  : put_copy(&from, &to, &step->expected, step->flags.number);
  }
  sys_close(from.directory);
  sys_close(to.directory);
  answer(error);
}

/* A name that is gone already is as good as removed. */
void step_remove_below(const struct step_remove_below *step) {
  struct spot spot;
  struct statx found;
  find_spot(&spot, (int)step->from.number, &step->path);
  long error = spot.directory < 0 ? spot.directory : look_at(spot.directory, spot.name, &found);
  if (error == 0) {
    error = check(&spot, &step->expected, &found);
  }
  if (error == 0) {
    error = sys3(__NR_unlinkat, spot.directory, spot.name, (found.stx_mode & S_IFMT) == S_IFDIR ? AT_REMOVEDIR : 0);
  }
  sys_close(spot.directory);
  answer(error == -ENOENT ? 0 : error);
}

/* Reads a file, or the target of a link, as a whole, before its size is told: it may be changing. */
static long read_whole(int file, char *room, size_t most) {
  struct statx status;
  long error = look_at(file, "", &status);
  if (error < 0) {
    return error;
  }
  if ((status.stx_mode & S_IFMT) == S_IFLNK) {
    return sys4(__NR_readlinkat, file, "", room, most);
  }
  if ((status.stx_mode & S_IFMT) != S_IFREG) {
    return -EOPNOTSUPP;
  }
  long fd = reopen(file, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  long size = fd < 0 ? fd : read_at((int)fd, room, most, 0);
  sys_close(fd);
  return size;
}

void step_read_below(const struct step_read_below *step) {
  struct spot spot;
  size_t most = (size_t)step->max_bytes.number + 1;
  char *room = new_memory(most, 0);
  find_spot(&spot, (int)step->from.number, &step->path);
  long file = spot.directory < 0 ? spot.directory : open_here(spot.directory, spot.name, 0);
  long size = file < 0 ? file : read_whole((int)file, room, most);
  size = size == (long)most ? -EFBIG : size;
  answer(size);
  for (long at = 0; at < size; at += COPY_BYTES / 8) {
    report_data(room + at, size - at < (long)(COPY_BYTES / 8) ? (size_t)(size - at) : COPY_BYTES / 8);
  }
  sys_close(file);
  sys_close(spot.directory);
  must(sys2(__NR_munmap, room, most), "munmap", NULL);
}

void step_sync_below(const struct step_sync_below *step) {
  long directory = sys4(__NR_openat, step->from.number, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  answer(directory < 0 ? directory : sys1(__NR_syncfs, directory));
  sys_close(directory);
}
