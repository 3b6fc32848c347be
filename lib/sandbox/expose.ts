/** Makes servers inside a sandbox reachable from outside. This file is loaded with the code of networks. */
import { integer, schema, without } from '../errors/schema';
import { FORWARD, type Forward, MOST_PORT } from '../network/forward/forward';
import type { Network } from '../network/network';
import type { ExposeOptions } from './sandbox-spec';

const parseOptions = schema<ExposeOptions>()({
  ...without(FORWARD.checks, 'inside', 'direction', 'host'),
  host: integer(0, MOST_PORT),
});

const parsePort = integer(1, MOST_PORT);

/** {@link Sandbox.expose}. The arguments are checked before the network is opened. */
export async function expose(open: () => Promise<Network>, port: number, given: ExposeOptions): Promise<Forward> {
  const inside = parsePort('port', port);
  const { host = 0, ...options } = parseOptions('options', given);
  const network = await open();
  return network.forward({ ...options, host, inside });
}
