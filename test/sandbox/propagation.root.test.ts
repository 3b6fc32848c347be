/** Mounts that are made on the host later, below a directory that a sandbox has. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sandbox, type SandboxSpec, mount, umount } from '../../lib';
import { inSandbox, said, userland, withFolder } from './box';

/** A directory of the host whose mounts are shared, as systemd makes them, with the directory `late` to mount on. */
async function withShared(use: (shared: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await mount({ type: 'tmpfs', target: folder, propagation: 'shared' });
    try {
      mkdirSync(join(folder, 'late'));
      await use(folder);
    } finally {
      await umount(folder, { detach: true });
    }
  });
}

/** What a sandbox has of a file that is mounted on the host while it exists. */
async function seenOf(spec: SandboxSpec, shared: string, look: (sandbox: Sandbox) => Promise<void>): Promise<void> {
  await inSandbox(spec, async (sandbox) => {
    const late = join(shared, 'late');
    await mount({ type: 'tmpfs', target: late });
    try {
      writeFileSync(join(late, 'file'), 'from the host');
      await look(sandbox);
    } finally {
      await umount(late);
    }
  });
}

describe("with the propagation 'slave'", () => {
  test('they appear inside, and go when they are unmounted', async () => {
    await withShared(async (shared) => {
      const mounts: SandboxSpec['mounts'] = [{ type: 'bind', source: shared, target: '/shared' }];
      await inSandbox(userland({ mounts, propagation: 'slave' }), async (sandbox) => {
        const late = join(shared, 'late');
        await mount({ type: 'tmpfs', target: late });
        writeFileSync(join(late, 'file'), 'from the host');
        expect(await said(sandbox, 'cat /shared/late/file')).toBe('from the host');
        await umount(late);
        expect(await said(sandbox, 'ls /shared/late')).toBe('');
      });
    });
  });

  test('they have the attributes of the host, and do not uncover what is masked', async () => {
    await withShared(async (shared) => {
      const mounts: SandboxSpec['mounts'] = [{ type: 'bindReadOnly', source: shared, target: '/shared' }];
      await seenOf(userland({ mounts, propagation: 'slave' }), shared, async (sandbox) => {
        expect(await said(sandbox, 'touch /shared/new; touch /shared/late/new && echo written')).toMatch(
          /Read-only file system\nwritten$/,
        );
      });
      const masked: SandboxSpec['mounts'] = [...mounts, { type: 'mask', target: '/shared/late' }];
      await seenOf(userland({ mounts: masked, propagation: 'slave' }), shared, async (sandbox) => {
        expect(await said(sandbox, 'ls -A /shared/late')).toBe('');
      });
    });
  });
});

test('they do not appear inside by default', async () => {
  await withShared(async (shared) => {
    const mounts: SandboxSpec['mounts'] = [{ type: 'bind', source: shared, target: '/shared' }];
    await seenOf(userland({ mounts }), shared, async (sandbox) => {
      expect(await said(sandbox, 'ls /shared/late')).toBe('');
    });
  });
});
