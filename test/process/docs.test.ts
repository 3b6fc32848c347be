import { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXEC_FILE_OPTIONS } from '../../lib/process/exec';
import { FORK_OPTIONS } from '../../lib/process/fork';
import { SPAWN_OPTIONS } from '../../lib/process/spawn';

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'child-process.md'), 'utf8');

describe('docs/child-process.md', () => {
  test.each([...new Set([...SPAWN_OPTIONS, ...EXEC_FILE_OPTIONS, ...FORK_OPTIONS])])(
    'tells of the option %s',
    (name) => {
      expect(page).toContain(`\`${name}\``);
    },
  );

  const methods = Object.getOwnPropertyNames(ChildProcess.prototype).filter((name) => name !== 'constructor');
  // `spawn` is there for Node's own use, and undocumented.
  test.each(methods.filter((name) => name !== 'spawn'))('tells of the method %s', (name) => {
    expect(page).toContain(`\`${name}(`);
  });
});
