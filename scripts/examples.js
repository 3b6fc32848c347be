'use strict';

// npm run examples [-- name ...]: runs the examples and prints a table. Started as root it runs each of them as root,
// and as an ordinary user by setpriv(1): the one who has called sudo, or nobody.

const { spawn } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const isRoot = process.geteuid() === 0;
const LIMIT = 120_000;
const AT_ONCE = os.availableParallelism();

/** Prints its pid, and waits: others join its namespaces. */
const UTS = { name: 'demo_uts_namespaces', args: () => ['bizarro', '1000'], pid: /PID of child: (\d+)\n/ };
const USER = {
  name: 'unshare',
  args: () => ['-U', 'sh', '-c', 'echo "PID: $$"; exec sleep 1000'],
  pid: /PID: (\d+)\n/,
};

/**
 * The arguments and the needs of each example. `beside` runs at the same time; `pid` is that of the example's child.
 */
const EXAMPLES = {
  'agent-copy': { args: ({ folder }) => [folder, '--apply', 'echo hello > note', 'rm note', 'cat note'] },
  agent_shell: { args: ({ folder }) => [folder, 'echo hello > note; cat note', 'ls -A /home'] },
  build_npm: { tools: ['npm', 'tar'] },
  build_step: { tools: ['cc', 'make'] },
  chromium: { tools: ['chromium'] },
  container: { tools: ['lsns', 'ps'] },
  demo: {},
  demo_userns: {},
  demo_uts_namespaces: { args: () => ['bizarro', '0'] },
  egress: {},
  interpreter: { tools: ['python3'] },
  'ip-netns': { tools: ['ping', 'dnsmasq', 'dhclient'] },
  judge: { tools: ['gcc', 'g++', 'python3', 'javac', 'go', 'rustc', 'perl'] },
  'judge-pool': {},
  'lab-loss': {},
  'lab-nat': {},
  'lab-quorum': {},
  'lab-redis': { tools: ['redis-server', 'redis-cli'] },
  'lab-tiers': {},
  landlock: {},
  list_namespaces: {},
  mcp: {},
  mount_propagation: {},
  multi_pidns: {},
  nobody_shell: { tools: ['bash', 'ps'] },
  ns_child_exec: { args: () => ['-p', '-m', 'sh', '-c', 'echo "process $$"'] },
  ns_exec: { beside: UTS, args: ({ pid }) => [`/proc/${pid}/ns/uts`, 'uname', '-n'] },
  ns_run: {
    beside: UTS,
    args: ({ pid, user }) => [
      '-f',
      ...(user ? ['-n', `/proc/${pid}/ns/user`] : []),
      '-n',
      `/proc/${pid}/ns/uts`,
      'uname',
      '-n',
    ],
  },
  optical_disc: {},
  orphan: {},
  pidns_init_sleep: { args: ({ folder }) => [folder, '2'] },
  port_80: {},
  references: {},
  services: { tools: ['redis-server', 'pg_ctlcluster', 'nginx'] },
  shared_subtrees: {},
  simple_init: { input: 'echo "$$"\n' },
  unbindable_mounts: {},
  unshare: { args: () => ['-u', '-i', 'readlink', '/proc/self/ns/uts', '/proc/self/ns/ipc'] },
  unshare_chroot: { args: () => ['/', 'sh', '-c', 'echo "process $$"'] },
  unshare_mount: {},
  unshare_user_shell: {},
  userns_child_exec: { args: () => ['-U', '-z', 'id'] },
  userns_setns_test: { beside: USER, args: ({ pid }) => [`/proc/${pid}/ns/user`] },
};

/** Files that the examples share, and that are no examples. */
const SHARED = ['command-line'];

/** The users that run the examples: each with the command that becomes it, and its folder for temporary files. */
function users(work) {
  const users = [
    { title: isRoot ? 'root' : 'user', by: [], folder: fs.mkdtempSync(path.join(work, 'own-')), user: !isRoot },
  ];
  if (!isRoot) return users;
  const { SUDO_UID: uid = '65534', SUDO_GID: gid = '65534' } = process.env;
  const folder = fs.mkdtempSync(path.join(work, 'user-'));
  fs.chownSync(folder, Number(uid), Number(gid));
  const by = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups', '--inh-caps=-all', '--'];
  return [...users, { title: 'user', by, folder, user: true }];
}

