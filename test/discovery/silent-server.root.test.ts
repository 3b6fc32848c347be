import { access } from 'node:fs/promises';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn } from '../../lib';
import { discover } from '../../lib/discovery';
import { firstLine, mountedFor } from './fixtures/programs';

test('a file server in a sandbox that does not answer keeps no look waiting', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'linux-ns-silent-'));
  const script = join(__dirname, 'fixtures', 'silent-server.py');
  const arguments_ = [script, join(directory, 'silent')];
  const server = await spawn('python3', arguments_, { unshare: ['mnt'], stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const pid = Number(await firstLine(server));
    const map = await discover();
    const [found] = mountedFor(map, 'uts', server);
    expect(found!.mounts).toMatchObject([{ mountPoint: '/mnt/uts', process: { pid: server.pid }, path: undefined }]);
    // Whoever asks for the path does wait.
    const asking = access(`/proc/${pid}/root/mnt/uts`).then(
      () => 'told',
      () => 'refused',
    );
    expect(await Promise.race([asking, new Promise((resolve) => setTimeout(resolve, 100, 'waiting'))])).toBe('waiting');
    await server[Symbol.asyncDispose]();
    await asking;
  } finally {
    await server[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  }
});
