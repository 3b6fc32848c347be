/** The settings of sandbox-runtime, read by `linux-ns run --settings`: none of them gives a program more than it does there. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxRuntimeConfig } from '@anthropic-ai/sandbox-runtime';
import { UsageError } from '../../../cli/command';
import {
  type FromSandboxRuntime,
  fromSandboxRuntime,
  isForSandboxRuntime,
} from '../../../cli/settings/sandbox-runtime';

/** The least that sandbox-runtime takes. */
const LEAST: SandboxRuntimeConfig = {
  network: { allowedDomains: [], deniedDomains: [] },
  filesystem: { denyRead: [], allowWrite: [], denyWrite: [] },
};

interface More extends Omit<Partial<SandboxRuntimeConfig>, 'network' | 'filesystem'> {
  network?: Partial<SandboxRuntimeConfig['network']>;
  filesystem?: Partial<SandboxRuntimeConfig['filesystem']>;
}

function read({ network, filesystem, ...others }: More): FromSandboxRuntime {
  const settings = {
    network: { ...LEAST.network, ...network },
    filesystem: { ...LEAST.filesystem, ...filesystem },
    ...others,
  };
  return fromSandboxRuntime('settings.json', settings);
}

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'ns-settings-'))));
afterEach(() => rmSync(folder, { recursive: true }));

test('the least: nothing is writable, nothing is reached, and no socket has a path', () => {
  expect(read({})).toEqual({
    write: [],
    protect: [],
    hide: [],
    readOnly: [],
    policy: { allow: [], deny: [] },
    unixSockets: false,
    userNamespaces: false,
    env: {},
    withheld: [],
    differences: [],
  });
});

test('the complete example of its documentation', () => {
  const converted = read({
    network: {
      allowedDomains: ['github.com', '*.github.com'],
      deniedDomains: ['malicious.com'],
      allowUnixSockets: ['/var/run/docker.sock'],
      allowLocalBinding: false,
    },
    filesystem: {
      denyRead: ['~/.ssh'],
      allowRead: [],
      allowWrite: ['.', 'src/', 'test/', '/tmp'],
      denyWrite: ['.env', 'config/production.json'],
    },
    ignoreViolations: { '*': ['/usr/bin', '/System'], 'git push': ['/usr/bin/nc'] },
    enableWeakerNestedSandbox: false,
  });
  expect(converted).toMatchObject({
    write: ['.', 'src/', 'test/', '/tmp'],
    hide: ['~/.ssh'],
    policy: { allow: ['github.com', '*.github.com'], deny: ['malicious.com'] },
    differences: [],
  });
  expect(converted.protect.slice(0, 2)).toEqual(['.env', 'config/production.json']);
});

describe('files', () => {
  test('what is denied to be written is not written, although a longer path allows it, also by a link', () => {
    mkdirSync(join(folder, 'denied/below'), { recursive: true });
    mkdirSync(join(folder, 'other'));
    symlinkSync('denied/below', join(folder, 'link'));
    const allowWrite = ['denied', 'denied/below', 'denied/new', 'link', 'link/new', 'other', 'absent'].map((name) =>
      join(folder, name),
    );
    const { write } = read({ filesystem: { allowWrite, denyWrite: [join(folder, 'denied')] } });
    expect(write).toEqual([join(folder, 'other')]);
  });

  test('what is denied where nothing can be written needs no protection', () => {
    const { protect } = read({ filesystem: { allowWrite: [folder], denyWrite: ['/usr', join(folder, 'x')] } });
    expect(protect[0]).toBe(join(folder, 'x'));
    expect(protect).not.toContain('/usr');
  });

  test('what is always protected there is protected at the top of each writable directory', () => {
    const { protect } = read({ filesystem: { allowWrite: [folder] } });
    expect(protect).toEqual(
      expect.arrayContaining(['.git/hooks/', '.git/config', '.bashrc', '.vscode/'].map((name) => join(folder, name))),
    );
  });

  test('what can be written stays so if it is also allowed to be read, unless what is denied is between', () => {
    for (const name of ['project/hidden/shown', 'other']) mkdirSync(join(folder, name), { recursive: true });
    const [project = '', hidden = '', shown = '', other = ''] = [
      ...['project', 'project/hidden', 'project/hidden/shown', 'other'].map((name) => join(folder, name)),
    ];
    const allowRead = [project, shown, other, join(folder, 'absent')];
    const { readOnly } = read({ filesystem: { allowWrite: [project], denyRead: [folder, hidden], allowRead } });
    expect(readOnly).toEqual([shown, other]);
  });

  test('of what is denied and allowed to be read by the same name, it can be read', () => {
    expect(read({ filesystem: { denyRead: [folder, '/x'], allowRead: [folder] } })).toMatchObject({
      hide: ['/x'],
      readOnly: [folder],
    });
  });

  test('a pattern allows nothing to be written, and denies', () => {
    const { write, protect, hide } = read({
      filesystem: { allowWrite: ['src/*.ts', 'src/**'], denyWrite: ['**/.env'], denyRead: ['**/*.key', 'build/**'] },
    });
    expect(write).toEqual(['src']);
    expect(protect).toContain('**/.env');
    expect(hide).toEqual(['**/*.key', 'build']);
  });

  test('a path with `literal` is no pattern; a text that is also the name of a file is both', () => {
    const name = join(folder, '[WIP] *');
    writeFileSync(name, '');
    const escaped = join(folder, '\\[WIP] \\*');
    expect(read({ filesystem: { denyRead: [{ path: '*.key', literal: true }] } }).hide).toEqual(['\\*.key']);
    expect(read({ filesystem: { denyRead: [name] } }).hide).toEqual([name, escaped]);
    expect(read({ filesystem: { allowWrite: [name] } }).write).toEqual([escaped]);
  });

  test('credentials are hidden, and their variables withheld, whatever the mode', () => {
    const converted = read({
      credentials: {
        files: [{ path: '~/.token', mode: 'mask', extract: '(.*)' }],
        envVars: [{ name: 'TOKEN', mode: 'deny' }],
      },
    });
    expect(converted).toMatchObject({ hide: ['~/.token'], withheld: ['TOKEN'] });
    expect(converted.differences).toEqual([
      'credentials.files: hide, for each mode: nothing stands in for a file',
      'credentials.envVars: a variable that programs do not have, for each mode: nothing stands in for it',
    ]);
  });
});

