/** Programs that work on a copy of a project try to reach more than the project, by what they leave for diff() and apply(). */
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { onCopy } from '../sandbox/project/copy';

/** A directory beside the project that nobody may change, nor read through it. */
function victimIn(folder: string): string {
  const victim = join(folder, 'victim');
  mkdirSync(victim);
  writeFileSync(join(victim, 'key'), 'a secret\n');
  return victim;
}

const untouched = (victim: string): void => {
  expect(readdirSync(victim)).toEqual(['key']);
  expect(readFileSync(join(victim, 'key'), 'utf8')).toBe('a secret\n');
};

test('a link out of the project is written as a link, and what is written later does not go through it', async () => {
  await onCopy(async ({ folder, path, sandbox, change }) => {
    const victim = victimIn(folder);
    await change(`ln -s ${victim} out; ln -sf ${victim}/key link; rm -r old; ln -s ${victim} old`);
    expect(await sandbox.diff()).not.toContain('a secret');
    await sandbox.apply();
    expect(lstatSync(join(path, 'old')).isSymbolicLink()).toBe(true);
    await change('rm out link old; mkdir out old; echo evil > out/key; echo evil > link; echo evil > old/key');
    await sandbox.apply('.', { overwrite: true });
    expect(lstatSync(join(path, 'out')).isDirectory()).toBe(true);
    untouched(victim);
  });
});

test('a directory that becomes a link on the host is not followed', async () => {
  await onCopy(async ({ folder, path, sandbox, change }) => {
    const victim = victimIn(folder);
    await change('echo evil > src/key; echo evil > src/new; rm -r old');
    for (const name of ['src', 'old']) {
      renameSync(join(path, name), join(folder, `was-${name}`));
      symlinkSync(victim, join(path, name));
    }
    await expect(sandbox.apply()).rejects.toMatchObject({ code: 'ERR_LINUX_NS_CONFLICT' });
    await sandbox.apply('.', { overwrite: true }).catch(() => undefined);
    expect(await sandbox.diff().catch(() => '')).not.toContain('a secret');
    untouched(victim);
  });
});

test('names that are swapped for links all the time lead nowhere', async () => {
  await onCopy(async ({ folder, path, sandbox, change }) => {
    const victim = victimIn(folder);
    await change('mkdir swap; echo mine > swap/key');
    const child = await sandbox.spawn('sh', [
      '-c',
      `cd ${path}; i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); mv swap real; ln -s ${victim} swap; rm swap; mv real swap; done`,
    ]);
    for (let round = 0; round < 20; round++) {
      expect(await sandbox.diff().catch(() => '')).not.toContain('a secret');
      await sandbox.apply('.', { overwrite: true }).catch(() => undefined);
      await sandbox
        .snapshot()
        .then((snapshot) => snapshot.close())
        .catch(() => undefined);
    }
    child.kill('SIGKILL');
    await child.exited;
    untouched(victim);
  });
});

test('no set-user-ID bit arrives on the host', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('cp /bin/sh shell; chmod 6755 shell; chmod 4755 script; mkdir d; chmod 3777 d');
    await sandbox.apply();
    for (const name of ['shell', 'script', 'd']) expect(statSync(join(path, name)).mode & 0o7000).toBe(0);
  });
});

test.each([
  '.git/hooks/pre-commit',
  '.git/config',
  'vendor/lib/.git/hooks/post-checkout',
  '.git/modules/lib/config',
  '.GIT/config',
])('%s, with which git runs programs, is refused', async (name) => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change(`mkdir -p $(dirname ${name}); echo evil > ${name}; echo x > new`);
    await expect(sandbox.apply()).rejects.toMatchObject({
      code: 'ERR_LINUX_NS_REFUSED',
      paths: expect.arrayContaining([join(path, name)]) as string[],
    });
    await expect(sandbox.apply(name, { overwrite: true })).rejects.toMatchObject({ code: 'ERR_LINUX_NS_REFUSED' });
    expect(readdirSync(path)).not.toContain('new');
    await sandbox.discard(name.replace(/hooks\/.*/, 'hooks'));
    await sandbox.apply();
    expect(readdirSync(path)).toContain('new');
  });
});

test('large files take neither memory nor the event loop', async () => {
  await onCopy(async ({ path, sandbox, change }) => {
    await change('truncate -s 10G sparse; yes | head -c 30000000 > text');
    const before = process.memoryUsage().rss;
    expect((await sandbox.diff()).length).toBeLessThan(1000);
    await sandbox.apply();
    await sandbox.snapshot().then((snapshot) => snapshot.close());
    expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
    expect(statSync(join(path, 'sparse')).blocks).toBeLessThan(1000);
  });
});

test('lines that have nothing in common are compared within bounds', async () => {
  await onCopy(async ({ sandbox, change }) => {
    await change('seq 100000 > lines; tac lines > src/a');
    let turns = 0;
    const timer = setInterval(() => turns++, 5);
    expect((await sandbox.diff()).length).toBeGreaterThan(100_000);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
  });
});
