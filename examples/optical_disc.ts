/**
 * Master and slave, as in "Namespaces in operation, part 1" (LWN, 2013): an optical disc that is mounted in one namespace
 * appears in the others by itself.
 *
 *     npx tsx examples/optical_disc.ts
 *
 * The system has a mount namespace, and each desk has one that is its slave. What the system mounts appears on the
 * desks, and goes when it is unmounted. What a desk mounts, the system and the other desk don't see. The disc is a
 * read-only tmpfs: that takes neither a drive nor root.
 */
import { tmpdir } from 'node:os';
import { type NamespaceSet, unshare } from 'linux-ns';
import { fail } from './command-line';

const MEDIA = tmpdir();
const DISC = `${MEDIA}/disc`;
const STICK = `${MEDIA}/stick`;

async function main(): Promise<void> {
  await using system = await unshare({ user: true, mnt: { propagation: 'private' } });
  await system.mount({ type: 'tmpfs', target: MEDIA });
  await system.execFile('mkdir', [DISC, STICK]);
  await system.setPropagation(MEDIA, 'shared');

  await using left = await desk(system);
  await using right = await desk(system);
  const all = { system, left, right };
  await show('an empty drive', all);

  await system.mount({ type: 'tmpfs', source: 'disc', target: DISC });
  await system.writeFile(`${DISC}/README`, 'a disc\n', { create: true });
  await system.mount({ remount: true, target: DISC, readOnly: true });
  await show('disc inserted', all);
  console.log(`on the left desk: ${(await left.readFile(`${DISC}/README`, 'utf8')).trim()}`);

  await left.mount({ type: 'tmpfs', source: 'stick', target: STICK });
  await show("left's own stick", all);

  await system.umount(DISC);
  await show('disc ejected', all);
}

/** A mount namespace that receives what is mounted in the system's, and sends nothing. */
async function desk(system: NamespaceSet): Promise<NamespaceSet> {
  await using shell = await system.spawn('sleep', ['1000'], {
    unshare: { mnt: { propagation: 'slave' } },
    stdio: 'ignore',
  });
  return await shell.namespaces();
}

async function show(what: string, sets: Record<string, NamespaceSet>): Promise<void> {
  const columns = Object.entries(sets).map(async ([name, set]) => {
    const sources = (await set.mountinfo()).filter(({ target }) => target.startsWith(`${MEDIA}/`));
    return `${name}: ${sources.map(({ source }) => source).join(' ') || '-'}`;
  });
  console.log(`${what.padEnd(18)} ${(await Promise.all(columns)).join('  ')}`);
}

main().catch(fail);
