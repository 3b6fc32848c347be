import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ONE_WAIT } from '../fixtures/patience';
import { runScenario } from '../fixtures/scenario';

/** A program inside does its worst, over and over: one file of this directory each, which exports it as `attack`. */
export interface Attack {
  /** What the attacker tries, in one sentence. */
  about: string;
  /** Attacks again and again until then, which is a time of `Date.now()`; cleans up after itself. */
  run(until: number): Promise<AttackResult>;
}

/** What an attack has come to. */
export interface AttackResult {
  rounds: number;
  /** Each breach of a promise in words; empty when all was well. */
  broken: string[];
}

/** What an attack may take beyond its time: the rounds that run, and what it cleans up. */
const GRACE_MS = ONE_WAIT;

/** The names of all attacks: their files without `.ts`. */
export function attackNames(): string[] {
  const files = readdirSync(__dirname).filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts'));
  return files.map((file) => file.slice(0, -'.ts'.length)).filter((name) => name !== 'attack');
}

/**
 * Runs an attack in a Node process of its own, for one that succeeds may bring down the process that it attacks. A
 * process that has crashed, was killed or does not come to an end is a breach, too.
 */
export async function runAttack(name: string, milliseconds: number): Promise<AttackResult> {
  const timeout = milliseconds + GRACE_MS;
  const outcome = await runScenario(__filename, 'attackHere', [name, milliseconds], { timeout });
  if (outcome.code === 0 && outcome.result !== undefined) return outcome.result as AttackResult;
  const how = outcome.signal ?? `status ${String(outcome.code)}`;
  return { rounds: 0, broken: [`the attacked process ended with ${how}: ${outcome.stderr.trim()}`] };
}

/** Runs an attack in this process, from now on for so long. */
export async function attackHere(name: string, milliseconds: number): Promise<AttackResult> {
  // Not import(): what runs TypeScript here does so for require() alone.
  const { attack } = createRequire(__filename)(join(__dirname, `${name}.ts`)) as { attack: Attack };
  return await attack.run(Date.now() + milliseconds);
}