describe('the network', () => {
  test('addresses that names may not lead to are denied', () => {
    const { policy } = read({ network: { deniedDomains: ['a.example'], deniedResolvedAddresses: ['10.0.0.0/8'] } });
    expect(policy).toEqual({ allow: [], deny: ['a.example', '10.0.0.0/8'] });
  });

  test.each<[SandboxRuntimeConfig['network'], string]>([
    [{ ...LEAST.network, httpProxyPort: 8080 }, 'http://127.0.0.1:8080'],
    [{ ...LEAST.network, socksProxyPort: 1080 }, 'socks5://127.0.0.1:1080'],
    [{ ...LEAST.network, parentProxy: { https: 'http://proxy:3128' } }, 'http://proxy:3128'],
  ])('%j: by a proxy, which is told', (network, via) => {
    const { policy, differences } = read({ network });
    expect(policy.via).toBe(via);
    expect(differences).toHaveLength(1);
  });

  test('sockets with a path, and user namespaces, if they are allowed', () => {
    const converted = read({ network: { allowAllUnixSockets: true }, allowNestedUserNamespaces: true });
    expect(converted).toMatchObject({ unixSockets: true, userNamespaces: true });
  });
});

test('directories that git trusts', () => {
  expect(read({ git: { safeDirectories: ['/a', '/b'] } }).env).toEqual({
    GIT_CONFIG_COUNT: '2',
    GIT_CONFIG_KEY_0: 'safe.directory',
    GIT_CONFIG_VALUE_0: '/a',
    GIT_CONFIG_KEY_1: 'safe.directory',
    GIT_CONFIG_VALUE_1: '/b',
  });
});

describe('a file is refused', () => {
  test.each<[string, unknown]>([
    ['sandbox-runtime has no', { ...LEAST, filesystem: { ...LEAST.filesystem, denyReads: ['/'] } }],
    ["did you mean 'filesystem.denyRead'", { filesystem: { denyReed: [] } }],
    ['filesystem.denyRead cannot have "/"', { filesystem: { denyRead: '/' } }],
    ['filesystem.denyRead cannot have 1', { filesystem: { denyRead: [1] } }],
    ['filesystem.disabled: nothing', { filesystem: { disabled: true } }],
    ['network.stripResponseHeaders: nothing', { network: { stripResponseHeaders: ['set-cookie'] } }],
    ['settings.json must have an object', []],
  ])('%s', (message, settings) => {
    expect(() => fromSandboxRuntime('settings.json', settings)).toThrow(UsageError);
    expect(() => fromSandboxRuntime('settings.json', settings)).toThrow(message);
  });
});

test('a file is known as one of sandbox-runtime by what nobody else has', () => {
  expect(isForSandboxRuntime(LEAST)).toBe(true);
  expect(isForSandboxRuntime({ filesystem: { allowWrite: ['.'] } })).toBe(true);
  expect([{}, null, [], { write: ['.'] }, { network: { allow: [] } }].some(isForSandboxRuntime)).toBe(false);
});
