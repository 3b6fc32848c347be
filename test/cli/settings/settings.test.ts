/** The settings of `linux-ns run`: read with comments, held to the published schema, added up; profiles; --explain. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { runCommand } from '../../../cli/commands/run';
import { RUN_OPTIONS } from '../../../cli/run/options';
import { PROFILES, merged, profileOf, readSettings, withProfile } from '../../../cli/settings/settings';
import { CommandLine, refusalOf } from '../command-line';

let cli: CommandLine;
let folder: string;
beforeAll(() => {
  cli = new CommandLine();
  folder = mkdtempSync(join(tmpdir(), 'linux-ns-settings-'));
});
afterAll(() => {
  cli.remove();
  rmSync(folder, { recursive: true });
});

function fileOf(text: string): string {
  const file = join(folder, 'settings.json');
  writeFileSync(file, text);
  return file;
}

const read = (text: string): unknown => readSettings(fileOf(text)).settings;

describe('a file of settings', () => {
  test('may have comments, trailing commas and a byte order mark', () => {
    const text =
      '\ufeff// first\n{ "view": "programs", /* and\nmore */ "hide": ["~/a//b", "/*c*/",], "limits": {}, }\n';
    expect(read(text)).toEqual({ view: 'programs', hide: ['~/a//b', '/*c*/'], limits: {} });
  });

  test('may have many lines', () => {
    const hide = Array.from({ length: 100_000 }, (_, index) => `/${index}`);
    const started = performance.now();
    expect(read(JSON.stringify({ hide }, null, 1))).toEqual({ hide });
    expect(performance.now() - started).toBeLessThan(20_000); // it took minutes when each line was counted anew
  });

  test('adds to the profile that it names', () => {
    const text = '{ "profile": "judge", "limits": { "wall": "1m" }, "network": { "allow": ["a.example"] } }';
    expect(withProfile(readSettings(fileOf(text)).settings)).toEqual({
      ...profileOf('judge'),
      limits: { ...profileOf('judge').limits, wall: '1m' },
      network: { allow: ['a.example'] },
    });
  });

  test.each([
    ['{\n  "hid": []\n}', "2: there is no 'hid' (did you mean 'hide'?)"],
    ['{\n  "limits": {\n    "memroy": "1g"\n  }\n}', "3: there is no 'limits.memroy' (did you mean 'memory'?)"],
    ['{ "network": {\n "alow": [] } }', "2: there is no 'network.alow' (did you mean 'allow'?)"],
    ['{ "hide": "~/.ssh" }', '1: hide must be a list of strings'],
    ['{ "hide": [\n"a",\n5 ] }', '3: hide[1] must be a string'],
    ['{ "env": { "A": 5 } }', '1: env.A must be a string or null'],
    ['{ "view": "host" }', "1: view must be one of 'programs', 'all'"],
    ['{ "toolchains": "yes" }', '1: toolchains must be true or false'],
    ['[]', '1: the file must be an object'],
    ['{ "hide": [] "view": 1 }', "1: '\"' is where ',' or '}' is expected"],
    ['{ "hide": [],\n\n"hide": [] }', "3: 'hide' is there twice"],
    ['{ "hide": [', '1: the file ends where a value is expected'],
    ["{ 'hide': [] }", "1: ''' is where a name in quotation marks is expected"],
    ['{} {}', "1: '{' is where the end of the file is expected"],
    ['{ "hostname": "a\\x" }', '1: "a\\x" is no string of JSON'],
    ['['.repeat(200), '1: there are too many brackets in brackets'],
    ['{ "__proto__": {} }', "1: there is no '__proto__'"],
  ])('that has %j is refused with the line', async (text, message) => {
    const file = fileOf(text);
    const [line, ...more] = await refusalOf(runCommand, ['--settings', file, 'true']);
    expect([line?.startsWith(`linux-ns: run: ${file}:${message}`), more]).toEqual([true, []]);
  });

  test('that is not there is told of', async () => {
    expect(await refusalOf(runCommand, ['--settings', '/no/such', 'true'])).toEqual([
      'linux-ns: run: --settings: cannot read /no/such: ENOENT',
    ]);
    expect((await refusalOf(runCommand, ['--profile', 'none', 'true']))[0]).toContain('--profile must be one of');
  });

  test('is what the published schema describes, which names options that there are', () => {
    const schema = readFileSync(join(__dirname, '../../../settings/schema.json'), 'utf8');
    const named = [...schema.matchAll(/--([a-z-]+)/g)].map(([, name]) => name);
    const known = RUN_OPTIONS.map(({ name }) => name);
    expect(named.filter((name) => !known.includes(name ?? ''))).toEqual([]);
    expect(named.length).toBeGreaterThan(10);
  });
});

