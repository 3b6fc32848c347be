import { fork } from 'node:child_process';
import { once } from 'node:events';

/**
 * Runs a module in a process of its own, so that it is not measured with things that others have left in the heap. The
 * module gets one message, the request, and sends one answer, which is returned. Its output goes to standard error.
 */
export async function measureApart<Answer>(file: string, request: unknown): Promise<Answer> {
  // This is tsx in its smallest form: it has one thread less, and standard output stays ours.
  const part = fork(file, { execArgv: ['--require', 'tsx/cjs'], stdio: ['ignore', 2, 2, 'ipc'] });
  const answer = new Promise<Answer>((resolve, reject) => {
    part.once('message', (message) => resolve(message as Answer));
    part.once('exit', (code, signal) => reject(new Error(`measuring ended with ${String(code ?? signal)}`)));
  });
  part.send(request as object);
  const [received] = await Promise.all([answer, once(part, 'close')]);
  return received;
}

/** The other side of {@link measureApart}. */
export async function answer(measure: (request: never) => Promise<object>): Promise<void> {
  const [request] = (await once(process, 'message')) as [never];
  process.send!(await measure(request));
  process.disconnect();
}
