/*
 * world [mounts]: prints what a program finds itself in, a line for each thing that a launch may have promised it. Two
 * programs that were started in the same way print the same. Static: it runs in a root that has nothing else.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

static void print_status(void) {
  static const char *const wanted[] = {"Umask", "Uid",    "Gid",    "Groups", "SigBlk",     "SigIgn",  "SigCgt",
                                       "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp", "Seccomp_filters"};
  char line[4096];
  FILE *file = fopen("/proc/self/status", "re");
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
      size_t length = strlen(wanted[i]);
      if (strncmp(line, wanted[i], length) == 0 && line[length] == ':') {
        fputs(line, stdout);
      }
    }
  }
  if (file != NULL) {
    fclose(file);
  }
}

/* Without a /proc there is still this. */
static void print_process(void) {
  uid_t uid[3];
  gid_t gid[3];
  gid_t groups[256];
  getresuid(&uid[0], &uid[1], &uid[2]);
  getresgid(&gid[0], &gid[1], &gid[2]);
  printf("ids %u %u %u, %u %u %u\n", uid[0], uid[1], uid[2], gid[0], gid[1], gid[2]);
  int count = getgroups(256, groups);
  for (int i = 0; i < count; i++) {
    printf("group %u\n", groups[i]);
  }
  int deathsig = -1;
  prctl(PR_GET_PDEATHSIG, &deathsig);
  printf("pdeathsig %d, dumpable %d, no_new_privs %d, securebits %d, keepcaps %d\n", deathsig, prctl(PR_GET_DUMPABLE),
         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_SECUREBITS), prctl(PR_GET_KEEPCAPS));
  for (int i = 0; i < 64; i++) {
    int bounding = prctl(PR_CAPBSET_READ, i, 0, 0, 0);
    if (bounding >= 0) {
      printf("cap %d: bounding %d, ambient %d\n", i, bounding, prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, i, 0, 0));
    }
  }
  errno = 0;
  printf("nice %d, personality %d\n", getpriority(PRIO_PROCESS, 0), personality(0xffffffff));
  printf("leads its session %d, its group %d\n", getsid(0) == getpid(), getpgid(0) == getpid());
  for (int i = 0; i < RLIM_NLIMITS; i++) {
    struct rlimit limit;
    if (getrlimit(i, &limit) == 0) {
      printf("limit %d: %llu %llu\n", i, (unsigned long long)limit.rlim_cur, (unsigned long long)limit.rlim_max);
    }
  }
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof(set), &set);
  printf("processors %d\n", CPU_COUNT(&set));
}

static void print_signals(void) {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  for (int i = 1; i < 65; i++) {
    struct sigaction action = {0};
    if (sigismember(&blocked, i) == 1) {
      printf("signal %d is blocked\n", i);
    }
    if (sigaction(i, NULL, &action) == 0 && action.sa_handler != SIG_DFL) {
      printf("signal %d is ignored\n", i);
    }
  }
}

static void print_descriptors(void) {
  for (int fd = 0; fd < 1024; fd++) {
    struct stat status;
    if (fstat(fd, &status) == 0) {
      printf("descriptor %d: type %o, flags %x, %s\n", fd, status.st_mode & S_IFMT, fcntl(fd, F_GETFL),
             isatty(fd) ? "terminal" : "no terminal");
    }
  }
  int tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
  struct winsize size = {0};
  if (tty >= 0 && ioctl(tty, TIOCGWINSZ, &size) == 0) {
    printf("terminal %d x %d\n", size.ws_col, size.ws_row);
  }
  if (tty >= 0) {
    close(tty);
  }
}

static void print_file(const char *path) {
  char text[4096];
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
  if (size >= 0) {
    text[size] = '\0';
    printf("%s: %s\n", path, text);
  }
  if (fd >= 0) {
    close(fd);
  }
}

static void print_namespaces(void) {
  static const char *const kinds[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
  for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
    char path[64];
    char target[64] = "";
    snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
    if (readlink(path, target, sizeof(target) - 1) > 0) {
      printf("namespace %s\n", target);
    }
  }
  struct utsname name;
  uname(&name);
  printf("host %s, domain %s\n", name.nodename, name.domainname);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo"};
  if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
    printf("lo is up %d\n", (request.ifr_flags & IFF_UP) != 0);
  }
  if (fd >= 0) {
    close(fd);
  }
}

/* Without what is another for each mount: its ids, its device. */
static void print_mounts(void) {
  char line[4096];
  FILE *file = fopen("/proc/self/mountinfo", "re");
  while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
    char root[512];
    char target[512];
    char options[512];
    const char *end = strstr(line, " - ");
    if (end != NULL && sscanf(line, "%*d %*d %*s %511s %511s %511s", root, target, options) == 3) {
      printf("mount %s of %s: %s%s", target, root, options, end);
    }
  }
  if (file != NULL) {
    fclose(file);
  }
}

int main(int argc, char **argv) {
  char cwd[4096];
  print_status();
  print_process();
  print_signals();
  print_descriptors();
  print_namespaces();
  print_file("/proc/self/uid_map");
  print_file("/proc/self/gid_map");
  print_file("/proc/self/setgroups");
  print_file("/proc/self/timens_offsets");
  print_file("/proc/self/oom_score_adj");
  print_file("/proc/self/cgroup");
  printf("cwd %s\n", getcwd(cwd, sizeof(cwd)));
  for (char **name = environ; *name != NULL; name++) {
    printf("env %s\n", *name);
  }
  for (int i = 0; i < argc; i++) {
    printf("argument %s\n", argv[i]);
  }
  if (argc > 1 && strcmp(argv[1], "mounts") == 0) {
    print_mounts();
  }
  return 0;
}
