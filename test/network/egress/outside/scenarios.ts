import { dial } from '../../../../lib/network/egress/outside/dial';
import { Policy } from '../../../../lib/network/egress/policy/policy';

/** Dials from the network of this process, where these rules allow it, and gives the reason why not. */
export async function dialHere(address: string, ...allow: string[]): Promise<string> {
  const policy = Policy.of('policy', { allow });
  return dial({ name: undefined, address, port: 9, policy }).then(
    () => 'connected',
    (error: unknown) => (error as Error).message,
  );
}
