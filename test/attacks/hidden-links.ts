/** Who has CAP_NET_ADMIN in a network lets what is listed there come, go, grow and shrink while it is listed. */
import { type NamespaceError, type NamespaceSet, unshare } from '../../lib';
import { Network } from '../../lib/network';
import type { Attack, AttackResult } from './attack';

const LINKS = 60;
const ROUTES = 50;

export const attack: Attack = {
  about: 'A link whose names, and a route whose next hops fit in no message, hide those after them from lists',

  async run(until): Promise<AttackResult> {
    await using set = await unshare(['user', 'net']);
    await using net = await Network.open(set);
    await prepare(net);
    const isOver = (): boolean => Date.now() >= until;
    const [{ rounds, broken }] = await Promise.all([
      watchLists(net, isOver),
      renaming(set, isOver),
      routing(set, isOver),
    ]);
    return { rounds, broken };
  },
};

async function prepare({ link, address, route }: Network): Promise<void> {
  const names = Array.from({ length: LINKS }, (_, index) => `br${index}`);
  await Promise.all(names.map((name) => link.add({ name, kind: 'bridge', addressGeneration: 'none' })));
  await link.set('br0', { up: true });
  await address.add('br0', '10.0.0.1/8');
  const to = Array.from({ length: ROUTES }, (_, index) => `20.0.${index}.0/24`);
  await Promise.all(to.map((each) => route.add({ to: each, via: '10.0.0.2' })));
}

/** Every list is whole, or an error that says why not. */
async function watchLists(net: Network, isOver: () => boolean): Promise<AttackResult> {
  const broken: string[] = [];
  let rounds = 0;
  for (; !isOver() && broken.length === 0; rounds++) {
    const links = await orReason(net.link.list());
    if (typeof links !== 'string' && links.length !== LINKS + 1) broken.push(`${links.length} of ${LINKS + 1} links`);
    const routes = await orReason(net.route.list());
    if (typeof routes === 'string') continue;
    const own = routes.filter(({ to }) => to.startsWith('20.'));
    if (own.length !== ROUTES) broken.push(`${own.length} of ${ROUTES} routes`);
  }
  return { rounds, broken };
}

async function orReason<T>(list: Promise<T>): Promise<T | string> {
  try {
    return await list;
  } catch (error) {
    const { code } = error as NamespaceError;
    if (['EMSGSIZE', 'ERR_LINUX_NS_INTERRUPTED'].includes(code)) return code;
    throw error;
  }
}

async function renaming(set: NamespaceSet, isOver: () => boolean): Promise<void> {
  await using other = await Network.open(set);
  const names = Array.from({ length: 480 }, (_, index) => String(index).padStart(113, 'x'));
  while (!isOver()) {
    await other.link.set('br20', { addNames: names });
    await other.link.set('br20', { removeNames: names });
  }
}

async function routing(set: NamespaceSet, isOver: () => boolean): Promise<void> {
  await using other = await Network.open(set);
  const nexthops = Array.from({ length: 3900 }, (_, index) => ({
    via: `10.1.${Math.floor(index / 250)}.${1 + (index % 250)}`,
  }));
  while (!isOver()) {
    await other.route.add({ to: '20.0.25.128/25', nexthops });
    await other.route.delete({ to: '20.0.25.128/25' });
  }
}
