import { NAMESPACE_KINDS, type NamespaceKind } from '../../kernel/namespace-kind';
import type { DiscoveredNamespace, DiscoveredProcess, DiscoveredTask, NamespacesByKind } from '../namespace';
import type { Unread } from '../unread';
import { printable, shortened } from '../../errors/printable';

/**
 * The content of every picture, in any format: user namespaces are frames, one in another, and each frame has bundles
 * of processes that share all their namespaces. So each process occurs once, and each namespace occurs once.
 */
export interface Scene {
  readonly frames: readonly Frame[];
  /** Sentences about the namespaces that the picture does not show. */
  readonly notes: readonly string[];
}

/** The part of a {@link NamespaceMap} that pictures use. */
export interface Pictured {
  readonly namespaces: readonly DiscoveredNamespace[];
  readonly processes: readonly DiscoveredProcess[];
  readonly roots: readonly DiscoveredNamespace[];
  readonly unread: readonly Unread[];
}

/** A user namespace and what belongs to it. */
export interface Frame {
  /** The user namespace; undefined for the frame of namespaces whose owner cannot be seen. */
  readonly user: DiscoveredNamespace | undefined;
  readonly bundles: readonly Bundle[];
  readonly frames: readonly Frame[];
}

/** Processes that are in the same namespaces; or namespaces without processes that the same thing keeps. */
export interface Bundle {
  /**
   * The namespaces that are drawn in this bundle: it is the first bundle in the frame of their owner that is in them.
   */
  readonly own: readonly DiscoveredNamespace[];
  /** The other namespaces that the bundle is in, without those of the surroundings. */
  readonly shared: readonly DiscoveredNamespace[];
  readonly members: readonly Member[];
  /** The things that keep the namespaces, where no process is in them. */
  readonly keepers: readonly string[];
}

/** A process, or a thread that is in other namespaces than its process. */
type Member = DiscoveredProcess | DiscoveredTask;

interface Group {
  readonly namespaces: NamespacesByKind;
  readonly members: Member[];
}

export function sceneOf(map: Pictured): Scene {
  const builder = new SceneBuilder(map);
  const top = map.roots.map((user) => builder.frame(user, undefined));
  const rest = builder.unowned();
  return { frames: rest === undefined ? top : [...top, rest], notes: map.unread.map(({ reason }) => reason) };
}

/**
 * The texts for the processes of a bundle, `'1234 sleep 1000'`, safe to print. All kernel threads have one text
 * together.
 */
export function leavesOf({ members }: Bundle): string[] {
  const kernel = members.filter(isKernelThread);
  const others = new Map<string, Member[]>();
  for (const member of members) {
    if (isKernelThread(member)) continue;
    const label = labelOf(member);
    const same = others.get(label);
    if (same === undefined) others.set(label, [member]);
    else same.push(member);
  }
  const leaves = [...others].map(
    ([label, same]) => `${idOf(same[0])} ${label}${same.length > 1 ? ` ×${same.length}` : ''}`,
  );
  if (kernel.length === 1) leaves.push(`${idOf(kernel[0])} ${labelOf(kernel[0])}`);
  if (kernel.length > 1) leaves.push(`${kernel.length} kernel threads`);
  return leaves;
}

/** The creator of a user namespace, `'by linux-ns-ci (1001)'`; an empty text for that of the host. */
export function creatorOf({ owner, ownerUid, ownerUser }: DiscoveredNamespace): string {
  if (ownerUid === undefined || owner === undefined) return '';
  return `by ${ownerUser === undefined ? `uid ${ownerUid}` : `${printable(ownerUser)} (${ownerUid})`}`;
}

export function countOf(processes: readonly unknown[]): string {
  return processes.length === 1 ? '1 process' : `${processes.length} processes`;
}

class SceneBuilder {
  readonly #map: Pictured;
  readonly #groups = new Map<DiscoveredNamespace, Group[]>();
  readonly #drawn = new Set<DiscoveredNamespace>();
  /** False where no owner is known. All namespaces are drawn with their processes then. */
  readonly #ownersKnown: boolean;

  constructor(map: Pictured) {
    this.#map = map;
    this.#ownersKnown = map.namespaces.some(({ owner }) => owner !== undefined);
    const byNamespaces = new Map<string, Group>();
    for (const member of membersOf(map)) this.#group(member, byNamespaces);
  }

