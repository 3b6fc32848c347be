/** The way from a lab to the network of this machine, and what that leads to. */
import { type Parsed, boolean, oneOf, required, schema } from '../errors/schema';
import { type Attachment, attach } from '../network/attach/attach';
import type { AttachProgram } from '../network/attach/attach-options';
import { ADDRESSES } from '../network/attach/pasta';
import { Host, type HostServices } from './host';
import { HOST, type HostOptions, labName } from './host-options';
import { natRules } from './nat';

/** Options of {@link Lab.outside}. */
export interface OutsideOptions {
  /** The networks from which the way leads outside: those that its router is on. */
  on: NonNullable<HostOptions['on']>;
  /** The name of the router. Default: `'outside'`. */
  name?: string | undefined;
  /** The program that passes on the packets, without privileges. Default: `'pasta'`. */
  with?: AttachProgram | undefined;
  /**
   * Lets the address 10.0.2.2 lead to the loopback of this machine, and so to all services that listen only there.
   * Default: false.
   */
  hostLoopback?: boolean | undefined;
}

export const OUTSIDE = schema<OutsideOptions>()({
  on: required(HOST.checks.on),
  name: labName,
  with: oneOf(['pasta', 'slirp4netns']),
  hostLoopback: boolean,
});

/** The name of the interface that leads outside. */
const LINK = 'tap0';

/**
 * The router to the outside. Hosts have a default route to it, and outside they are this machine. It leads no way in.
 * {@link Lab.outside} makes it.
 */
export class Outside extends Host {
  /** The program that passes on the packets. */
  readonly program: AttachProgram;
  /** True if {@link gateway} leads to the loopback of this machine. */
  readonly hostLoopback: boolean;
  /** The address of the program, as hosts see it. */
  readonly gateway: string = ADDRESSES.gateway;
  readonly #services: HostServices;

  /** @internal */
  constructor(name: string, options: Parsed<typeof OUTSIDE>, services: HostServices) {
    super(name, {}, services, { isRouter: true, leadsOutside: true });
    this.program = options.with ?? 'pasta';
    this.hostLoopback = options.hostLoopback ?? false;
    this.#services = services;
  }

  /** Starts the host after a crash, and opens the way again. */
  override async restart(): Promise<void> {
    await super.restart();
    await this.#attach();
  }

  /** Makes the rules by which all hosts share one address outside, and opens the way. @internal */
  async open(): Promise<void> {
    await this.commitRules(natRules({ link: LINK, address: ADDRESSES.address }, 'port-restricted'));
    await this.#attach();
  }

  /** Starts the program, which ends with what runs on the host. */
  async #attach(): Promise<void> {
    const { program, hostLoopback, namespaces } = this;
    const attachment = await attach(namespaces, { with: program, hostLoopback, interface: LINK });
    noteEnd(this.#services, this.name, attachment);
    const { index } = await this.network.link.get(LINK);
    this.reserveIndex(index);
  }
}

/** It is no method: what waits for a program may not refer to the lab, or a lab that is forgotten is never collected. */
function noteEnd({ events }: Pick<HostServices, 'events'>, host: string, { program, pid, exited }: Attachment): void {
  events.add('program', `${program} of ${host} starts, pid ${pid}`);
  void exited.then(({ code, signal }) => events.add('program', `${program} of ${host} ends, ${signal ?? code}`));
}
