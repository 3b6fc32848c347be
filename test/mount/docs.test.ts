import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MOUNT_KEYS } from '../../lib/mount/mount';

const page = readFileSync(join(__dirname, '..', '..', 'docs', 'mounts.md'), 'utf8');

test.each(MOUNT_KEYS)('docs/mounts.md tells of the option %s', (name) => {
  expect(page).toMatch(new RegExp(`\\b${name}\\b`));
});
