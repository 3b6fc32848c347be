import { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SCHEMAS } from '../../lib/process/schemas';

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'child-process.md'), 'utf8');

describe('docs/child-process.md', () => {
  test.each([...new Set(Object.values(SCHEMAS).flatMap(({ keys }): string[] => [...keys]))])(
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
