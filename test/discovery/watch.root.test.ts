import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmdirSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceSet, unshare, watch } from '../../lib';
import { eventually } from '../fixtures/footprint';

let directory: string;
let set: NamespaceSet;

/** A namespace on a file that is covered: it is seen, and cannot be asked for its id. */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ns-watch-'));
  writeFileSync(join(directory, 'uts'), '');
  set = await unshare(['uts']);
  const { fd } = set.uts!;
  execFileSync('mount', ['--bind', '/proc/self/fd/3', join(directory, 'uts')], { stdio: ['ignore', 1, 2, fd] });
  execFileSync('mount', ['-t', 'tmpfs', 'none', directory]);
});

afterEach(async () => {
  execFileSync('umount', [directory]);
  execFileSync('umount', [join(directory, 'uts')]);
  unlinkSync(join(directory, 'uts'));
  rmdirSync(directory);
  await set.close();
});

test('a namespace whose id is learnt later has neither gone nor appeared', async () => {
  const controller = new AbortController();
  const told: string[] = [];
  let scans = 0;
  const watching = (async () => {
    for await (const { type, namespace } of watch({ kinds: ['uts'], interval: 10, signal: controller.signal })) {
      if (String(namespace) === String(set.uts)) told.push(type);
      scans++;
    }
  })().catch(() => undefined);
  /** Others that come and go tell that a scan has been made. */
  const look = async (): Promise<void> => {
    const seen = scans;
    await eventually(async () => {
      const other = await unshare(['uts']);
      const child = await other.spawn('sleep', ['0.2'], { stdio: 'ignore' });
      await child.exited;
      await other.close();
      return scans >= seen + 2;
    });
  };
  await look();
  const child = await set.spawn('sleep', ['600'], { stdio: 'ignore' });
  await look();
  await child.close();
  await look();
  controller.abort();
  await watching;
  expect(told).toEqual([]);
});
