/** Connects the terminal of this process to a pseudoterminal. */
import type { Pty } from 'linux-ns';

/** The size of the terminal; 80 columns and 24 rows if it does not know it. */
export function terminalSize(): { cols: number; rows: number } {
  const { columns, rows } = process.stdout;
  return { cols: columns > 0 ? columns : 80, rows: rows > 0 ? rows : 24 };
}

/**
 * Forwards input to the pseudoterminal and its output here, and keeps both at the same size. This terminal is in raw mode
 * meanwhile, so Ctrl-C is for the program.
 *
 * @returns a function that waits for all output and restores the terminal
 */
export function connectTerminal(pty: Pty): () => Promise<void> {
  const { stdin, stdout } = process;
  const onResize = (): void => {
    const { cols, rows } = terminalSize();
    pty.resize(cols, rows);
  };
  const shown = new Promise<void>((resolve) => pty.once('close', resolve));
  pty.on('error', () => undefined); // it is closed then, which is handled below
  stdin.setRawMode(true);
  stdin.pipe(pty);
  pty.pipe(stdout, { end: false });
  stdout.on('resize', onResize);
  onResize(); // it may have changed in the meantime
  return async () => {
    await shown;
    stdout.off('resize', onResize);
    stdin.unpipe(pty);
    stdin.pause();
    stdin.setRawMode(false);
  };
}
