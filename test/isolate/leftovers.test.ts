/** The directories of test runners that were killed. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { ownPrefix, removeLeftovers } from '../../lib/isolate/leftovers';
import { needs } from '../fixtures/optional';

let folder: string;
let dead: number;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'leftovers-'));
  const gone = spawn('true');
  await once(gone, 'exit');
  dead = gone.pid!;
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A name as that of this process, but of another one. */
function nameOf(pid: number, started?: string): string {
  const [, place = '', , own = ''] = /-([0-9a-f]{12})-(\d+)-(\d+)-$/.exec(ownPrefix()) ?? [];
  return `linux-ns-test-${place}-${pid}-${started ?? own}-abcdef`;
}

function made(name: string, mode = 0o700): string {
  mkdirSync(join(folder, name, 'tmp'), { recursive: true });
  writeFileSync(join(folder, name, 'tmp', 'file'), '');
  chmodSync(join(folder, name), mode);
  return name;
}

test('the directory of a process that is gone is removed, also where its pid is that of another by now', () => {
  made(nameOf(dead));
  made(nameOf(process.pid, '1'));
  removeLeftovers(folder);
  expect(readdirSync(folder)).toEqual([]);
});

test('that of a process that runs stays, and so does one of another place, and one that others can enter', () => {
  const kept = [
    made(basename(mkdtempSync(join(folder, ownPrefix())))),
    made(nameOf(dead).replace(/-[0-9a-f]{12}-/, `-${'0'.repeat(12)}-`)),
    made(nameOf(dead).replace('abcdef', 'public'), 0o755),
    made('linux-ns-test-abcdef'),
    made('else'),
  ];
  removeLeftovers(folder);
  expect(readdirSync(folder).sort()).toEqual(kept.sort());
});

test('links are not followed: neither one with such a name, nor those inside', () => {
  const target = join(folder, made('target'));
  symlinkSync(target, join(folder, nameOf(dead)));
  const other = made(nameOf(dead).replace('abcdef', 'linked'));
  symlinkSync(target, join(folder, other, 'link'));
  removeLeftovers(folder);
  expect(readdirSync(folder).sort()).toEqual([nameOf(dead), 'target']);
  expect(existsSync(join(target, 'tmp', 'file'))).toBe(true);
});

test('in a directory where others can rename what is not theirs, nothing is removed', () => {
  made(nameOf(dead));
  chmodSync(folder, 0o777);
  removeLeftovers(folder);
  expect(readdirSync(folder)).toEqual([nameOf(dead)]);
  chmodSync(folder, 0o1777);
  removeLeftovers(folder);
  expect(readdirSync(folder)).toEqual([]);
});

needs({ root: true }).test("another user's directory stays", () => {
  chownSync(join(folder, made(nameOf(dead))), 65534, 65534);
  removeLeftovers(folder);
  expect(readdirSync(folder)).toEqual([nameOf(dead)]);
});
