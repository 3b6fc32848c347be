/** A home directory of the host, with the files of managers of toolchains in it. */
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export class Home {
  readonly path: string;

  constructor() {
    this.path = realpathSync(mkdtempSync(join(tmpdir(), 'linux-ns-home-')));
  }

  /** A file, given by its path in the home directory, or by an absolute one. */
  file(name: string, data: string, mode = 0o644): string {
    const path = this.at(name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, data);
    chmodSync(path, mode);
    return path;
  }

  /** A script of the shell that is a program. */
  program(name: string, script: string): string {
    return this.file(name, `#!/bin/sh\n${script}\n`, 0o755);
  }

  link(name: string, to: string): string {
    const path = this.at(name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(to, path);
    return path;
  }

  directory(name: string): string {
    const path = this.at(name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  at(name: string): string {
    return name.startsWith('/') ? name : join(this.path, name);
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
