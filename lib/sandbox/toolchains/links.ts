/** Follows symbolic links of the host one by one, so that those on the way to a file can be made in a sandbox, too. */
import { type Stats, lstatSync, readlinkSync } from 'node:fs';
import { dirname } from 'node:path';

/** A symbolic link, and the path that it has. */
export interface Link {
  readonly path: string;
  readonly to: string;
}

/** The file that a path leads to, and the links on the way. */
export interface Way {
  readonly real: string;
  readonly links: readonly Link[];
}

/** MAXSYMLINKS of the kernel. path_resolution(7) */
const MOST_LINKS = 40;

/** Reads each link once. */
export class Links {
  readonly #known = new Map<string, Stats | undefined>();
  readonly #targets = new Map<string, string>();

  /** Undefined for a path that leads to nothing, or that this process may not follow. */
  follow(path: string): Way | undefined {
    const links: Link[] = [];
    const names = partsOf(path).reverse();
    let real = '';
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      if (name === '..') {
        real = real === '' ? '' : dirname(real).replace(/^\/$/, '');
        continue;
      }
      const next = `${real}/${name}`;
      const status = this.status(next);
      if (status === undefined) return undefined;
      if (!status.isSymbolicLink()) {
        real = next;
        continue;
      }
      const to = this.#targetOf(next);
      if (to === undefined || links.push({ path: next, to }) > MOST_LINKS) return undefined;
      if (to.startsWith('/')) real = '';
      names.push(...partsOf(to).reverse());
    }
    return { real: real === '' ? '/' : real, links };
  }

  /** The status of a file itself, which may be a link; undefined where there is none that this process may look at. */
  status(path: string): Stats | undefined {
    if (!this.#known.has(path)) this.#known.set(path, statusOf(path));
    return this.#known.get(path);
  }

  #targetOf(link: string): string | undefined {
    const known = this.#targets.get(link) ?? targetOf(link);
    if (known !== undefined) this.#targets.set(link, known);
    return known;
  }
}

function partsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

function statusOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
