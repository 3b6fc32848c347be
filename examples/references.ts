/**
 * The three kinds of reference that keep a namespace alive, of Wikipedia's article on Linux namespaces (2017): a process in
 * it, an open file descriptor, a bind mount. When the last one goes, the namespace goes.
 *
 *     npx tsx examples/references.ts
 *
 * How one sees that a namespace is gone: here, by a limit. All UTS namespaces are made below a user namespace in which
 * there may be only one of them (/proc/sys/user/max_uts_namespaces): as long as there is, another is refused with ENOSPC.
 *
 * The bind mount takes root: an ordinary user may not mount on the host.
 */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Namespace, type NamespaceError, type NamespaceSet, execFile, spawn, unshare } from 'linux-ns';
import { fail } from './command-line';

async function main(): Promise<void> {
  await using outer = await unshare('user');
  await outer.writeFile('/proc/sys/user/max_uts_namespaces', '1');

  const process = await spawn('sleep', ['1000'], {
    setns: outer,
    unshare: { uts: { hostname: 'kept' } },
    stdio: 'ignore',
  });
  console.log(`a process:     ${await look(outer, await Namespace.of(process.pid, 'uts'))}`);

  const descriptor = await Namespace.of(process.pid, 'uts');
  await process.close();
  console.log(`a descriptor:  ${await look(outer, await descriptor.duplicate())}`);

  await bindMount(outer, descriptor);
  await descriptor.close();
  console.log(`nothing:       ${await isGone(outer)}`);
}

async function bindMount(outer: NamespaceSet, descriptor: Namespace): Promise<void> {
  if (process.geteuid?.() !== 0) {
    console.log('a bind mount:  takes root');
    return;
  }
  const directory = mkdtempSync(join(tmpdir(), 'references-'));
  const mounted = await descriptor.persist(join(directory, 'uts'));
  await descriptor.close();
  console.log(`a bind mount:  ${await look(outer, await Namespace.open(mounted.path))}`);
  await mounted.delete();
  rmdirSync(directory);
}

/** Asks for the hostname inside; then, without this handle, whether there is still one namespace. */
async function look(outer: NamespaceSet, uts: Namespace): Promise<string> {
  const { stdout } = await execFile('uname', ['-n'], { setns: [...outer, uts] });
  await uts.close();
  return `${String(uts)}, hostname ${stdout.trim()}, ${(await exists(outer)) ? 'there' : 'gone'}`;
}

async function exists(outer: NamespaceSet): Promise<boolean> {
  try {
    await execFile('true', { setns: outer, unshare: 'uts' });
    return false;
  } catch (error) {
    if ((error as NamespaceError).code === 'ENOSPC') return true;
    throw error;
  }
}

/** The kernel may take a moment to clear away. */
async function isGone(outer: NamespaceSet): Promise<string> {
  for (let attempt = 0; attempt < 500; attempt++) {
    if (!(await exists(outer))) return 'gone';
    await delay(10);
  }
  return 'there';
}

main().catch(fail);
