'use strict';

// npm run test:matrix -- [JEST OPTIONS]
// The suite on every supported Node with one and the same prebuilt addon, as this user: after `npm run prebuilds` and
// `npm run nodes`. In a copy of the checkout, whose build/ is that addon and nothing else.
// LINUX_NS_NODES: see scripts/other-nodes.js.

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const nodes = process.env.LINUX_NS_NODES || path.join(root, 'node_modules', '.cache', 'linux-ns-nodes');
const prebuilt = path.join(root, 'prebuilds', `linux-${process.arch}`, 'linux-ns.node');

function binaries() {
  const folder = path.join(nodes, 'node_modules');
  const others = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => /^node-\d+$/.test(name)) : [];
  return [process.execPath, ...others.sort().map((name) => path.join(folder, name, 'bin', 'node'))];
}

function copyCheckout(to) {
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  for (const name of files.split('\0').filter((file) => file !== '' && fs.existsSync(path.join(root, file)))) {
    fs.cpSync(path.join(root, name), path.join(to, name));
  }
  fs.cpSync(prebuilt, path.join(to, 'build', 'Release', 'linux_ns.node'));
  // Nothing of the copy lies elsewhere: tests hide directories, and keep the checkout.
  for (const name of ['node_modules', 'dist'])
    execFileSync('cp', ['-a', `${fs.realpathSync(path.join(root, name))}/.`, path.join(to, name)]);
  fs.chmodSync(to, 0o755);
}

/** Runs the suite; the results as a row of the table. */
function test(node, checkout, options) {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
  console.log(`\n══ ${version}`);
  const results = path.join(checkout, 'results.json');
  const jest = path.join(checkout, 'node_modules', 'jest', 'bin', 'jest.js');
  // The tests start `node`: the one that runs them.
  const env = { ...process.env, PATH: `${path.dirname(node)}:${process.env.PATH}`, LINUX_NS_NODES: nodes };
  const args = [jest, '--json', `--outputFile=${results}`, ...options];
  const { status } = spawnSync(node, args, { cwd: checkout, env, stdio: ['ignore', 'ignore', 'inherit'] });
  if (!fs.existsSync(results)) return { node: version, ok: false };
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
  } = JSON.parse(fs.readFileSync(results, 'utf8'));
  fs.rmSync(results);
  return { node: version, passed, failed, skipped, ok: status === 0 };
}

if (!fs.existsSync(prebuilt)) {
  console.error(`test-matrix: no prebuilt addon for linux-${process.arch}: npm run prebuilds makes it`);
  process.exit(1);
}
const checkout = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-matrix-'));
try {
  copyCheckout(checkout);
  const rows = binaries().map((node) => test(node, checkout, process.argv.slice(2)));
  console.table(rows);
  if (!rows.every(({ ok }) => ok)) process.exitCode = 1;
} finally {
  fs.rmSync(checkout, { recursive: true, force: true });
}