test('settings are added up: lists and objects grow, of other values the later counts', () => {
  const first = { hide: ['a'], limits: { wall: '1s', cpu: '1s' }, project: 'x', network: 'none' };
  const second = { hide: ['a', 'b'], limits: { wall: '2s' }, project: 'y', network: { allow: ['c'] } };
  expect(merged(first, second)).toEqual({
    hide: ['a', 'b'],
    limits: { wall: '2s', cpu: '1s' },
    project: 'y',
    network: { allow: ['c'] },
  });
});

describe('linux-ns run', () => {
  test('has what settings say: paths, variables, limits; options count before them', async () => {
    const project = join(folder, 'project');
    mkdirSync(join(project, 'kept'), { recursive: true });
    writeFileSync(join(project, 'secret'), 'secret');
    const settings = fileOf(
      JSON.stringify({
        ...{ project, hide: [join(project, 'secret')], protect: [join(project, 'kept')], hostname: 'from-file' },
        ...{ env: { GREETING: 'hello', LANG: null }, limits: { fileSize: '1k' } },
      }),
    );
    const script = `pwd; wc -c < secret; touch kept/x || echo protected; echo $GREETING $LANG; hostname
      touch new && echo written; head -c 2000 /dev/zero > large; echo $?`;
    const options = ['--settings', settings, '--hostname', 'option', '--limit-file-size=1m'];
    const { stdout } = await cli.run(['run', ...options, '--', 'sh', '-c', script]);
    expect(stdout.split('\n')).toEqual([project, '0', 'protected', 'hello', 'option', 'written', '0', '']);
    const limited = await cli.run(['run', '--settings', settings, 'sh', '-c', 'exec head -c 2000 /dev/zero > large']);
    expect(limited.code).toBe(153);
  });

  test('--hide and --protect without a file', async () => {
    const project = join(folder, 'other');
    mkdirSync(project);
    writeFileSync(join(project, 'key'), 'secret');
    const words = ['run', '-p', project, '--hide', join(project, 'key'), '--protect', join(project, '.git/hooks')];
    const script = 'wc -c < key; mkdir -p .git/hooks && touch .git/hooks/x || echo protected';
    const { stdout } = await cli.run([...words, '--', 'sh', '-c', script]);
    expect(stdout).toBe('0\nprotected\n');
    expect((await refusalOf(runCommand, ['-H', '--hide', '*.pem', 'true']))[0]).toContain("'*.pem' is a pattern");
  });

  test('--profile build protects what git runs in the project, wherever that is', async () => {
    const project = join(folder, 'repository');
    mkdirSync(join(project, '.git/hooks'), { recursive: true });
    const script = '(echo x > .git/hooks/pre-commit) 2>&1; (echo x > .git/config) 2>&1; echo y > .git/HEAD';
    const { stdout } = await cli.run(['run', '--profile', 'build', '-p', project, '--', 'sh', '-c', script]);
    expect(stdout.match(/Read-only file system/g)).toHaveLength(2);
    expect(readFileSync(join(project, '.git/HEAD'), 'utf8')).toBe('y\n');
  });

  test('--protect with a slash at the end makes a directory where nothing is', async () => {
    const project = join(folder, 'bare');
    mkdirSync(project);
    const words = ['run', '-p', project, '--protect', join(project, '.idea/'), '--', 'stat', '-c', '%F', '.idea'];
    expect((await cli.run(words)).stdout).toBe('directory\n');
    expect(existsSync(join(project, '.idea'))).toBe(false);
  });

  test('--host-view has the host as it is but for keys, and knows patterns', async () => {
    const home = mkdtempSync(join(folder, 'home-'));
    const project = join(home, 'project');
    mkdirSync(join(home, '.ssh'));
    mkdirSync(join(project, 'deep'), { recursive: true });
    for (const name of ['.ssh/id', 'project/.env', 'project/deep/.env', 'notes'])
      writeFileSync(join(home, name), 'text');
    const script = `pwd; cat ~/.ssh/id 2>/dev/null; wc -c < .env; wc -c < deep/.env; cat ../notes; echo
      touch made && echo written; touch ../notes 2>/dev/null || echo read-only; mkdir -p deep/hooks && touch deep/hooks/x || echo protected`;
    const settings = fileOf(JSON.stringify({ readOnly: [home] })); // /tmp is the sandbox's own
    const options = [
      '--host-view',
      '--settings',
      settings,
      '-p',
      project,
      '--hide',
      `${project}/**/.env`,
      '--protect',
      `${project}/d*p/`,
    ];
    const { stdout } = await cli.run(['run', ...options, 'sh', '-c', `{ ${script}; } 2>/dev/null`], {
      ...process.env,
      HOME: home,
    });
    expect(stdout.split('\n')).toEqual([project, '0', '0', 'text', 'written', 'read-only', 'protected', '']);
  });

  test('--host-view alone starts where the command does, and nothing can be written', async () => {
    const script = 'pwd; touch here 2>/dev/null || echo read-only';
    const { stdout } = await cli.run(['run', '--host-view', 'sh', '-c', script]);
    // The view has a /tmp and a /var/tmp of its own: who is there starts in the first directory of 'write', or at home.
    const isSeen = !/^\/(?:var\/)?tmp\//.test(process.cwd());
    expect(stdout).toBe(`${isSeen ? process.cwd() : homedir()}\nread-only\n`);
    const write = fileOf(JSON.stringify({ view: 'all', write: [folder] }));
    expect((await cli.run(['run', '--settings', write, 'pwd'])).stdout).toBe(`${isSeen ? process.cwd() : folder}\n`);
  });

  test('a project is a path, whatever characters it has', async () => {
    const project = join(folder, 'a*[b]');
    mkdirSync(project);
    const { stdout } = await cli.run(['run', '--host-view', '-p', project, 'sh', '-c', 'pwd; touch x && ls']);
    expect(stdout).toBe(`${project}\nx\n`);
  });

  test.each(PROFILES)('the profile %s is held to the schema, and runs a program', async (profile) => {
    expect(profileOf(profile)).toHaveProperty('view');
    const { code, stdout, stderr } = await cli.run(['run', '--profile', profile, '-p', folder, '--', 'echo', 'ok']);
    expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'ok\n', stderr: '' });
  });
});

