/** Connectivity for network namespaces without privileges: by pasta(1) or slirp4netns(1). */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { atExit } from '../../handle/at-exit';
import { closeFd } from '../../handle/close';
import { askNsfs } from '../../namespace/nsfs';
import { withoutOwn } from '../../launch/join';
import type { Exit } from '../../task/task';
import { native } from '../../native';
import type { NamespaceSet } from '../../set/namespace-set';
import type { NamespaceProcess } from '../../process/namespace-process';
import { type NetworkTarget, membersOf } from '../place';
import { startHelper } from './helper';
import { type NetworkAttachOptions, type AttachPlan, type AttachProgram, parseAttach } from './attach-options';
import { ADDRESSES, pastaArgs } from './pasta';
import { refusedPort } from './ports';
import { checkSlirpPorts, forwardPorts, hasSandbox, slirpArgs } from './slirp';

/**
 * A connection of a network namespace to the outside, which a program keeps up: {@link Network.attach}. It ends with
 * `close()`, with the set that it was made for, and with this process. pasta(1), slirp4netns(1)
 */
export class Attachment {
  /** The name of the program. */
  readonly program: AttachProgram;
  /** The pid of the program, as this process sees it. */
  readonly pid: number;
  /** The name of the interface inside. */
  readonly interface: string;
  /** The IPv4 address that the interface has. */
  readonly address = ADDRESSES.address;
  /** The gateway inside; with `hostLoopback` it leads to the loopback of the host. */
  readonly gateway = ADDRESSES.gateway;
  /** The address of a name server inside, which passes questions on to the name server of the host. */
  readonly dns = ADDRESSES.dns;
  /** Resolves when the program has ended, for any reason; it never rejects. */
  readonly exited: Promise<Exit>;
  readonly #process: NamespaceProcess;
  #closing: Promise<void> | undefined;

  /** @internal */
  constructor(process: NamespaceProcess, plan: AttachPlan) {
    this.program = plan.program;
    this.pid = process.pid;
    this.interface = plan.interface;
    this.exited = process.exited;
    this.#process = process;
  }

  /** True after `close()` has been called. */
  get closed(): boolean {
    return this.#closing !== undefined;
  }

  /** Ends the program, and with it the interface and the forwarded ports. Calling it again changes nothing. */
  async close(): Promise<void> {
    this.#closing ??= this.#process.close();
    await this.#closing;
  }

  /** Calls {@link Attachment.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** {@link Network.attach} */
export async function attach(target: NetworkTarget, options: NetworkAttachOptions = {}): Promise<Attachment> {
  const plan = parseAttach(options);
  checkSlirpPorts(plan);
  const { net } = membersOf('target', target);
  const user = foreignUserOf(net.fd);
  try {
    const process = await start(plan, net.fd, user);
    return closedAlong(target, new Attachment(process, plan));
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_LINUX_NS_ATTACH') throw error;
    throw (await refusedPort(plan)) ?? error;
  } finally {
    if (user !== undefined) closeFd(user);
  }
}

function start(plan: AttachPlan, net: number, user: number | undefined): Promise<NamespaceProcess> {
  const { program, signal } = plan;
  const hasUser = user !== undefined;
  if (program === 'pasta')
    return startHelper({ program, args: pastaArgs(plan, hasUser), net, user, apart: false, signal });
  return withDirectory(async (directory) => {
    const api = join(directory, 'api');
    const args = slirpArgs(plan, hasUser, api);
    const process = await startHelper({ program, args, net, user, apart: hasSandbox(), signal });
    try {
      await forwardPorts(api, plan);
      return process;
    } catch (error) {
      await process.close();
      throw error;
    }
  });
}

/** A descriptor of the user namespace that owns a network namespace; undefined where that is this process's own. */
function foreignUserOf(net: number): number | undefined {
  const attempt = { step: 'open the user namespace of the network', operation: 'open', kind: 'user' } as const;
  const user = askNsfs(() => native().namespaceUser(net), attempt);
  let isForeign = false;
  try {
    const { ino, dev } = askNsfs(() => native().namespaceInfo(user), attempt);
    isForeign = withoutOwn([{ kind: 'user', id: ino, dev }]).length > 0;
    return isForeign ? user : undefined;
  } finally {
    if (!isForeign) closeFd(user);
  }
}

/**
 * Makes a directory, and removes it when it has been used: the socket in it is not needed any more once somebody has
 * connected to it.
 */
async function withDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'linux-ns-slirp-'));
  const settled = atExit(() => rmSync(directory, { recursive: true, force: true }));
  try {
    return await use(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
    settled();
  }
}

/** Closes the attachment together with a set. A single Namespace has no such list, and does not end it. */
function closedAlong(target: NetworkTarget, attachment: Attachment): Attachment {
  if (!isSet(target)) return attachment;
  const forget = target.closeAlong(() => attachment.close());
  void attachment.exited.then(forget);
  return attachment;
}

function isSet(target: NetworkTarget): target is NamespaceSet {
  return 'closeAlong' in target;
}
