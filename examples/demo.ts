/**
 * Outside and inside, side by side: one shell script, run in this process's namespaces and in eight new ones.
 *
 *     npm run demo
 *
 * Root or not makes no difference: with a new user namespace the other seven take no privilege.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { NAMESPACE_KINDS, exec, execFile, unshare } from 'linux-ns';

/** Lines of a name and a value, made by pipelines such as anybody would write. */
const SCRIPT = `
for kind in ${NAMESPACE_KINDS.join(' ')}; do
  echo "$kind $(readlink /proc/self/ns/$kind | tr -dc 0-9)"
done
echo "uid $(id -u)"
echo "hostname $(uname -n)"
echo "shell-pid $$"
echo "processes $(ls /proc | grep -c '^[0-9]')"
echo "interfaces $(tail -n +3 /proc/net/dev | cut -d: -f1 | sort | tr -d ' ' | tr '\\n' ' ')"
echo "mounts $(wc -l < /proc/self/mounts)"
echo "uptime $(cut -d. -f1 /proc/uptime)"
`;

const DAY = 24 * 60 * 60;

type View = Map<string, string>;

async function main(): Promise<void> {
  console.log(`linux-ns on Node ${process.version}, as uid ${process.geteuid?.() ?? '?'}\n`);
  await execFile('true'); // what is opened once and stays is opened here, and not counted as left
  await delay(100);
  const before = possessions();

  const outside = await look(exec);
  const namespaces = await unshare({
    user: true,
    mnt: true,
    pid: true,
    net: true,
    ipc: true,
    cgroup: true,
    uts: { hostname: 'inside' },
    time: { boottime: 1000 * DAY },
  });
  try {
    // What the new pid namespace contains is shown by a proc filesystem that is mounted in it.
    await namespaces.mount({ type: 'proc', target: '/proc' });
    print(outside, await look((script) => namespaces.exec(script)));
  } finally {
    await namespaces.close();
  }
  tellWhatIsLeft(before, await settled(before));
}

async function look(run: (script: string) => Promise<{ stdout: string }>): Promise<View> {
  const { stdout } = await run(SCRIPT);
  const lines = stdout.trim().split('\n');
  return new Map(lines.map((line) => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1).trim()]));
}

function print(outside: View, inside: View): void {
  const rows = [['', 'outside', 'inside']];
  for (const [name, value] of outside) rows.push([name, format(name, value), format(name, inside.get(name) ?? '')]);
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  for (const [name = '', left = '', right = ''] of rows) {
    console.log(`${name.replace('-', ' ').padEnd(widths[0]!)}  ${left.padEnd(widths[1]!)}  ${right}`);
  }
}

function format(name: string, value: string): string {
  if (name !== 'uptime') return value;
  const seconds = Number(value);
  const clock = new Date((seconds % DAY) * 1000).toISOString().slice(11, 19);
  return `${Math.floor(seconds / DAY)} days ${clock}`;
}

/** Counts what a leak would add to. */
function possessions(): Record<string, number> {
  return { children: children(), descriptors: readdirSync('/proc/self/fd').length };
}

/** Some descriptors are closed, and children waited for, a turn of the event loop later: they have their time. */
async function settled(before: Record<string, number>): Promise<Record<string, number>> {
  for (let tries = 0; tries < 50; tries++) {
    await delay(100);
    if (!isMore(possessions(), before)) break;
  }
  return possessions();
}

function isMore(after: Record<string, number>, before: Record<string, number>): boolean {
  return Object.keys(before).some((name) => after[name]! > before[name]!);
}

/** Of the fields after the name in parentheses the second is the parent's pid: proc_pid_stat(5). */
function children(): number {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ');
      return Number(fields?.[1]) === process.pid;
    } catch {
      return false; // ended meanwhile
    }
  }).length;
}

function tellWhatIsLeft(before: Record<string, number>, after: Record<string, number>): void {
  const left = isMore(after, before);
  const counts = Object.keys(before)
    .map((name) => `${name} ${before[name]!} before, ${after[name]!} after`)
    .join('; ');
  console.log(`\n${left ? 'Something is left' : 'Nothing is left'}: ${counts}.`);
  if (left) process.exitCode = 1;
}

main().catch((error: unknown) => {
  // The message of a NamespaceError says which step failed, and ends with the hint: the cause, and what to do about it.
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
