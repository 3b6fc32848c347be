import { EventEmitter } from 'node:events';
import { OURS, mustBeOurs } from '../../errors/illegal-constructor';
import { closedError } from '../../errors/namespace-error';
import { inspectAs } from '../../handle/inspect';
import { NameServer } from '../resolve/name-server';
import { breakOff } from '../sockets/break-off';
import { type Inside, type Intake, takeIn } from './intake/intake';
import { type Incoming, NAME_SERVER_PORT, bindNameSocket } from './intake/listener';
import { refuseOtherLinks } from './intake/other-links';
import { Names } from './names/names';
import type { EgressPolicy, EgressRule } from './policy/egress-policy';
import { Policy } from './policy/policy';
import type { EgressRequest, EgressRequests } from './requests/egress-request';
import { Programs } from './requests/programs';
import { Requests } from './requests/requests';
import { Relay, type Shared } from './relay/relay';
import { Room } from './room';

let construct: (policy: Policy) => Egress;
let start: (egress: Egress, inside: Inside, options: StartOptions) => Promise<void>;

/** Has a function called when an egress is being closed. */
export let whenClosed: (egress: Egress, call: () => void) => void;

interface Possessions {
  readonly intake: Intake;
  readonly server: NameServer;
  readonly programs: Programs;
  readonly shared: Shared;
}

/** The events of an {@link Egress}. */
export interface EgressEvents {
  /** A program has tried to connect, and it has been decided. Its numbers grow until it is `finished`. */
  request: [request: EgressRequest];
}

interface StartOptions {
  /** {@link IntakeOptions.by} */
  by?: 'rules' | 'listeners' | undefined;
}

/**
 * The connections that programs in a network make to the outside, and the policy that decides about them: {@link
 * Network.egress}. It is closed together with its network.
 */
export class Egress extends EventEmitter<EgressEvents> implements AsyncDisposable {
  static {
    construct = (policy) => new Egress(OURS, policy);
    start = (egress, inside, options) => egress.#start(inside, options);
    whenClosed = (egress, call) => egress.#onClose.push(call);
    inspectAs(this, (egress) => ({
      ...egress.#policy.shown,
      ports: egress.ports === 'all' ? 'all' : egress.ports.length,
      connections: egress.connections,
      closed: egress.closed,
    }));
  }

  /** The connections that programs have tried to make. The same come as event `'request'`. */
  readonly requests: EgressRequests;
  readonly #requests: Requests;
  readonly #policy: Policy;
  readonly #relays = new Set<Relay>();
  readonly #room = new Room();
  readonly #onClose: (() => void)[] = [];
  /** What programs inside meet. It is set before any of them can. */
  #inside: Possessions | undefined;
  #closed = false;
  #closing: Promise<void> | undefined;

  private constructor(ours: typeof OURS, policy: Policy) {
    mustBeOurs(ours, 'network.egress()');
    super();
    this.#policy = policy;
    this.requests = this.#requests = new Requests({
      isHeard: () => this.listenerCount('request') > 0,
      emit: (request) => this.emit('request', request),
    });
    policy.onChange(() => {
      for (const relay of this.#relays) relay.reconsider();
    });
  }

  /**
   * The ports on which connections are taken in. It is `'all'` where the policy says nothing else and the kernel has
   * nf_tables with `tproxy`, and otherwise a list, in ascending order. On other ports connections are refused at once.
   */
  get ports(): 'all' | readonly number[] {
    return this.#inside?.intake.ports ?? [];
  }

  /** The number of connections that are open, or are being decided about. */
  get connections(): number {
    return this.#relays.size;
  }

  /** True as soon as `close()` has been called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Allows what a rule names, from now on.
   *
   * @throws TypeError, RangeError for what is no rule, or one that can never match; NamespaceError
   * `ERR_LINUX_NS_CLOSED`
   */
  allow(rule: EgressRule): void {
    this.#mustBeOpen();
    this.#policy.allow(rule);
  }

  /**
   * Denies what a rule names, whatever else allows it. Connections that are no longer allowed are cut at once.
   *
   * @throws as {@link Egress.allow}
   */
  deny(rule: EgressRule): void {
    this.#mustBeOpen();
    this.#policy.deny(rule);
  }

  /**
   * Takes a rule of the policy back, be it one that allows or one that denies, and the answers of `ask` about what it
   * names. Connections that are no longer allowed are cut at once.
   *
   * @throws as {@link Egress.allow}, and TypeError for a rule that the policy does not have
   */
  revoke(rule: EgressRule): void {
    this.#mustBeOpen();
    this.#policy.revoke(rule);
  }

  /**
   * Cuts all connections, and takes in no more: from then on programs inside reach nothing. Calling it again changes
   * nothing.
   */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  /** Calls {@link Egress.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #mustBeOpen(): void {
    if (this.closed) throw closedError('This Egress');
  }

  async #start(inside: Inside, { by }: StartOptions): Promise<void> {
    const { ports, namedPorts } = this.#policy;
    const take = (incoming: Incoming): void => void this.#take(incoming);
    if (!inside.isNew) await refuseOtherLinks(inside.link);
    const intake = await takeIn(inside, { ports, named: namedPorts, by, take });
    const names = new Names((name) => this.#policy.mayAllow(name), intake.hasIpv6);
    const server = new NameServer((query) => names.respond(query));
    const programs = new Programs(inside.place);
    const shared = { policy: this.#policy, names, requests: this.#requests, programs, room: this.#room };
    this.#inside = { intake, server, programs, shared };
    const { fd, domain } = await bindNameSocket(inside.place);
    server.receive(fd, domain);
  }

  async #take(incoming: Incoming): Promise<void> {
    const { address, port } = incoming.to;
    if (this.closed || this.#inside === undefined) {
      breakOff(incoming.socket);
    } else if (port === NAME_SERVER_PORT) {
      this.#inside.server.serve(incoming.socket);
    } else if (isLoopback(address) || !this.#room.enter()) {
      breakOff(incoming.socket); // on the program's own loopback nobody else listens on that port
    } else {
      const relay = new Relay(incoming, this.#inside.shared);
      this.#relays.add(relay);
      await relay.run();
      this.#relays.delete(relay);
      this.#room.leave();
    }
  }

  async #close(): Promise<void> {
    this.#closed = true;
    this.#room.close();
    for (const call of this.#onClose.splice(0)) call();
    this.#policy.close();
    for (const relay of this.#relays) relay.cut();
    this.#requests.close();
    this.#inside?.programs.close();
    this.#inside?.server.close();
    await this.#inside?.intake.close();
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}

/** {@link Network.egress} */
export async function egress(
  inside: Inside,
  given: EgressPolicy | Policy,
  options: StartOptions = {},
): Promise<Egress> {
  const made = construct(given instanceof Policy ? given : Policy.of('policy', given));
  try {
    await start(made, inside, options);
    return made;
  } catch (error) {
    await made.close();
    throw error;
  }
}
