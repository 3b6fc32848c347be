'use strict';

// npm run test:kernels -- [SUITE...] [-- JEST OPTIONS]
// The suite on other kernels: those of Debian's suites, each booted in a virtual machine (qemu, emulated; much faster
// with LINUX_NS_ACCEL=kvm where that works) whose root is this system's, read-only, below a tmpfs. As root and as an
// ordinary user, with the prebuilt addon: `npm run prebuilds` first. Takes root (it reads all of this system's files),
// and the packages qemu-system-x86, busybox-static, cpio, e2fsprogs, kmod. Kernels are kept in
// node_modules/.cache/linux-ns-kernels, or where LINUX_NS_KERNELS says. Results: the table on stdout, and the logs in
// the folder that it names.

const { execFileSync, spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const SUITES = ['bullseye', 'bookworm', 'trixie', 'trixie-backports'];
const MODULES = ['virtio_pci', 'virtio_blk', '9pnet_virtio', '9p', 'overlay', 'ext4'];
const MINUTES = 120;
// no_timer_check: the kernel takes the timer of a busy emulator for a broken one, and panics.
const APPEND = 'console=ttyS0 panic=-1 no_timer_check';
const DISK_BYTES = 4 * 2 ** 30;

const root = path.join(__dirname, '..');
const cache = process.env.LINUX_NS_KERNELS || path.join(root, 'node_modules', '.cache', 'linux-ns-kernels');
const prebuilt = path.join(root, 'prebuilds', 'linux-x64', 'linux-ns.node');

/** The kernel of a suite, fetched when it is not there yet. */
function kernelOf(suite) {
  const folder = path.join(cache, suite);
  if (!fs.existsSync(path.join(folder, 'lib', 'modules'))) {
    fs.mkdirSync(folder, { recursive: true });
    execFileSync('sh', [path.join(__dirname, 'kernels', 'fetch.sh'), suite, folder], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }
  const [version] = fs.readdirSync(path.join(folder, 'lib', 'modules'));
  const modules = path.join(folder, 'lib', 'modules', version);
  return { version, image: path.join(modules, 'vmlinuz'), modules, folder };
}

/** Files of modules in the order in which they are to be loaded. What is built in has none. */
function loadOrder({ folder, version }) {
  execFileSync('depmod', ['-b', folder, version]);
  const show = (name) =>
    spawnSync('modprobe', ['-d', folder, '-S', version, '--show-depends', name], { encoding: 'utf8' });
  const lines = MODULES.flatMap((name) => show(name).stdout.split('\n'));
  const files = lines.filter((line) => line.startsWith('insmod ')).map((line) => line.split(' ')[1]);
  return [...new Set(files)];
}

function makeInitramfs(kernel, work) {
  const tree = path.join(work, 'initramfs');
  fs.mkdirSync(path.join(tree, 'bin'), { recursive: true });
  fs.copyFileSync('/bin/busybox', path.join(tree, 'bin', 'busybox'));
  fs.copyFileSync(path.join(__dirname, 'kernels', 'init'), path.join(tree, 'init'));
  fs.chmodSync(path.join(tree, 'init'), 0o755);
  const names = loadOrder(kernel).map((file) => {
    const name = path.basename(file).replace(/\.(xz|zst|gz)$/, '');
    const unpack = { '.xz': ['xz', '-dc'], '.zst': ['zstd', '-dc'], '.gz': ['gzip', '-dc'] }[path.extname(file)] ?? [
      'cat',
    ];
    const module = execFileSync(unpack[0], [...unpack.slice(1), file], { maxBuffer: 64 << 20 });
    fs.writeFileSync(path.join(tree, name), module);
    return `/${name}`;
  });
  fs.writeFileSync(path.join(tree, 'load-order'), names.join('\n'));
  const archive = path.join(work, 'initramfs.cpio');
  execFileSync('sh', ['-c', 'find . | cpio --quiet -o -H newc >"$0"', archive], { cwd: tree });
  return archive;
}

/** Makes the disk on which the tests keep their files: older kernels can do less with a tmpfs than with a disk. */
function makeDisk(work) {
  const disk = path.join(work, 'disk');
  fs.closeSync(fs.openSync(disk, 'w'));
  fs.truncateSync(disk, DISK_BYTES);
  execFileSync('mkfs.ext4', ['-q', '-F', disk]);
  return disk;
}

/** Makes the folder that the guest finds in /run/share. */
function makeShare(share, options) {
  const checkout = path.join(share, 'checkout');
  const list = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 });
  for (const name of files.split('\0').filter((file) => file !== '' && fs.existsSync(path.join(root, file)))) {
    fs.cpSync(path.join(root, name), path.join(checkout, name));
  }
  fs.cpSync(prebuilt, path.join(checkout, 'build', 'Release', 'linux_ns.node'));
  fs.cpSync(path.join(root, 'dist'), path.join(checkout, 'dist'), { recursive: true });
  execFileSync('tar', ['-C', checkout, '-cf', path.join(share, 'checkout.tar'), '.']);
  fs.rmSync(checkout, { recursive: true });
  fs.writeFileSync(path.join(share, 'options'), options.join(' '));
  fs.writeFileSync(path.join(share, 'node'), process.execPath);
  fs.copyFileSync(path.join(__dirname, 'kernels', 'guest'), path.join(share, 'guest'));
}

