/** JavaScript can call the constructors that TypeScript refuses. */
import { DetachedMount, Namespace, NamespaceSet, Sandbox } from '../../lib';
import { Lab } from '../../lib/lab';
import { Network } from '../../lib/network';

type Constructor = new (...args: unknown[]) => unknown;

test.each<[unknown, string]>([
  [Sandbox, 'await Sandbox.create()'],
  [Network, 'await Network.open()'],
  [NamespaceSet, 'await unshare() or setns()'],
  [Namespace, 'await Namespace.open() or Namespace.of()'],
  [DetachedMount, 'await openTree() or fsmount()'],
  [Lab, 'await Lab.create()'],
])('%p is not made by new, and the error says by what', (type, functions) => {
  for (const args of [[], [{}], [Symbol('linux-ns'), {}]]) {
    const make = (): unknown => new (type as Constructor)(...args);
    expect(make).toThrow(TypeError);
    expect(make).toThrow(
      expect.objectContaining({
        message: `Illegal constructor: use ${functions}`,
        code: 'ERR_ILLEGAL_CONSTRUCTOR',
      }) as Error,
    );
  }
});
