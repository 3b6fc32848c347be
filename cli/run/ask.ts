/** Asks a person on the terminal if a program may connect to a host. */
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { ReadStream } from 'node:tty';
import type { Pty } from 'linux-ns';
import type { EgressQuestion } from 'linux-ns/network';
import { UsageError } from '../command';
import { askOn } from '../output';

const TERMINAL = '/dev/tty';

/** The keys for an answer. Ctrl-C, Ctrl-D, Escape and Enter are a no: nothing is allowed by mistake. */
const YES = ['y', 'Y'];
const NO = ['n', 'N', '\r', '\n', '\u0003', '\u0004', '\u001b'];

/** Questions, one at a time. */
export class Asker implements AsyncDisposable {
  readonly #file: FileHandle;
  #pty: Pty | undefined;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param onTerminal - true if the program has a terminal of its own, which is shown in this one */
  static async open(onTerminal: boolean): Promise<Asker> {
    if (!onTerminal && process.stdin.isTTY) {
      throw new UsageError(
        '--ask needs the keys of the terminal, which the program would read: redirect its input (< /dev/null), or leave its output on the terminal',
      );
    }
    try {
      return new Asker(await open(TERMINAL, 'r+'));
    } catch {
      throw new UsageError('--ask needs a terminal, and this process has none');
    }
  }

  /** The terminal of the program: while a person is asked, it is not shown, and gets no keys. */
  shows(pty: Pty): void {
    this.#pty = pty;
  }

  /** Asks after all that was asked before. */
  readonly ask = async (question: EgressQuestion): Promise<boolean> => {
    const answer = this.#last.then(() => this.#ask(question));
    this.#last = answer.catch(() => undefined);
    return answer;
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #ask(question: EgressQuestion): Promise<boolean> {
    if (question.signal.aborted) return false;
    return this.#pty === undefined ? this.#onOwn(question) : this.#beside(this.#pty, question);
  }

  /** On a terminal that only this process reads. */
  async #onOwn(question: EgressQuestion): Promise<boolean> {
    const keys = new ReadStream((await open(TERMINAL, 'r')).fd);
    keys.setRawMode(true);
    try {
      return await askOn(this.#file, wordsOf(question), answerFrom(keys, question.signal));
    } finally {
      keys.setRawMode(false);
      keys.destroy();
    }
  }

  /** On the terminal that shows the program's. It is in raw mode already, and its keys are taken away for a moment. */
  async #beside(pty: Pty, question: EgressQuestion): Promise<boolean> {
    const { stdin } = process;
    const readers = stdin.listeners('data') as ((keys: Buffer) => void)[];
    for (const reader of readers) stdin.off('data', reader);
    pty.unpipe(process.stdout);
    try {
      return await askOn(this.#file, wordsOf(question), answerFrom(stdin, question.signal));
    } finally {
      if (!pty.destroyed) pty.pipe(process.stdout, { end: false });
      for (const reader of readers) stdin.on('data', reader);
      stdin.resume();
    }
  }
}

/** `curl (pid 7) wants to connect to example.com:443. Allow it? [y/N] ` */
function wordsOf({ name, address, port, program }: EgressQuestion): string {
  const host = name ?? (address.includes(':') ? `[${address}]` : address);
  const who =
    program === undefined
      ? 'A program'
      : `${basename(program.file ?? program.argv[0] ?? '')} (pid ${program.pidInside})`;
  return `linux-ns: run: ${who} wants to connect to ${host}:${port}. Allow it? [y/N] `;
}

/** The answer that a key gives; false if it is no longer needed, or there are no more keys. */
function answerFrom(keys: NodeJS.ReadStream | ReadStream, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (answer: boolean): void => {
      keys.off('data', onKeys).off('end', onEnd);
      signal.removeEventListener('abort', onEnd);
      resolve(answer);
    };
    const onEnd = (): void => end(false);
    const onKeys = (pressed: Buffer | string): void => {
      const key = Array.from(String(pressed)).find((each) => YES.includes(each) || NO.includes(each));
      if (key !== undefined) end(YES.includes(key));
    };
    keys.on('data', onKeys).once('end', onEnd).resume();
    signal.addEventListener('abort', onEnd, { once: true });
  });
}
