/** This process's terminal, with another one in it. */
import type { Pty } from 'linux-ns';

/** Its size. Some terminals do not know theirs. */
export function terminalSize(): { cols: number; rows: number } {
  const { columns, rows } = process.stdout;
  return { cols: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}

/**
 * Has what is typed here typed there, and what is shown there shown here, and keeps both of one size. Keys mean nothing to
 * this terminal meanwhile: Ctrl-C is for the program.
 *
 * @returns what gives the terminal back, once all that the other has shown is shown
 */
export function connectTerminal(pty: Pty): () => Promise<void> {
  const { stdin, stdout } = process;
  const onResize = (): void => {
    const { cols, rows } = terminalSize();
    pty.resize(cols, rows);
  };
  const shown = new Promise<void>((resolve) => pty.once('close', resolve));
  pty.on('error', () => undefined); // it is closed then, and that is all there is to it
  stdin.setRawMode(true);
  stdin.pipe(pty);
  pty.pipe(stdout, { end: false });
  stdout.on('resize', onResize);
  onResize(); // it may have become another one since
  return async () => {
    await shown;
    stdout.off('resize', onResize);
    stdin.unpipe(pty);
    stdin.pause();
    stdin.setRawMode(false);
  };
}
