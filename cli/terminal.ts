/** The terminal of this process. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/** The size of the terminal; 80 columns and 24 rows where it is not known. */
export function terminalSize(): { cols: number; rows: number } {
  const { columns, rows } = process.stdout;
  return { cols: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}

/**
 * Keeps Node from changing the terminal when this process ends in the background. Node sets the terminal to the modes
 * that it had at the start, even from the background, while the shell in the foreground has set other modes. It leaves
 * out descriptors that lead elsewhere by then (ResetStdio, src/node.cc).
 */
export function leaveTerminalToForeground(): void {
  for (const fd of [0, 1, 2].filter((each) => isatty(each) && isInBackground(each))) {
    closeSync(fd);
    openSync('/dev/null', 'r+'); // the lowest number that is free
  }
}

/**
 * True where this process is in the background of its controlling terminal (tty_nr): another process group is in the
 * foreground (tpgid). proc_pid_stat(5)
 */
function isInBackground(terminal: number): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const [group = 0, , device = 0, foreground = 0] = fields.slice(2, 6).map(Number);
    return device === fstatSync(terminal).rdev && foreground > 0 && foreground !== group;
  } catch {
    return false;
  }
}
