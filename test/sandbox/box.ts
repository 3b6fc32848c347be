import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountEntry, Sandbox, type SandboxSpec, hostUserland } from '../../lib';

/** The host's programs, and on top of them what a test is about. */
export function userland(spec: SandboxSpec = {}): SandboxSpec {
  const base = hostUserland();
  return { ...base, ...spec, mounts: [...base.mounts, ...(spec.mounts ?? [])] };
}

/** Programs for a root that has directories to bind them on. */
export function programs(): MountEntry[] {
  return hostUserland().mounts.filter(({ target }) => /^\/(usr|bin|sbin|lib\w*)$/.test(target));
}

/** Makes a sandbox, uses it, and closes it, whatever happens. */
export async function inSandbox<T>(spec: SandboxSpec, use: (sandbox: Sandbox) => Promise<T>): Promise<T> {
  const sandbox = await Sandbox.create(spec);
  try {
    return await use(sandbox);
  } finally {
    await sandbox.close();
  }
}

/** What a command line in a sandbox writes, to either side, whether it succeeds or not. */
export async function said(sandbox: Sandbox, command: string): Promise<string> {
  const { stdout } = await sandbox.exec(`exec 2>&1; ${command}; true`);
  return stdout.trimEnd();
}

/** What a command line writes in a sandbox made for it. */
export async function saidIn(spec: SandboxSpec, command: string): Promise<string> {
  return inSandbox(userland(spec), (sandbox) => said(sandbox, command));
}

/** A directory of the host's for one test, gone after it. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'ns-sandbox-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
