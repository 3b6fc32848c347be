/** src/addon/wire/frame.cc and rule.cc: whatever a frame has in it, nothing beyond it is read or written. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..', '..');
const SOURCES = ['test/addon/fuzz_frame.cc', 'src/addon/wire/frame.cc', 'src/addon/wire/rule.cc'];
const COUNT = 100_000;

test('frames of any content are read and changed within their bounds, under sanitizers', () => {
  const directory = mkdtempSync(join(tmpdir(), 'linux-ns-frames-'));
  try {
    const program = join(directory, 'fuzz_frame');
    const sanitize = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    const sources = SOURCES.map((source) => join(ROOT, source));
    execFileSync('c++', [
      '-std=c++17',
      '-g',
      '-O1',
      '-Wall',
      '-Wextra',
      '-Werror',
      ...sanitize,
      '-o',
      program,
      ...sources,
    ]);
    expect(execFileSync(program, [String(COUNT)], { encoding: 'utf8' })).toBe(`${COUNT} 1\n`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
