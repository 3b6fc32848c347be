/** The toolchains of a shell are those of a sandbox, whichever manager has them, and nothing else of the home is. */
import { execFileSync } from 'node:child_process';
import { Sandbox, type SandboxSpec, hostUserland } from '../../../lib';
import { Home } from './home';
import { LAYOUTS, environmentOf, question } from './layouts';

let home: Home;

beforeEach(() => (home = new Home()));

afterEach(() => {
  jest.restoreAllMocks();
  home.remove();
});

/** The spec that a program makes which is started from a shell. */
function specFrom(env: NodeJS.ProcessEnv, options: Parameters<typeof hostUserland>[0] = {}): SandboxSpec {
  jest.replaceProperty(process, 'env', env);
  try {
    return hostUserland({ toolchains: true, ...options });
  } finally {
    jest.restoreAllMocks();
  }
}

async function answer(spec: SandboxSpec, script: string): Promise<string> {
  await using sandbox = await Sandbox.create(spec);
  const { stdout, stderr } = await sandbox.exec(script);
  return stdout + stderr;
}

test.each(Object.keys(LAYOUTS))('%s: inside is what the shell has', async (name) => {
  const shell = LAYOUTS[name]!(home);
  const env = environmentOf(home, shell);
  const script = question(shell.programs);
  const outside = execFileSync('/bin/sh', ['-c', script], { env, encoding: 'utf8' });
  expect(outside.split('\n')).toHaveLength(2 * shell.programs.length + 1);
  expect(await answer(specFrom(env), script)).toBe(outside);
});
