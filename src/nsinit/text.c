#include "nsinit.h"

size_t text_length(const char *text) {
  size_t length = 0;
  while (text[length] != '\0') {
    length++;
  }
  return length;
}

bool text_equal(const char *a, const char *b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    if (a[i] != b[i]) {
      return false;
    }
  }
  return true;
}

/* True for "." and "..", which getdents64 lists in each directory. */
bool is_dot(const char *name) { return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0')); }

/* The first `wanted` in a text, or the end of the text. */
const char *text_find(const char *text, char wanted) {
  while (*text != '\0' && *text != wanted) {
    text++;
  }
  return text;
}

/* Writes the decimal digits of number so that they stop before end; returns the first. */
char *text_number(char *end, uint64_t number) {
  do {
    *--end = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return end;
}

/* "/proc/self/fd/7", in a room of FD_PATH_BYTES. */
const char *fd_path(long fd, char *room) {
  static const char prefix[] = "/proc/self/fd/";
  char digits[24];
  digits[sizeof(digits) - 1] = '\0';
  const char *number = text_number(digits + sizeof(digits) - 1, (uint64_t)fd);
  __builtin_memcpy(room, prefix, sizeof(prefix) - 1);
  __builtin_memcpy(room + sizeof(prefix) - 1, number, text_length(number) + 1);
  return room;
}

/* The same from /proc on. */
const char *fd_path_in_proc(long fd, char *room) {
  static const char proc[] = "/proc/";
  return fd_path(fd, room) + sizeof(proc) - 1;
}
