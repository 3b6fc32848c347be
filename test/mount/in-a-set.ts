/** What the tests of this folder share: a set to mount in, and a tmpfs in it to make directories in. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountInfo, type NamespaceKind, type NamespaceSet, type UnshareSpec, unshare } from '../../lib';

export class Workshop {
  private constructor(
    readonly set: NamespaceSet,
    /** The directory outside, and the tmpfs that is mounted on it inside. */
    readonly folder: string,
  ) {}

  static async open(spec: NamespaceKind[] | UnshareSpec = ['user', 'mnt']): Promise<Workshop> {
    const folder = mkdtempSync(join(tmpdir(), 'ns-mounts-'));
    const set = await unshare(spec);
    await set.mount({ type: 'tmpfs', target: folder });
    return new Workshop(set, folder);
  }

  /** A path below the folder. */
  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Directories below the folder, made inside. */
  async directories<const Names extends string[]>(...names: Names): Promise<{ [Index in keyof Names]: string }> {
    const paths = names.map((name) => this.path(name));
    await this.set.execFile('mkdir', ['-p', ...paths]);
    return paths as { [Index in keyof Names]: string };
  }

  /** The uppermost mount on a path. */
  async mountAt(path: string): Promise<MountInfo | undefined> {
    return (await this.set.mountinfo()).filter(({ target }) => target === path).at(-1);
  }

  /** The options of the uppermost mount on a path. */
  async optionsAt(path: string): Promise<string[]> {
    return (await this.mountAt(path))?.options ?? [];
  }

  /** The mount points below a path. */
  async below(path: string): Promise<string[]> {
    return (await this.set.mountinfo()).map(({ target }) => target).filter((target) => target.startsWith(`${path}/`));
  }

  async close(): Promise<void> {
    await this.set.close();
    rmSync(this.folder, { recursive: true });
  }
}
