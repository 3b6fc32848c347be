import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../fixtures/child-node';
import { hintsByFile, hintsElsewhere } from './hints';

const page = readFileSync(join(ROOT, 'docs', 'troubleshooting.md'), 'utf8').replace(/\s+/g, ' ');

describe('docs/troubleshooting.md', () => {
  test.each([...hintsByFile(), ...hintsElsewhere()])('has every hint of %s, word for word', (_, hints) => {
    expect(hints.filter((hint) => !page.includes(hint.replace(/\s+/g, ' ').trim()))).toEqual([]);
  });
});