function boot(kernel, work, share) {
  const shared = (id, folder, mode) => [
    '-virtfs',
    `local,path=${folder},mount_tag=${id},security_model=none,${mode}multidevs=remap`,
  ];
  const accelerator =
    process.env.LINUX_NS_ACCEL === 'kvm'
      ? ['-accel', 'kvm', '-cpu', 'host']
      : ['-accel', 'tcg,thread=multi', '-cpu', 'max'];
  const args = [
    ...[
      '-nodefaults',
      '-no-user-config',
      '-nographic',
      '-no-reboot',
      '-serial',
      'stdio',
      '-m',
      '6G',
      '-smp',
      String(os.cpus().length),
    ],
    ...accelerator,
    ...['-kernel', kernel.image, '-initrd', makeInitramfs(kernel, work), '-append', APPEND],
    ...['-drive', `file=${makeDisk(work)},format=raw,if=virtio,cache=unsafe`],
    ...shared('host', '/', 'readonly=on,'),
    ...shared('modules', kernel.modules, 'readonly=on,'),
    ...shared('packages', fs.realpathSync(path.join(root, 'node_modules')), 'readonly=on,'),
    ...shared('share', share, ''),
  ];
  const log = fs.openSync(path.join(share, 'console.log'), 'w');
  spawnSync('qemu-system-x86_64', args, { stdio: ['ignore', log, log], timeout: MINUTES * 60_000 });
  fs.closeSync(log);
}

function results(share, who) {
  const file = path.join(share, `${who}.json`);
  if (!fs.existsSync(file)) return { [`${who} passed`]: 0, [`${who} failed`]: 'did not run' };
  const {
    numPassedTests: passed,
    numFailedTests: failed,
    numPendingTests: skipped,
  } = JSON.parse(fs.readFileSync(file, 'utf8'));
  return { [`${who} passed`]: passed, [`${who} failed`]: failed, [`${who} skipped`]: skipped };
}

function test(suite, options) {
  const kernel = kernelOf(suite);
  const work = fs.mkdtempSync(path.join(os.tmpdir(), `linux-ns-kernel-${kernel.version}-`));
  const share = path.join(work, 'results');
  fs.mkdirSync(share);
  makeShare(share, options);
  boot(kernel, work, share);
  for (const name of ['initramfs', 'initramfs.cpio', 'disk', 'results/checkout.tar']) {
    fs.rmSync(path.join(work, name), { recursive: true, force: true });
  }
  return { suite, kernel: kernel.version, ...results(share, 'root'), ...results(share, 'user'), logs: share };
}

const args = process.argv.slice(2);
const end = args.indexOf('--');
const suites = end < 0 ? args : args.slice(0, end);
const unknown = suites.find((suite) => !SUITES.includes(suite));
if (unknown !== undefined) {
  console.error(`test-kernels: no suite is called '${unknown}': there are ${SUITES.join(', ')}`);
  process.exit(1);
}
const rows = (suites.length > 0 ? suites : SUITES).map((suite) => {
  const row = test(suite, end < 0 ? [] : args.slice(end + 1));
  console.log(row);
  return row;
});
console.table(
  rows,
  Object.keys(rows[0]).filter((name) => name !== 'logs'),
);
if (!rows.every((row) => row['root failed'] === 0 && row['user failed'] === 0)) process.exitCode = 1;
