/** The namespaces of a host: how they are made by one task, and made again after a crash. */
import type { Step } from '../../types/native';
import { closeFd } from '../handle/close';
import { notForgotten } from '../handle/forgotten';
import { systemError } from '../errors/system-error';
import { CLONE_FLAGS, type NamespaceKind } from '../kernel/namespace-kind';
import { MNT_DETACH, MOUNT_ATTR } from '../kernel/mount-flags';
import type { Credentials } from '../idmap/credentials';
import { type UnshareSpec, kindsOfSpec } from '../launch/unshare-spec';
import { launch } from '../launch/launch';
import { native } from '../native';
import type { Namespace } from '../namespace/namespace';
import type { Egress } from '../network/egress/egress';
import type { Policy } from '../network/egress/policy/policy';
import { Network, egressBy } from '../network/network';
import { NETWORK_SOCKETS, socketStep } from '../network/place';
import { PLACE } from '../plan/place';
import { makeStep } from '../plan/step';
import { type NamespaceSet, setOf } from '../set/namespace-set';
import type { Task } from '../task/task';
import { type Core, sysctl } from './core';
import { Captures } from './capture/capture';
import { DNS_SOCKETS, HostDns } from './dns/server';
import { NAME_SERVER, hostsText } from './files';
import type { HostSettings } from './host-options';
import { OpenSockets } from './open-sockets';

/**
 * The possessions of a host: its namespaces, and what this process has open in its network. It knows nothing of the lab, which is
 * closed when it is forgotten.
 */
export class Machine {
  readonly network: Network;
  /** Its name server, which outlasts crashes. */
  readonly dns: HostDns;
  readonly sockets: OpenSockets;
  readonly captures = new Captures();
  readonly #settings: HostSettings;
  #set: NamespaceSet;
  #runs = true;
  #egress: Egress | undefined;

  constructor(
    set: NamespaceSet,
    { network, dns, sockets }: Pick<Machine, 'network' | 'dns' | 'sockets'>,
    settings: HostSettings,
  ) {
    this.#set = set;
    this.network = network;
    this.dns = dns;
    this.sockets = sockets;
    this.#settings = settings;
  }

  /** Its namespaces; after a crash those that last. */
  get set(): NamespaceSet {
    return this.#set;
  }

  /** False after a crash. */
  get runs(): boolean {
    return this.#runs;
  }

