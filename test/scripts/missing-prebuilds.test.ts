/** Who packs a tarball without binaries is told. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFile } from '../../lib';
import { ROOT } from '../fixtures/child-node';

test('the binaries that a tarball will lack are named, and what is there is not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'linux-ns-pack-'));
  try {
    cpSync(join(ROOT, 'scripts', 'missing-prebuilds.js'), join(folder, 'scripts', 'missing-prebuilds.js'));
    const said = async (): Promise<string> =>
      (await execFile(process.execPath, [join(folder, 'scripts', 'missing-prebuilds.js')])).stderr;
    const binary = (arch: string): string => join('prebuilds', `linux-${arch}`, 'linux-ns.node');
    expect(await said()).toContain(`${binary('x64')} and ${binary('arm64')}`);
    for (const arch of ['x64', 'arm64']) {
      mkdirSync(join(folder, 'prebuilds', `linux-${arch}`), { recursive: true });
      writeFileSync(join(folder, binary(arch)), '');
    }
    expect(await said()).toBe('');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
