/** Puts what is said of paths into an order of entries: of several rules for a path, the one for the longest counts. */
import { isWithin } from '../below';
import type { MountEntry } from '../sandbox-spec';

/** The rules, from the one that gives most to the strictest. */
const RULES = ['own', 'write', 'readOnly', 'hide'] as const;

/** `'own'` is an empty directory of the sandbox's own. */
export type Rule = (typeof RULES)[number];

export interface Ruled {
  readonly path: string;
  readonly rule: Rule;
  /** False for a rule that the caller has not given: any that is given for the same path counts instead. */
  readonly given: boolean;
}

/** A rule in force, with the one for the nearest directory above it. */
export interface InForce extends Ruled {
  readonly above: Rule | undefined;
}

/** Leaves one rule for each path, sorted so that directories come before what is in them. */
export function inForce(all: readonly Ruled[]): InForce[] {
  const byPath = new Map<string, Ruled>();
  for (const each of all) {
    const other = byPath.get(each.path);
    if (other === undefined || weight(each) > weight(other)) byPath.set(each.path, each);
  }
  const sorted = [...byPath.values()].sort((a, b) => (byNames(a.path) < byNames(b.path) ? -1 : 1));
  const way: Ruled[] = [];
  return sorted.map((each) => {
    while (way.length > 0 && !isWithin(each.path, way.at(-1)?.path ?? '')) way.pop();
    const above = way.at(-1)?.rule;
    way.push(each);
    return { ...each, above };
  });
}

/** The weight of a rule: of two for a path, one that was given counts, and then the stricter one. */
function weight({ rule, given }: Ruled): number {
  return RULES.indexOf(rule) + (given ? RULES.length : 0);
}

/** A path such that the order of texts is that of directories: the names in a directory follow it at once. */
function byNames(path: string): string {
  return path.replaceAll('/', '\0');
}

/** The rule for a path, or for the nearest directory above it. */
export function ruleFor(path: string, rules: readonly Ruled[]): Ruled | undefined {
  return rules.filter((each) => isWithin(path, each.path)).at(-1);
}

/**
 * The entries for rules in force. What is read-only in a writable directory is protected, as it could be renamed otherwise,
 * unless a path below it is writable again. A directory that is hidden, and has something to be shown below it, is an empty one in
 * which there is room for that.
 */
export function entriesOf(rules: readonly InForce[]): MountEntry[] {
  const shown = rules.filter(({ rule, above }) => isShown(rule) && !isShown(above));
  const hasRoom = (path: string): boolean => shown.some((each) => isBelow(each.path, path));
  const rooms: MountEntry[] = [];
  const entries = rules.flatMap(({ path, rule, above, given }): MountEntry[] => {
    if (rule === above) return [];
    switch (rule) {
      case 'own':
        return [{ type: 'tmpfs', target: path, mode: 0o1777 }];
      case 'write':
        return [{ type: 'bind', source: path, target: path }];
      case 'readOnly':
        if (above === 'write' && !rules.some((each) => each.rule === 'write' && isBelow(each.path, path))) {
          return [{ type: 'protect', target: path }];
        }
        return [{ type: 'bindReadOnly', source: path, target: path, optional: !given }];
      case 'hide':
        if (!isShown(above)) return [];
        if (!hasRoom(path)) return [{ type: 'mask', target: path, optional: true }];
        rooms.push({ type: 'readOnly', target: path });
        return [{ type: 'tmpfs', target: path }];
    }
  });
  return [...entries, ...rooms];
}

function isBelow(path: string, directory: string): boolean {
  return path !== directory && isWithin(path, directory);
}

function isShown(rule: Rule | undefined): boolean {
  return rule === 'write' || rule === 'readOnly';
}
