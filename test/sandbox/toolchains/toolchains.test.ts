/** The toolchains of a shell are those of a sandbox, whichever manager has them, and nothing else of the home is. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs';
import { Sandbox, type SandboxSpec, hostUserland } from '../../../lib';
import { Home } from './home';
import { LAYOUTS, environmentOf, question } from './layouts';

let home: Home;

beforeEach(() => (home = new Home()));

afterEach(() => {
  jest.restoreAllMocks();
  home.remove();
});

/** The spec that a program makes which is started from a shell. */
function specFrom(env: NodeJS.ProcessEnv, options: Parameters<typeof hostUserland>[0] = {}): SandboxSpec {
  jest.replaceProperty(process, 'env', env);
  try {
    return hostUserland({ toolchains: true, ...options });
  } finally {
    jest.restoreAllMocks();
  }
}

async function answer(spec: SandboxSpec, script: string): Promise<string> {
  await using sandbox = await Sandbox.create(spec);
  const { stdout, stderr } = await sandbox.exec(script);
  return stdout + stderr;
}

test.each(Object.keys(LAYOUTS))('%s: inside is what the shell has', async (name) => {
  const shell = LAYOUTS[name]!(home);
  const env = environmentOf(home, shell);
  const script = question(shell.programs);
  const outside = execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' });
  expect(outside.split('\n')).toHaveLength(2 * shell.programs.length + 1);
  expect(await answer(specFrom(env), script)).toBe(outside);
});

describe('a directory of PATH', () => {
  /** PATH inside, without the directories of the system, as paths below the home directory. */
  function pathInside(path: string, options: Parameters<typeof hostUserland>[0] = {}): string[] {
    const { env } = specFrom({ HOME: home.path, PATH: `${path}:/usr/bin` }, options);
    return (env?.PATH ?? '').split(':').map((each) => each.replace(`${home.path}/`, '~/'));
  }

  test('stays in its place, once', () => {
    for (const name of ['a', 'b']) home.program(`${name}/x`, '');
    expect(pathInside(`${home.at('b')}:${home.at('a')}/:${home.at('b')}`)).toEqual(['~/b', '~/a', '/usr/bin']);
  });

  test.each<[what: string, path: (home: Home) => string]>([
    ['that is the home directory', ({ path }) => path],
    ['that is above it', () => '/tmp:/:/home:/root'],
    ['that is a link to the home directory', ({ path }) => home.link('h', path)],
    ['that is relative', () => '.:node_modules/.bin:'],
    ['that does not exist', () => home.at('missing')],
    ['that is a file', () => home.program('file', '')],
    ['that is a link to nothing, or to itself', () => `${home.link('l', 'nothing')}:${home.link('m', 'm')}`],
    ['that is above keys', () => home.directory('.local/share')],
    ['of keys', () => home.directory('.ssh')],
    ['below keys', () => home.directory('.ssh/bin')],
    ['that leads to keys', () => [home.directory('.aws'), home.link('bin', '.aws')][1]!],
    [
      'that leads to keys by way of what is above them',
      () => [home.directory('.gnupg'), home.link('up', '.')][1]! + '/.gnupg',
    ],
    ['of the kernel, or of settings', () => '/proc/self:/sys:/dev:/etc'],
  ])('%s is left out', (_, path) => {
    const before = path(home);
    expect(pathInside(before)).toEqual(['/usr/bin']);
    const { mounts } = specFrom({ HOME: home.path, PATH: before });
    expect(mounts!.filter(({ target }) => target.startsWith(home.path))).toEqual([]);
  });

  test('that everybody can write is left out, as somebody else may have put programs there', () => {
    chmodSync(home.directory('shared'), 0o1777);
    expect(pathInside(home.at('shared'))).toEqual(['/usr/bin']);
  });

  test('with very many links is there, and some of what they lead to', () => {
    home.directory('many');
    for (let n = 0; n < 600; n++) home.link(`many/${n}`, home.program(`apps/${n}`, ''));
    const { mounts, env } = specFrom({ HOME: home.path, PATH: home.at('many') });
    expect(env?.PATH).toBe(home.at('many'));
    expect(mounts!.filter(({ target }) => target.startsWith(home.path))).toHaveLength(500);
  });

  test('in the project stays first, and programs of the project are found there', async () => {
    home.program('project/node_modules/.bin/node', 'echo of the project');
    const env = { HOME: home.path, PATH: `${home.at('project/node_modules/.bin')}:/usr/bin:/bin` };
    const spec = specFrom(env, { writable: home.at('project') });
    expect(await answer(spec, 'node')).toBe('of the project\n');
  });

  test('beside other directories does not bring these: only what an installation has', () => {
    for (const name of ['bin/x', 'lib/y', 'src/z', '.env', 'etc/npmrc']) home.program(`work/tool/${name}`, '');
    const { mounts } = specFrom({ HOME: home.path, PATH: home.at('work/tool/bin') });
    const targets = mounts!.map(({ target }) => target).filter((target) => target.startsWith(home.path));
    expect(targets).toEqual([home.at('work/tool/bin'), home.at('work/tool/lib')]);
  });
});

test('an empty PATH leaves the usual one', () => {
  expect(specFrom({ HOME: home.path, PATH: '' }).env).not.toHaveProperty('PATH');
  expect(specFrom({ HOME: home.path }).env).not.toHaveProperty('PATH');
});

