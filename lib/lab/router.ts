/** A router of a lab. */
import { Host, type HostServices } from './host';
import type { HostSettings } from './host-options';

/** A host that passes on the packets of others between its networks. {@link Lab.addRouter} makes one. */
export class Router extends Host {
  /** @internal */
  constructor(name: string, settings: HostSettings, services: HostServices) {
    super(name, settings, services, true);
  }
}
