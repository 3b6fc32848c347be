/**
 * The judge of examples/, with a program in each of its languages that does what its input says. Each run comes to the
 * verdict that it has earned, nothing that is secret comes out, and nothing is left.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, type Server, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { Submission } from '../../examples/judge/judge';
import { LANGUAGES } from '../../examples/judge/languages';
import type { RunResult } from '../../lib';
import { expectNothingLeft, footprint } from '../fixtures/footprint';
import { needs } from '../fixtures/optional';

const PROGRAMS = join(__dirname, '../../examples/judge/programs');
const SECRET = 'not for anybody';

/** A file and a server of the host's, which no program may reach. */
const folder = mkdtempSync(join(tmpdir(), 'ns-judge-'));
const secret = join(folder, 'secret');
let server: Server;
let calls = 0;

beforeAll(async () => {
  writeFileSync(secret, SECRET);
  server = createServer((socket) => {
    calls++;
    socket.destroy();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});

afterAll(async () => {
  server.close();
  rmSync(folder, { recursive: true });
});

type Verdict = RunResult['verdict'];

/** Each input, with the verdicts that a program may come to which does that. */
function inputs(): [input: string, verdicts: Verdict[]][] {
  const { port } = server.address() as AddressInfo;
  return [
    ['add 19 23', ['ok']],
    ['wrong', ['ok']],
    ['slow', ['cpu']],
    ['greedy', ['memory']],
    ['crash', ['exit', 'signal']],
    // A runtime that is refused a thread gives up: Go.
    ['fork', ['cpu', 'wall', 'signal', 'memory', 'exit']],
    ['flood', ['output']],
    [`read ${secret}`, ['exit', 'signal']],
    ['read /etc/shadow', ['exit', 'signal']],
    [`read ${process.env.HOME ?? '/root'}/.profile`, ['exit', 'signal']],
    [`call 127.0.0.1 ${port}`, ['exit', 'signal']],
    ['daemon', ['ok']],
    ['ignore', ['cpu']],
  ];
}

describe.each(Object.entries(LANGUAGES))('a program in .%s', (_, language) => {
  const [program = ''] = language.compile ?? language.run;

  needs({ tool: [program] }).test('comes to the verdict that it has earned, whatever it does', async () => {
    const before = footprint();
    const source = readFileSync(join(PROGRAMS, language.source), 'utf8');
    using submission = new Submission(language, source);
    expect((await submission.compile()) ?? { verdict: 'ok' }).toMatchObject({ verdict: 'ok' });
    const results = await Promise.all(
      inputs().map(async ([input, verdicts]) => ({ input, verdicts, ...(await submission.run(`${input}\n`)) })),
    );
    for (const { input, verdicts, verdict, stdout, stderr } of results) {
      expect({ input, stderr, verdicts, verdict: verdicts.includes(verdict) ? verdicts : verdict }).toMatchObject({
        verdict: verdicts,
      });
      expect(stdout).not.toContain(SECRET);
      expect(stdout).not.toContain('connected');
    }
    const written = Object.fromEntries(results.map(({ input, stdout }) => [input, stdout.trim()]));
    expect(written).toMatchObject({ 'add 19 23': '42', wrong: '41', daemon: 'left' });
    expect(calls).toBe(0);
    await expectNothingLeft(before);
  });
});

test('what does not compile is not run, and the compiler says why', async () => {
  using submission = new Submission(LANGUAGES.c!, 'int main(void) { return }');
  const compiled = await submission.compile();
  expect(compiled).toMatchObject({ verdict: 'exit', code: 1 });
  expect(compiled!.stderr).toMatch(/program\.c:1:.*error/);
});

test('a run cannot change what the next one runs', async () => {
  const source = "import sys\nprint(open(sys.argv[0], 'a').write('print(1)'))";
  using submission = new Submission(LANGUAGES.py!, source);
  const { verdict, stderr } = await submission.run('');
  expect(verdict).toBe('exit');
  expect(stderr).toContain('Read-only file system');
  expect((await submission.run('')).stdout).toBe('');
});