test('a variable goes along if what it names is inside, and no other variable does', () => {
  home.program('node/bin/node', '');
  const PATH = home.at('node/bin');
  const env = { HOME: home.path, PATH, NVM_BIN: PATH, VIRTUAL_ENV: home.directory('away'), TOKEN: 'x', GOROOT: '../x' };
  expect(specFrom(env).env).toEqual({ HOME: '/home/user', PATH, NVM_BIN: PATH });
});

test('a home directory that a variable names is not shown for it', () => {
  for (const name of ['PYENV_ROOT', 'JAVA_HOME', 'VOLTA_HOME', 'RUSTUP_HOME', 'MISE_DATA_DIR']) {
    const env = { HOME: home.path, PATH: home.directory('bin'), [name]: home.path };
    const { mounts } = specFrom(env);
    expect(mounts!.filter(({ target }) => target.startsWith(home.path))).toMatchObject([{ target: home.at('bin') }]);
  }
});

test('a virtual environment of the project runs the Python of pyenv that it links to', async () => {
  const shell = LAYOUTS.pyenv!(home);
  home.link('project/.venv/bin/python', home.at('.pyenv/versions/3.12.1/bin/python3'));
  const spec = specFrom(environmentOf(home, shell), { writable: home.at('project') });
  expect(await answer(spec, '.venv/bin/python')).toMatch(/^Python of /);
});

test('a virtual environment of the project runs the Python of uv, which is not in PATH', async () => {
  home.program('.local/share/uv/python/cpython-3.12/bin/python3.12', 'echo Python of uv');
  const to = home.at('.local/share/uv/python/cpython-3.12/bin/python3.12');
  home.link('project/.venv/bin/python', to);
  const spec = specFrom({ HOME: home.path, PATH: '/usr/bin' }, { writable: home.at('project') });
  expect(await answer(spec, '.venv/bin/python')).toBe('Python of uv\n');
});

describe('a program inside', () => {
  test('changes nothing of the toolchains', async () => {
    const shell = LAYOUTS.nvm!(home);
    const node = home.at('.nvm/versions/node/v24.1.0/bin/node');
    const spec = specFrom(environmentOf(home, shell));
    const attempt = `echo x > ${node} || ln -sf /bin/true ${node} || rm ${node} || mv ${node}/.. /tmp/x; chmod 0777 ${node}`;
    expect(await answer(spec, `(${attempt}) 2>/dev/null; node`)).toBe(`node of ${node}\n`);
    expect(execFileSync(node, { encoding: 'utf8' })).toBe(`node of ${node}\n`);
  });

  test('shows itself nothing by what it leaves in a directory of PATH that it can write', async () => {
    home.program('private/secret', 'echo secret');
    home.file('.ssh/id_ed25519', 'secret');
    const bin = home.directory('project/bin');
    const env = { HOME: home.path, PATH: `${bin}:${home.at('project/tools')}:/usr/bin:/bin` };
    const options = { writable: home.at('project') };
    await answer(
      specFrom(env, options),
      `ln -s ${home.at('private/secret')} bin/secret; ln -s ${home.at('.ssh/id_ed25519')} bin/key; ln -s ${home.at('private')} tools`,
    );
    expect(existsSync(home.at('project/tools/secret'))).toBe(true);
    const seen = await answer(specFrom(env, options), `cat bin/secret bin/key tools/secret; ls ${home.path}`);
    expect(seen).not.toMatch(/^secret/m);
    expect(seen).toMatch(/^project\n/);
  });

  test('nor in this process’s directory, where another sandbox has it as its project', () => {
    home.program('private/secret', 'echo secret');
    home.link('project/bin', home.at('private'));
    jest.spyOn(process, 'cwd').mockReturnValue(home.at('project'));
    const env = { HOME: home.path, PATH: `${home.at('project/bin')}:/usr/bin` };
    expect(JSON.stringify(specFrom(env).mounts)).not.toContain('private');
  });

  test('nor by a link of somebody else that leads through what it can write', () => {
    home.program('private/secret', 'echo secret');
    home.link('project/bin', home.at('private'));
    home.link('bin', 'project/bin');
    home.link('tools/run', '../project/bin/secret');
    const env = { HOME: home.path, PATH: `${home.at('bin')}:${home.at('tools')}:/usr/bin` };
    const { mounts, env: inside } = specFrom(env, { writable: home.at('project') });
    expect(JSON.stringify(mounts)).not.toContain('private');
    expect(inside?.PATH).toBe(env.PATH);
  });
});

test('fork() runs this process’s Node, which need not be in /usr', async () => {
  const node = home.at('.nvm/versions/node/v1/bin/node');
  mkdirSync(home.at('.nvm/versions/node/v1/bin'), { recursive: true });
  copyFileSync(process.execPath, node);
  const module = home.file('project/module.js', 'process.send(process.execPath)');
  jest.replaceProperty(process, 'execPath', node);
  for (const toolchains of [false, true]) {
    await using sandbox = await Sandbox.create(hostUserland({ readable: home.at('project'), toolchains }));
    const child = await sandbox.fork(module, [], { silent: true });
    const [said] = (await once(child, 'message')) as [string];
    expect(said).toBe(node);
    await child.exited;
  }
});
