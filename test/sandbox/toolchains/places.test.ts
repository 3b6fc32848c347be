/** Toolchains at places that belong to the whole system: tried on a host of its own, which is a sandbox. */
import { symlinkSync } from 'node:fs';
import { type MountEntry, Sandbox, hostUserland } from '../../../lib';
import { CompiledPackage, ROOT, outcomeOf } from '../../fixtures/child-node';
import { Home } from './home';

let compiled: CompiledPackage;
let files: Home;

beforeAll(() => {
  compiled = new CompiledPackage();
  files = new Home();
});

afterAll(() => {
  compiled.remove();
  files.remove();
});

function program(target: string, script: string): MountEntry {
  return { type: 'file', target, data: `#!/bin/sh\n${script}\n`, mode: 0o755 };
}

function link(target: string, to: string): MountEntry {
  return { type: 'symlink', target, to };
}

/** The output of a script in a sandbox with toolchains, on a host that has these files and this PATH. */
async function inside(entries: readonly MountEntry[], path: string, script: string): Promise<unknown> {
  const userland = hostUserland({ readable: [compiled.directory, ROOT, files.path] });
  await using host = await Sandbox.create({
    ...userland,
    mounts: [...userland.mounts, ...entries],
    env: { ...userland.env, PATH: `${path}:/usr/bin:/bin` },
    user: { uid: 1000, gid: 1000 },
    userNamespaces: true,
  });
  const body = `
    const sandbox = await linux.Sandbox.create({ ...linux.hostUserland({ toolchains: true }), proc: false });
    const { stdout, stderr } = await sandbox.exec(${JSON.stringify(script)});
    await sandbox.close();
    return stdout + stderr;`;
  const [file, args] = compiled.command(body);
  const { value, error } = outcomeOf((await host.execFile(file, args)).stdout);
  expect(error).toBeUndefined();
  return value;
}

test('a directory of /opt is there as a whole, and the others there are not', async () => {
  const entries = [
    program('/opt/tool-1/bin/tool', 'cat /opt/tool-1/conf/words'),
    { type: 'file', target: '/opt/tool-1/conf/words', data: 'words\n' } as const,
    { type: 'file', target: '/opt/service/password', data: 'secret' } as const,
  ];
  expect(await inside(entries, '/opt/tool-1/bin', 'command -v tool; tool; ls /opt')).toBe(
    '/opt/tool-1/bin/tool\nwords\ntool-1\n',
  );
});

test('a program of /usr/bin is there that is a link to elsewhere, as of a JDK in /opt', async () => {
  const bin = files.directory('bin');
  symlinkSync('/opt/jdk-21/bin/java', files.at('bin/java'));
  const entries = [
    program('/opt/jdk-21/bin/java', 'echo java 21'),
    { type: 'overlay', lower: [bin, '/usr/bin'], target: '/usr/bin' } as const,
  ];
  expect(await inside(entries, '/usr/local/bin', 'java')).toBe('java 21\n');
});

test('Nix: a profile is a link to the store', async () => {
  const entries = [
    program('/nix/store/aaa-node/bin/node', 'cat /nix/store/bbb-icu/version'),
    { type: 'file', target: '/nix/store/bbb-icu/version', data: 'node 24\n' } as const,
    link('/nix/store/ccc-profile/bin/node', '/nix/store/aaa-node/bin/node'),
    link('/nix/var/nix/profiles/default-1-link', '/nix/store/ccc-profile'),
    link('/nix/var/nix/profiles/default', 'default-1-link'),
    { type: 'file', target: '/nix/var/nix/db/db.sqlite', data: 'secret' } as const,
    link('/home/user/.nix-profile', '/nix/var/nix/profiles/default'),
  ];
  const script = 'command -v node; node; ls /nix/var/nix';
  expect(await inside(entries, '/home/user/.nix-profile/bin', script)).toBe(
    '/home/user/.nix-profile/bin/node\nnode 24\nprofiles\n',
  );
});

test('Homebrew: all but its data', async () => {
  const prefix = '/home/linuxbrew/.linuxbrew';
  const entries = [
    program(`${prefix}/Cellar/python/3.12/bin/python3`, `cat ${prefix}/etc/words`),
    { type: 'file', target: `${prefix}/etc/words`, data: 'python of brew\n' } as const,
    { type: 'file', target: `${prefix}/var/postgres/data`, data: 'secret' } as const,
    link(`${prefix}/bin/python3`, '../Cellar/python/3.12/bin/python3'),
  ];
  expect(await inside(entries, `${prefix}/bin`, `python3; ls ${prefix}/var 2>&1 | grep -c cannot`)).toBe(
    'python of brew\n1\n',
  );
});

test('snap: its directory is left out, and the program of /usr is found', async () => {
  const entries = [link('/snap/bin/node', '/usr/bin/snap')];
  expect(await inside(entries, '/snap/bin', 'echo $PATH; ls -d /snap 2>&1 | grep -c cannot')).toBe(
    '/usr/bin:/bin\n1\n',
  );
});