  /** Kills all that runs, and waits until nothing does. */
  async crash(): Promise<void> {
    if (!this.#runs) return;
    this.#runs = false;
    this.sockets.destroy();
    const old = this.#set;
    const lasting = [old.user, old.net, old.mnt, old.uts, old.ipc].filter((namespace) => namespace !== undefined);
    this.#set = setOf(withExisting([], [], lasting));
    notForgotten(this.#set);
    await old.close();
  }

  /** Starts it after a crash: with the network, the names and the mounts that it had, but for what was in memory. */
  async restart(): Promise<void> {
    if (this.#runs) return;
    const old = this.#set;
    this.#set = await reboot(old, this.#settings);
    this.#runs = true;
    await old.close();
  }

  /** Lets programs reach what a policy allows. It lasts, as the network does. */
  async reach(policy: Policy): Promise<void> {
    this.#egress = await egressBy(this.network, policy);
  }

  /** The egress of a host that has one. */
  get egress(): Egress | undefined {
    return this.#egress;
  }

  async close(): Promise<void> {
    this.#runs = false;
    this.sockets.destroy();
    this.dns.close();
    await Promise.all([this.captures.close(), this.network.close(), this.#set.close()]);
  }
}

/** The settings of the network of every host. */
const SETTINGS: readonly Step[] = [
  // An address can be used at once: nobody else has it.
  sysctl('net/ipv6/conf/default/accept_dad', '0'),
  sysctl('net/ipv6/conf/default/dad_transmits', '0'),
  // Routes are known, and no router announces any.
  sysctl('net/ipv6/conf/default/accept_ra', '0'),
  sysctl('net/ipv6/conf/default/router_solicitations', '0'),
];

/** Without addresses of its own making an interface that has no other of IPv6 says nothing by itself. */
const NO_OWN_ADDRESSES = sysctl('net/ipv6/conf/default/addr_gen_mode', '1');

const FORWARDING: readonly Step[] = [sysctl('net/ipv4/ip_forward', '1'), sysctl('net/ipv6/conf/all/forwarding', '1')];

/** The directories that a host can have for itself, in memory. */
const OWN_DIRECTORIES = { tmp: ['/tmp', 'mode=1777'], run: ['/run', 'mode=0755'] } as const;

/**
 * The files of a host with a policy, which decides by the name that a program has looked up. So its programs ask for each
 * name, as it is, and their name server is the one of the egress, at the address that the lab's has elsewhere.
 */
const EGRESS_FILES = { hosts: hostsText([]), 'resolv.conf': `nameserver ${NAME_SERVER}\n` };

const EGRESS_FILE_STEPS: readonly Step[] = Object.entries(EGRESS_FILES).map(([name, contents]) =>
  makeStep('data', {
    target: `/etc/${name}`,
    mode: 0o644,
    contents,
    attributes: MOUNT_ATTR.RDONLY | MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV,
    flags: PLACE.OPTIONAL,
  }),
);

/** Makes the namespaces of a host below those of the lab, and opens its network. */
export async function boot(
  core: Core,
  settings: HostSettings,
  { hostname, isRouter, hasIpv6 }: { hostname: string; isRouter: boolean; hasIpv6: boolean },
): Promise<Machine> {
  const { user, mnt } = core.set;
  const spec: UnshareSpec = {
    user: core.ids,
    mnt: { propagation: 'unchanged' },
    uts: { hostname },
    net: true,
    ipc: true,
    ...bootSpec(settings),
  };
  const steps = [
    ...SETTINGS,
    ...(isRouter ? FORWARDING : []),
    ...(hasIpv6 ? [] : [NO_OWN_ADDRESSES]),
    ...NETWORK_SOCKETS.map(socketStep),
    ...(settings.egress === undefined ? DNS_SOCKETS : []).map(socketStep),
    ...(settings.egress === undefined ? [] : EGRESS_FILE_STEPS),
    ...ownDirectories(settings),
  ];
  const { set, fds } = await hold(spec, [user, mnt], steps);
  const dns = new HostDns(core.dns, fds.splice(NETWORK_SOCKETS.length));
  try {
    const sockets = new OpenSockets(hostname);
    const hasEgress = settings.egress !== undefined;
    const known = (): typeof EGRESS_FILES =>
      hasEgress ? EGRESS_FILES : { hosts: core.hosts.text, 'resolv.conf': core.resolvConf };
    const knownFiles = (file: string): string => (file === 'hosts' ? known().hosts : known()['resolv.conf']);
    const network = Network.over(set, fds, { knownFiles, gone: () => sockets.gone });
    notForgotten(network);
    return new Machine(set, { network, dns, sockets }, settings);
  } catch (error) {
    dns.close();
    await set.close();
    throw error;
  }
}

async function reboot(old: NamespaceSet, settings: HostSettings): Promise<NamespaceSet> {
  const lasting = [old.user, old.net, old.mnt, old.uts, old.ipc];
  const gone = Object.entries(OWN_DIRECTORIES).flatMap(([name, [target]]): Step[] =>
    settings[name as keyof typeof OWN_DIRECTORIES] === true ? [['umount', target, MNT_DETACH]] : [],
  );
  const steps: Step[] = [['umount', '/proc', MNT_DETACH], ...gone, ...ownDirectories(settings)];
  const { set } = await hold(bootSpec(settings), lasting, steps);
  return set;
}

/** The namespaces that are new with each start. */
function bootSpec({ clock }: HostSettings): UnshareSpec {
  return { pid: true, ...(clock === undefined ? {} : { time: clock }) };
}

function ownDirectories(settings: HostSettings): Step[] {
  const entries = Object.entries(OWN_DIRECTORIES).filter(([name]) => settings[name as keyof typeof OWN_DIRECTORIES]);
  const own = entries.map(([, [target, mode]]) => makeStep('fs', { type: 'tmpfs', target, parameters: [mode] }));
  return [makeStep('fs', { type: 'proc', target: '/proc' }), ...own];
}

/** The task is root of the lab's user namespace, below which it makes that of a host. */
const ROOT_OF_LAB: Credentials = { uid: 0, gid: 0, setuid: true, setgid: true };

/** Starts an init that holds new namespaces below existing ones. The descriptors are those that the steps have made. */
async function hold(
  spec: UnshareSpec,
  existing: readonly (Namespace | undefined)[],
  steps: readonly Step[],
): Promise<{ set: NamespaceSet; fds: number[] }> {
  const kinds = kindsOfSpec(spec);
  const join = existing.filter((namespace) => namespace !== undefined);
  const tell: Step = ['namespaces', kinds.map((kind) => CLONE_FLAGS[kind])];
  const task = await launch(
    { unshare: spec, join, who: ROOT_OF_LAB },
    { steps: [...steps, tell, ['hold']], ids: 'default' },
  );
  const fds = task.fds.splice(0);
  try {
    const set = setOf(withExisting(fds.splice(-kinds.length), kinds, join), task);
    notForgotten(set);
    task.unref();
    return { set, fds };
  } catch (error) {
    for (const fd of fds) closeFd(fd);
    await ended(task);
    throw error;
  }
}

async function ended(task: Task): Promise<void> {
  task.end();
  await task.exited;
}

function withExisting(made: number[], kinds: readonly NamespaceKind[], existing: readonly Namespace[]): number[] {
  try {
    for (const { kind, fd } of existing) if (!kinds.includes(kind)) made.push(native().duplicate(fd));
    return made;
  } catch (cause) {
    for (const fd of made) closeFd(fd);
    throw systemError(cause, { step: 'duplicate', operation: 'open' });
  }
}
