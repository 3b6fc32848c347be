import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readPage } from '../docs/blocks';
import { ROOT } from './example';

describe('README.md', () => {
  test('has the two commands that do everything on a fresh machine', () => {
    const readme = readPage('README.md');
    expect(readme).toMatch(/^npm ci && npm run demo\b/m);
    expect(readme).toMatch(/^npm ci && npm test$/m);
  });

  test('examples/README.md lists every example', () => {
    const page = readPage('examples/README.md');
    for (const name of readdirSync(join(ROOT, 'examples')).filter((each) => each.endsWith('.ts'))) {
      expect(page).toContain(`(${name})`);
    }
  });
});
