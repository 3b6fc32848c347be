/**
 * `unshare -U csh` of "Exploring Namespaces in Linux" (April 2021).
 *
 * A shell in a new user namespace without maps is user 65534 to itself, and still its starter's user to the others. A
 * shell started in that shell is in the same namespace. From outside both are seen, and the namespace is a child of
 * ours; from inside ours cannot be seen.
 *
 *     npx tsx examples/unshare_user_shell.ts
 */
import { statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Namespace, type NamespaceProcess, spawn } from 'linux-ns';
import { fail } from './command-line';

/** Each shell says what it is, and the inner one waits until its input ends. */
const SHELL = `
echo "$(id -u) $(readlink /proc/$$/ns/user)"
sh -c 'echo "$(id -u) $(readlink /proc/$$/ns/user)"; read -r line'
true`;

async function main(): Promise<void> {
  await using ours = await Namespace.of('self', 'user');
  await using shell = await spawn('sh', ['-c', SHELL], {
    unshare: { user: { uidMap: [], gidMap: [] } },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [outer, inner] = await firstLines(shell, 2);
  await using theirs = await Namespace.of(shell.pid, 'user');
  const parent = await theirs.parent();

  console.log(`this process:  ${process.geteuid?.() ?? '?'} ${String(ours)}`);
  console.log(`shell:         ${outer ?? ''}`);
  console.log(`nested shell:  ${inner ?? ''}`);
  console.log(`seen from outside the shell's user is ${statSync(`/proc/${shell.pid}`).uid}`);
  console.log(`processes in ${String(theirs)}: ${(await theirs.processes()).length}`);
  console.log(
    `its parent is ours: ${parent?.equals(ours) === true ? 'yes' : 'no'}, its owner: ${await theirs.owner()}`,
  );
  await parent?.close();
  shell.stdin!.end();
  await shell.exited;
}

async function firstLines({ stdout }: NamespaceProcess, count: number): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: stdout! })) {
    lines.push(line);
    if (lines.length === count) break;
  }
  return lines;
}

main().catch(fail);
