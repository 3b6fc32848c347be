/**
 * An agent that works on a copy of the project, in steps: a step that fails, or that removes what was there, is undone.
 * What is left at the end is shown as a diff, and comes to the project with `--apply` only.
 *
 *     npx tsx examples/agent-copy.ts PROJECT [--apply] command...
 */
import { type Change, Sandbox, hostView } from 'linux-ns';
import { fail } from './command-line';

/** One step. It is kept if the command has succeeded, and has removed nothing of the project. */
async function step(box: Sandbox, command: string): Promise<void> {
  await using before = await box.snapshot();
  const { verdict, stdout, stderr } = await box.run('sh', ['-c', command], {
    limits: { wall: 60_000, output: 30_000 },
  });
  process.stdout.write(`$ ${command}\n${stdout}${stderr}`);
  const removed = (await box.changes()).filter(({ change }) => change === 'deleted');
  if (verdict === 'ok' && removed.length === 0) return;
  await box.restore(before);
  console.log(`[undone: ${verdict === 'ok' ? `it has removed ${pathsOf(removed)}` : verdict}]`);
}

function pathsOf(changes: readonly Change[]): string {
  return changes.map(({ path }) => JSON.stringify(path)).join(', ');
}

async function main(): Promise<void> {
  const [project, ...rest] = process.argv.slice(2);
  const applies = rest[0] === '--apply';
  const commands = applies ? rest.slice(1) : rest;
  if (project === undefined || commands.length === 0) throw new Error('usage: agent-copy PROJECT [--apply] command...');
  const view = hostView();
  await using box = await Sandbox.create({ ...view, cwd: undefined, project: { path: project, mode: 'overlay' } });
  for (const command of commands) await step(box, command);
  process.stdout.write(await box.diff());
  if (applies) console.log(`applied: ${pathsOf(await box.apply())}`);
}

main().catch(fail);