  frame(user: DiscoveredNamespace, surroundings: NamespacesByKind | undefined): Frame {
    const groups = this.#groups.get(user) ?? [];
    const base = groups[0]?.namespaces ?? surroundings ?? {};
    const homes = this.#homes(user, groups);
    const bundles = groups.map((group, index) => {
      const context = index === 0 ? (surroundings ?? {}) : base;
      const own = homes.get(group) ?? [];
      const shared = listOf(group.namespaces).filter(
        (each) => each.kind !== 'user' && !own.includes(each) && context[each.kind] !== each,
      );
      return { own, shared, members: group.members, keepers: [] };
    });
    const frames = user.children.map((child) => this.frame(child, base));
    return { user, bundles: [...bundles, ...this.#kept(user.owned)], frames };
  }

  /** The frame of the namespaces without an owner, which comes after all other frames. */
  unowned(): Frame | undefined {
    const bundles = this.#kept(
      this.#map.namespaces.filter(({ kind, owner }) => kind !== 'user' && owner === undefined),
    );
    return bundles.length === 0 ? undefined : { user: undefined, bundles, frames: [] };
  }

  #group(member: Member, byNamespaces: Map<string, Group>): void {
    const { user } = member.namespaces;
    if (user === undefined || isEnding(member)) return;
    const key = listOf(member.namespaces).join();
    const known = byNamespaces.get(key);
    if (known !== undefined) {
      known.members.push(member);
      return;
    }
    const group = { namespaces: member.namespaces, members: [member] };
    byNamespaces.set(key, group);
    const groups = this.#groups.get(user);
    if (groups === undefined) this.#groups.set(user, [group]);
    else groups.push(group);
  }

  /**
   * The namespaces that are drawn with each group. A namespace is drawn with the first group of the frame that is in
   * it.
   */
  #homes(user: DiscoveredNamespace, groups: readonly Group[]): Map<Group, DiscoveredNamespace[]> {
    const homes = new Map<Group, DiscoveredNamespace[]>();
    for (const group of groups) {
      const own = listOf(group.namespaces).filter(({ owner }) => owner === user || !this.#ownersKnown);
      const drawn = own.filter((each) => each.kind !== 'user' && !this.#drawn.has(each));
      for (const each of drawn) this.#drawn.add(each);
      homes.set(group, drawn);
    }
    return homes;
  }

  /**
   * The bundles of namespaces that no group of their frame is in. Namespaces that the same thing keeps are one bundle.
   */
  #kept(namespaces: readonly DiscoveredNamespace[]): Bundle[] {
    const together = new Map<string, Bundle & { own: DiscoveredNamespace[] }>();
    for (const namespace of namespaces) {
      if (this.#drawn.has(namespace)) continue;
      const keepers = keepersOf(namespace);
      const key = keepers.join('\n');
      const bundle = together.get(key) ?? { own: [], shared: [], members: [], keepers };
      bundle.own.push(namespace);
      together.set(key, bundle);
    }
    return [...together.values()];
  }
}

/** The things that keep a namespace without processes of its owner's, for a person; safe to print. */
export function keepersOf(namespace: DiscoveredNamespace): string[] {
  const { processes, mounts, descriptors, sockets, forChildren } = namespace;
  const keepers = [
    ...processes.slice(0, 1).map((process) => {
      const others = processes.length - 1;
      return `in use by ${memberText(process)}${others === 0 ? '' : ` and ${others} more`}`;
    }),
    ...mounts.map(({ mountPoint, process }) =>
      process === undefined ? printable(mountPoint) : `${printable(mountPoint)} of ${memberText(process)}`,
    ),
    ...descriptors.map(({ process }) => `open in ${memberText(process)}`),
    ...sockets.map(({ process }) => `socket of ${memberText(process)}`),
    ...forChildren.map((process) => `for children of ${memberText(process)}`),
  ];
  return keepers.length === 0 ? ['kept by what is below it'] : [...new Set(keepers)];
}

/** The text for a process in a sentence. Its command line is cut. */
function memberText(member: Member): string {
  return `${idOf(member)} ${shortened(labelOf(member), 32)}`;
}

function* membersOf(map: Pictured): Generator<Member> {
  const all = map.processes.flatMap((process): Member[] => [process, ...process.tasks]);
  yield* all.sort((a, b) => a.startTime - b.startTime);
}

/** The namespaces, in the order of the kinds. */
function listOf(namespaces: NamespacesByKind): DiscoveredNamespace[] {
  return NAMESPACE_KINDS.flatMap((kind: NamespaceKind) => namespaces[kind] ?? []);
}

/** True for a process that has ended. A zombie has left all its namespaces but the user and pid namespaces. */
function isEnding(member: Member): boolean {
  return 'state' in member && (member.state === 'Z' || member.state === 'X');
}

/** True for kernel threads, which process 2 of a host, kthreadd, has made. */
function isKernelThread(member: Member | undefined): boolean {
  if (member === undefined || 'process' in member) return false;
  const { pid, ppid, name, parent } = member;
  return (pid === 2 && name === 'kthreadd' && ppid === 0) || (parent?.pid === 2 && parent.name === 'kthreadd');
}

function idOf(member: Member | undefined): string {
  if (member === undefined) return '';
  return 'process' in member ? `${member.process.pid}/${member.tid}` : String(member.pid);
}

function labelOf(member: Member | undefined): string {
  if (member === undefined) return '';
  return printable(('command' in member ? member.command : undefined) ?? member.name).trim();
}
