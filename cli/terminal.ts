/** The terminal of this process. */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/** The size of the terminal; 80 columns and 24 rows if it does not know it. */
export function terminalSize(): { cols: number; rows: number } {
  const { columns, rows } = process.stdout;
  return { cols: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}

/**
 * For the end of this process. Node then sets the terminal to the modes it had at the start, also from the background:
 * under the hands of the shell, which is in the foreground and has modes of its own. It passes over descriptors that lead
 * elsewhere meanwhile (ResetStdio, src/node.cc).
 */
export function leaveTerminalToForeground(): void {
  for (const fd of [0, 1, 2].filter((each) => isatty(each) && isInBackground(each))) {
    closeSync(fd);
    openSync('/dev/null', 'r+'); // the lowest number that is free
  }
}

/** Its controlling terminal, tty_nr, has another process group in the foreground, tpgid: proc_pid_stat(5). */
function isInBackground(terminal: number): boolean {
  try {
    const fields = readFileSync('/proc/self/stat', 'utf8').split(') ').at(-1)?.split(' ') ?? [];
    const [group = 0, , device = 0, foreground = 0] = fields.slice(2, 6).map(Number);
    return device === fstatSync(terminal).rdev && foreground > 0 && foreground !== group;
  } catch {
    return false;
  }
}
