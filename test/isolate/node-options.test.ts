import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { withModule, withoutModule } from '../../lib/isolate/node-options';

const isOurs = (module: string): boolean => module === '/our module.js' || module === 'ours';

describe('a module in NODE_OPTIONS', () => {
  it.each([
    ['', ''],
    ['--require=ours', ''],
    ['-r ours --enable-source-maps', '--enable-source-maps'],
    ['--max-old-space-size=100 --import ours', '--max-old-space-size=100'],
    ['--require "/our module.js" --require=theirs', '--require=theirs'],
    ['--require="/our module.js"', ''],
    ['--require theirs --require ours', '--require theirs'],
    ['--title=ours', '--title=ours'],
    ['--require "their module.js"', '--require "their module.js"'],
  ])('is taken out of %j', (options, rest) => {
    expect(withoutModule(options, isOurs)).toBe(rest);
  });

  it('comes before all others, once', () => {
    expect(withModule('--require=theirs --import ours', 'ours', isOurs)).toBe('--require=ours --require=theirs');
  });

  it('has a path that Node itself reads in the same way', () => {
    const folder = mkdtempSync(join(tmpdir(), 'linux-ns-'));
    try {
      const file = join(folder, 'a "b\\ c', 'module.js');
      mkdirSync(join(folder, 'a "b\\ c'));
      writeFileSync(file, 'console.log("loaded")');
      const env = { ...process.env, NODE_OPTIONS: withModule('--no-warnings', file, isOurs) };
      expect(execFileSync(process.execPath, ['-e', ''], { env, encoding: 'utf8' })).toBe('loaded\n');
      expect(withoutModule(env.NODE_OPTIONS, (module) => module === file)).toBe('--no-warnings');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