describe('--explain', () => {
  test('prints what there would be, as a tree, and starts nothing', async () => {
    const policy = ['--allow-host', 'a.example:443', '--deny-host', 'b.example', '--via', 'http://me:p@secret@proxy'];
    const project = join(folder, 'explained');
    const more = ['--protect', join(project, '.git/hooks'), '--limit-wall', '5m', '--expose', '0:80', '-e', 'A=1'];
    const words = ['run', '-p', project, '--no-toolchains', ...policy, ...more, '--explain', '--', 'make', 'all'];
    const printed = await cli.prints(...words); // the project does not exist
    expect(printed).toMatch(/^\/ +empty, in memory\n├─ bin /);
    expect(printed).toMatch(/^├─ usr +read-only$/m);
    expect(printed).toMatch(
      new RegExp(`─ \\S*${basename(folder)}/explained +writable\n[ │]+└─ \\.git/hooks +protected`),
    );
    expect(printed).toMatch(/^Program +make all$/m);
    expect(printed).toMatch(new RegExp(`^Starts in +${project}$`, 'm'));
    expect(printed).toMatch(
      /^Network +a\.example:443, and nothing else; never b\.example; through\s+http:\/\/…@proxy$/m,
    );
    expect(printed).toMatch(/^Exposed +port 80 on 127\.0\.0\.1:any$/m);
    expect(printed).toMatch(/^Limits +wall 5m$/m);
    expect(printed).toMatch(/^Variables .*\bPATH HOME TERM LANG\b.*\bA\b/m);
    expect(printed).not.toContain('secret');
  });

  test('takes no other word than settings', async () => {
    expect((await refusalOf(runCommand, ['-H', '--explain=network']))[0]).toContain(
      '--explain must be one of settings',
    );
  });

  test('shows patterns as they are, and of the names that are hidden by default those that exist', async () => {
    const home = mkdtempSync(join(folder, 'home-'));
    for (const name of ['.ssh', 'project', 'shown']) mkdirSync(join(home, name));
    const settings = fileOf(JSON.stringify({ readOnly: [folder] })); // /tmp is the sandbox's own
    const pattern = join(folder, '**/*.key');
    const options = ['--settings', settings, '--host-view', '-p', join(home, 'project'), '--hide', pattern];
    const { stdout: all } = await cli.run(['run', ...options, '--explain'], { ...process.env, HOME: home });
    expect(all).toMatch(/─ \.ssh +hidden$/m);
    expect(all).toMatch(/─ \*\*\/\*\.key +hidden$/m);
    expect(all).not.toContain('.gnupg');
    const { stdout: little } = await cli.run(['run', ...options, '--hide', '~', '--explain'], {
      ...process.env,
      HOME: home,
    });
    expect(little).toMatch(new RegExp(`─ \\S*${home.slice(home.lastIndexOf('/') + 1)} +empty, read-only$`, 'm'));
    expect(little).not.toMatch(/─ \.ssh/);
  });

  test('=settings prints the settings, from which the same can be had', async () => {
    const words = ['run', '--profile', 'judge', '--limit-wall', '1m', '--hide', '/usr/share/doc'];
    const printed = await cli.prints(...words, '--explain=settings');
    const file = fileOf(printed);
    expect(await cli.prints('run', '--settings', file, '--explain=settings')).toBe(printed);
    expect(JSON.parse(printed)).toMatchObject({ hide: ['/usr/share/doc'], limits: { wall: '1m', cpu: '10s' } });
  });
});