function missingTool(tools = []) {
  const folders = process.env.PATH.split(path.delimiter);
  return tools.find((tool) => !folders.some((folder) => fs.existsSync(path.join(folder, tool))));
}

/** A program of ours: what it has printed, and how it ended. */
function start(name, args, { by, folder }) {
  const [file, ...rest] = [...by, process.execPath, '--import', 'tsx', path.join('examples', `${name}.ts`), ...args];
  const env = { ...process.env, TMPDIR: folder, HOME: folder };
  const child = spawn(file, rest, { cwd: root, env, timeout: LIMIT, killSignal: 'SIGKILL' });
  const program = { child, stdout: '', stderr: '' };
  child.stdin.on('error', () => undefined);
  child.stdout.setEncoding('utf8').on('data', (text) => (program.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (program.stderr += text));
  program.ended = new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
  return program;
}

/** The pid of its child, which it prints. */
async function pidOf(program, pattern) {
  for (;;) {
    const match = pattern.exec(program.stdout);
    if (match !== null) return match[1];
    const more = new Promise((resolve) => program.child.stdout.once('data', () => resolve(undefined)));
    if ((await Promise.race([program.ended, more])) !== undefined) throw new Error(`no pid:\n${program.stderr}`);
  }
}

async function run(name, who) {
  const { args = () => [], input = '', tools, beside } = EXAMPLES[name];
  const missing = missingTool(tools);
  if (missing !== undefined) return { result: `skipped: no ${missing}`, failed: process.env.CI !== undefined };
  const other = beside && start(beside.name, beside.args(), who);
  try {
    const pid = beside && (await pidOf(other, beside.pid));
    const folder = fs.mkdtempSync(path.join(who.folder, `${name}-`));
    if (who.by.length > 0) fs.chownSync(folder, fs.statSync(who.folder).uid, fs.statSync(who.folder).gid);
    const program = start(name, args({ folder, pid, user: who.user }), who);
    program.child.stdin.end(input);
    const { code, signal } = await program.ended;
    if (code === 0 && program.stderr === '') return { result: 'ok', failed: false };
    const output = `${signal ?? `exit status ${code}`}\n${program.stdout}${program.stderr}`;
    return { result: 'FAILED', failed: true, output };
  } finally {
    other?.child.kill();
    await other?.ended;
  }
}

async function main() {
  const all = fs.readdirSync(path.join(root, 'examples')).filter((file) => file.endsWith('.ts'));
  const names = all.map((file) => path.basename(file, '.ts')).filter((name) => !SHARED.includes(name));
  const unknown = names.filter((name) => !(name in EXAMPLES));
  if (unknown.length > 0) throw new Error(`scripts/examples.js does not say how to run ${unknown.join(', ')}`);
  const wanted = process.argv.length > 2 ? process.argv.slice(2) : names;

  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-examples-'));
  fs.chmodSync(work, 0o755);
  try {
    const everyone = users(work);
    const runs = wanted.flatMap((name) => everyone.map((who) => ({ name, who })));
    const queue = [...runs];
    const worker = async () => {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        next.outcome = await run(next.name, next.who).catch(({ message }) => ({
          result: 'FAILED',
          failed: true,
          output: message,
        }));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    print(wanted, everyone, runs);
    process.exitCode = runs.some(({ outcome }) => outcome.failed) ? 1 : 0;
  } finally {
    fs.rmSync(work, { recursive: true });
  }
}

function print(names, everyone, runs) {
  const width = Math.max(...names.map((name) => name.length));
  const line = (first, cells) =>
    console.log([first.padEnd(width), ...cells.map((cell) => cell.padEnd(20))].join('  ').trimEnd());
  line(
    '',
    everyone.map(({ title }) => title),
  );
  for (const name of names)
    line(
      name,
      runs.filter((each) => each.name === name).map(({ outcome }) => outcome.result),
    );
  for (const { name, who, outcome } of runs) {
    if (outcome.output !== undefined) console.log(`\n${name}, as ${who.title}: ${outcome.output}`);
  }
}

main().catch((error) => {
  console.error(error.message);
  process.exitCode = 1;
});
