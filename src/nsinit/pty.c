/* Terminals: a new one for the program, and one that it is handed. pty(7), ioctl_tty(2). */
#include "nsinit.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <asm/termbits.h>
#include <asm/ioctls.h>
#include <asm/termios.h>

/* TIOCGPTPEER (Linux 4.13) opens the other end by descriptor: no path in a /dev that others may have changed. */
static long open_peer(long master) {
  int unlocked = 0;
  must(sys3(__NR_ioctl, master, TIOCSPTLCK, &unlocked), "ioctl", "/dev/ptmx");
  long peer = sys3(__NR_ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  must(peer, "ioctl", "/dev/ptmx");
  return peer;
}

/* Opens a master. If the link /dev/ptmx was forgotten, the file system of the terminals has a node as well. */
static long open_master(void) {
  const long flags = O_RDWR | O_NOCTTY | O_CLOEXEC;
  long master = sys4(__NR_openat, AT_FDCWD, "/dev/ptmx", flags, 0);
  if (master == -ENOENT) {
    long other = sys4(__NR_openat, AT_FDCWD, "/dev/pts/ptmx", flags, 0);
    return other >= 0 ? other : master;
  }
  return master;
}

void step_pty(const struct step_pty *step) {
  struct winsize size = {.ws_col = (unsigned short)step->columns.number, .ws_row = (unsigned short)step->rows.number};
  long master = open_master();
  must(master, "open", "/dev/ptmx");
  long peer = open_peer(master);
  must(sys3(__NR_ioctl, master, TIOCSWINSZ, &size), "ioctl", "/dev/ptmx");
  report(REPORT_FD, 0, (int)master);
  sys_close(master);
  ignored(sys0(__NR_setsid), "EPERM for who leads one already; for who leads none the next call fails");
  must(sys3(__NR_ioctl, peer, TIOCSCTTY, 0), "ioctl", "/dev/ptmx");
  place_stdio((int[]){(int)peer, (int)peer, (int)peer}, 3);
}

/*
 * A shell in a pid namespace cannot give the terminal back to Node's process group, which has no number there. So it
 * does not start in that group, but in its own, as if a shell had started it. SIGTTOU is blocked by now, as every
 * signal is.
 */
void step_foreground(const struct step_foreground *step) {
  must(sys2(__NR_setpgid, 0, 0), "setpgid", NULL);
  int group = (int)must(sys0(__NR_getpid), "getpid", NULL);
  must(sys3(__NR_ioctl, step->terminal.number, TIOCSPGRP, &group), "ioctl", NULL);
}
