/**
 * orphan.c of "Namespaces in operation, part 4: more on PID namespaces" (LWN, January 2013).
 *
 * A process whose parent has ended is adopted by the init of its pid namespace: its parent is process 1 from then on.
 *
 *     npx tsx examples/orphan.ts
 *
 * In C the program is run under simple_init. Here it makes its own pid namespace, whose init is the library's: see
 * simple_init.ts. Node cannot fork(2): the parent and its child are a shell and a subshell.
 */
import { unshare } from 'linux-ns';
import { fail } from './command-line';

/** In a subshell `$$` is still the parent's pid; /proc/self is whoever opens it. */
const PROGRAM = `
child() {
  while read -r pid name state parent rest < /proc/self/stat && [ "$parent" = $$ ]; do sleep 0.01; done
  echo "Child  (PID=$pid) now an orphan (parent PID=$parent)"
  echo "Child  (PID=$pid) terminating"
}
child &
echo "Parent (PID=$$) created child with PID $!"
echo "Parent (PID=$$; PPID=$PPID) terminating"
`;

async function main(): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  await using namespaces = await unshare({ user: isRoot ? undefined : true, pid: true, mnt: true });
  await namespaces.mount({ type: 'proc', target: '/proc' });

  // Resolves when the output is at its end: the orphan has it, too.
  const { stdout } = await namespaces.exec(PROGRAM);
  process.stdout.write(stdout);
}

main().catch(fail);