describe('a file of sandbox-runtime', () => {
  const settings = {
    network: { allowedDomains: ['a.example'], deniedDomains: [] },
    filesystem: { denyRead: [] as string[], allowWrite: [] as string[], denyWrite: [] as string[] },
    credentials: { envVars: [{ name: 'TOKEN', mode: 'mask' }] },
  };

  test('is read as what it is here, and its differences are told', () => {
    const { settings: read, differences } = readSettings(fileOf(JSON.stringify(settings)));
    expect(read).toMatchObject({ view: 'all', network: { allow: ['a.example'], deny: [] }, env: { TOKEN: null } });
    expect(differences).toEqual([
      expect.stringMatching(/^filesystem: keys, tokens and the like are hidden/),
      expect.stringMatching(/^mandatoryDenySearchDepth: /),
      'credentials.envVars: a variable that programs do not have, for each mode: nothing stands in for it',
    ]);
  });

  test('holds a program to what it says', async () => {
    const project = mkdtempSync(join(folder, 'project-'));
    writeFileSync(join(project, 'secret'), 'not for anybody');
    writeFileSync(join(project, 'kept'), 'kept');
    const file = fileOf(
      JSON.stringify({
        ...settings,
        filesystem: { denyRead: [join(project, 'secret')], allowWrite: [project], denyWrite: [join(project, 'kept')] },
      }),
    );
    const script =
      'cd "$1"; cat secret; mkdir -p .git/hooks; echo x > .git/hooks/a; echo made > made; echo changed > kept; cat made kept';
    const args = ['--settings', file, 'sh', '-c', `${script} 2>/dev/null`, 'sh', project];
    const { stdout, stderr } = await cli.run(['run', ...args]);
    expect(stdout).toBe('made\nkept');
    expect(existsSync(join(project, '.git/hooks/a'))).toBe(false);
    expect(stderr).toMatch(/^linux-ns: run: filesystem: .*\n.*\nlinux-ns: run: credentials\.envVars: /);
  });
});
