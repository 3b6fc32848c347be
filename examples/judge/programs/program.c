/* A program for the judge: its input says what it does. The programs in the other languages do the same. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int is(const char *word, const char *other) {
  return strcmp(word, other) == 0;
}

static void greedy(void) {
  for (;;) {
    memset(malloc(1 << 20), 1, 1 << 20);
  }
}

static void print_file(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) {
    exit(1);
  }
  for (int c; (c = getc(file)) != EOF;) {
    putchar(c);
  }
}

static void call(const char *address, const char *port) {
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(port))};
  inet_pton(AF_INET, address, &to.sin_addr);
  if (connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to) != 0) {
    exit(1);
  }
  puts("connected");
}

static void leave_daemon(void) {
  if (fork() == 0) {
    setsid();
    for (;;) {
    }
  }
  puts("left");
}

static void ignore_signals(void) {
  for (int number = 1; number <= 64; number++) {
    signal(number, SIG_IGN);
  }
  for (;;) {
  }
}

int main(void) {
  char word[32] = "", first[256] = "", second[256] = "";
  if (scanf("%31s %255s %255s", word, first, second) < 1) {
    return 1;
  }
  if (is(word, "add")) {
    printf("%d\n", atoi(first) + atoi(second));
  } else if (is(word, "wrong")) {
    puts("41");
  } else if (is(word, "slow")) {
    for (;;) {
    }
  } else if (is(word, "greedy")) {
    greedy();
  } else if (is(word, "crash")) {
    abort();
  } else if (is(word, "fork")) {
    for (;;) {
      fork();
    }
  } else if (is(word, "flood")) {
    for (;;) {
      puts("again");
    }
  } else if (is(word, "read")) {
    print_file(first);
  } else if (is(word, "call")) {
    call(first, second);
  } else if (is(word, "daemon")) {
    leave_daemon();
  } else if (is(word, "ignore")) {
    ignore_signals();
  }
}
