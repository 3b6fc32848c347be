import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CompiledPackage } from '../fixtures/child-node';
import { needs } from '../fixtures/optional';
import { ONE_WAIT } from '../fixtures/patience';
import { NOTHING } from '../fixtures/footprint';
import { resultOf, runScenario } from '../fixtures/scenario';

const SCENARIOS = join(__dirname, 'scenarios.ts');

test('Workers that are terminated while they look leave no thread, no descriptor and no crash', async () => {
  expect(await resultOf(SCENARIOS, 'terminatedWorkers', [12])).toEqual(NOTHING);
});

test('a process may end while it looks', async () => {
  expect(await runScenario(SCENARIOS, 'endsMeanwhile')).toMatchObject({ code: 7, signal: null, stderr: '' });
});

test('looks take no descriptors from a process that has few', async () => {
  expect(await resultOf(SCENARIOS, 'fewDescriptors', [], { limits: ['nofile=64'] })).toBe(true);
});

needs({ tool: ['cc'] }).test(
  'where a seccomp filter denies it descriptors of its own, it gives back those it uses',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'linux-ns-seccomp-'));
    const compiled = new CompiledPackage();
    try {
      const seccomp = join(folder, 'seccomp');
      execFileSync('cc', ['-o', seccomp, join(__dirname, '../fixtures/seccomp.c')]);
      const script = `
      const open = () => require('node:fs').readdirSync('/proc/self/fd').length;
      const few = async (most) => {
        for (const end = Date.now() + ${ONE_WAIT}; open() > most && Date.now() < end;) await new Promise((resolve) => setTimeout(resolve, 50));
        return open() <= most;
      };
      const { discover } = require('linux-ns/discovery');
      const before = open();
      await discover();
      // The library itself keeps some open from the first time on.
      await few(before + 4);
      const after = open();
      const map = await discover();
      return [map.process(process.pid).namespaces.net !== undefined, await few(after)];`;
      expect(await compiled.run(script, [seccomp, 'no_close_range'])).toEqual({ value: [true, true] });
    } finally {
      compiled.remove();
      rmSync(folder, { recursive: true });
    }
  },
);
