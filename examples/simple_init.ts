/**
 * simple_init.c of "Namespaces in operation, part 4: more on PID namespaces" (LWN, January 2013).
 *
 * A pid namespace with an init, and a prompt to run commands in it. What a command leaves behind is adopted by the init,
 * which waits for it when it ends; when the init ends, everything in the namespace does.
 *
 *     npx tsx examples/simple_init.ts [-v]
 *
 *     -v says what is done
 *
 * In C the init is the program itself. Here it is the one that `unshare()` leaves in a new pid namespace; the prompt
 * stays outside. Try: ps -ax, or (sleep 5; echo done) &
 */
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { type NamespaceSet, unshare } from 'linux-ns';
import { fail } from './command-line';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { verbose: { type: 'boolean', short: 'v' } } });
  const say = (text: string): void => {
    if (values.verbose === true) console.log(`\tinit: ${text}`);
  };
  const isRoot = process.geteuid?.() === 0;

  await using namespaces = await unshare({ user: isRoot ? undefined : true, pid: true, mnt: true });
  await namespaces.mount({ type: 'proc', target: '/proc' });
  say(`PID 1 inside is PID ${namespaces.init ?? '?'} outside`);

  const prompt = createInterface({ input: process.stdin, output: process.stdout, prompt: 'init$ ' });
  let ended = false;
  prompt.once('close', () => (ended = true));
  prompt.prompt();
  for await (const line of prompt) {
    if (line.trim() !== '') await run(namespaces, line, say);
    // The input may have ended meanwhile; from Node 24 on it is an error to prompt then.
    if (!ended) prompt.prompt();
  }
  const left = await namespaces.pid!.processes();
  console.log();
  say(`terminating, and with it ${left.length - 1} processes`);
}

async function run(namespaces: NamespaceSet, line: string, say: (text: string) => void): Promise<void> {
  try {
    const child = await namespaces.spawn(line, { shell: true, stdio: ['ignore', 'inherit', 'inherit'] });
    say(`created child ${child.pid}`);
    const { code, signal } = await child.exited;
    say(`PID ${child.pid} terminated, ${signal ?? `exit code ${code ?? '?'}`}`);
  } catch (error) {
    fail(error);
  }
}

main().catch(fail);
