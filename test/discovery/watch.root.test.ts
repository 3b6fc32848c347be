import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type NamespaceSet, type PersistentNamespace, mount, umount, unshare } from '../../lib';
import { watch } from '../../lib/discovery';
import { eventually } from '../fixtures/footprint';

let directory: string;
let set: NamespaceSet;
let persistent: PersistentNamespace;

/** A namespace on a file that is covered: it is seen, and cannot be asked for its id. */
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'ns-watch-'));
  set = await unshare(['uts']);
  persistent = await set.uts!.persist(join(directory, 'uts'));
  await mount({ type: 'tmpfs', target: directory });
});

afterEach(async () => {
  await umount(directory);
  await persistent.delete();
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
