import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Example, ROOT } from '../../examples/example';

const page = readFileSync(join(ROOT, 'docs', 'network-sockets.md'), 'utf8');
const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);

describe('the programs in docs/network-sockets.md', () => {
  let project: string;

  beforeAll(() => {
    project = mkdtempSync(join(tmpdir(), 'linux-ns-docs-'));
    mkdirSync(join(project, 'node_modules'));
    symlinkSync(ROOT, join(project, 'node_modules/linux-ns'));
  });
  afterAll(() => rmSync(project, { recursive: true }));

  test.each(blocks.map((code, index) => [index, code] as const))(
    'number %i prints what it says',
    async (index, code) => {
      const file = join(project, `${index}.mts`);
      writeFileSync(file, code);
      await using program = new Example([process.execPath, '--import', 'tsx', file]);
      const { code: exitCode, stdout, stderr } = await program.end();
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      const printed = [...code.matchAll(/\/\/ → (.*)$/gm)].map(([, line]) => line);
      expect(printed).not.toEqual([]);
      for (const line of printed) expect(stdout).toContain(line);
    },
  );
});
