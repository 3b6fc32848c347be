/** Work directories of overlays, on the host: a sandbox's own, and gone with it. */
import { chmodSync, rmSync } from 'node:fs';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { atExit, untilDone } from '../handle/at-exit';
import { systemError } from '../errors/system-error';

/** Without it the kernel's own directory in there, which nobody may look into, could not be removed. */
const OWNER_ALONE = 0o700;

export class WorkDirectories {
  readonly #paths: string[] = [];
  readonly #settled: () => void;
  #sandbox: { end(): void } | undefined;

  /** @param diesWithProcess - whether they are removed when this process ends by itself */
  constructor(diesWithProcess: boolean) {
    this.#settled = diesWithProcess ? atExit(() => this.#removeNow()) : () => undefined;
  }

  /** Makes one, to be removed. What a sandbox has left whose process was killed will do. */
  async make(path: string): Promise<void> {
    this.#paths.push(path);
    try {
      await mkdir(path, { recursive: true });
    } catch (error) {
      throw systemError(error, { step: `make work directory ${path}`, operation: 'make_dir', path });
    }
  }

  /** Who writes there, and has to be ended first. */
  usedBy(sandbox: { end(): void }): void {
    this.#sandbox = sandbox;
  }

  async remove(): Promise<void> {
    await Promise.all(this.#paths.map(removeOne));
    this.#settled();
  }

  #removeNow(): void {
    if (this.#paths.length === 0) return;
    this.#sandbox?.end();
    untilDone(() => this.#paths.forEach(removeNow));
  }
}

async function removeOne(path: string): Promise<void> {
  await chmod(join(path, 'work'), OWNER_ALONE).catch(() => undefined);
  await rm(path, { recursive: true, force: true });
}

function removeNow(path: string): void {
  try {
    chmodSync(join(path, 'work'), OWNER_ALONE);
  } catch {
    // the kernel has made none
  }
  rmSync(path, { recursive: true, force: true });
}
