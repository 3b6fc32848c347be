/** A question at the end of `linux-ns run`, on the terminal that the program had. */
import { setTimeout as pause } from 'node:timers/promises';
import { printQuestion } from '../output';

/** Ctrl-C, Ctrl-D, and the end of the input. */
const INTERRUPTS = ['\u0003', '\u0004'];

/** The milliseconds in which keys are dropped that were pressed for the program. */
const DROPPED = 100;

/**
 * Asks until one of the keys is pressed: Enter and others answer nothing, so that nothing happens by mistake.
 *
 * @returns the key; undefined if the question was interrupted
 */
export async function ask<Key extends string>(words: string, keys: readonly Key[]): Promise<Key | undefined> {
  const { stdin } = process;
  stdin.setRawMode(true).ref().resume();
  const drop = (): void => undefined;
  stdin.on('data', drop);
  try {
    await pause(DROPPED);
    printQuestion(words);
    const key = await answer(keys);
    printQuestion(`${key ?? ''}\n`);
    return key;
  } finally {
    stdin.off('data', drop).setRawMode(false).pause().unref();
  }
}

function answer<Key extends string>(keys: readonly Key[]): Promise<Key | undefined> {
  const { stdin } = process;
  return new Promise((resolve) => {
    const end = (key: Key | undefined): void => {
      stdin.off('data', onKeys).off('end', onEnd);
      resolve(key);
    };
    const onEnd = (): void => end(undefined);
    const onKeys = (pressed: Buffer): void => {
      const letters = Array.from(String(pressed).toLowerCase());
      const first = letters.find((each) => INTERRUPTS.includes(each) || keys.includes(each as Key));
      if (first !== undefined) end(keys.find((each) => each === first));
    };
    stdin.on('data', onKeys).once('end', onEnd);
  });
}
