import { dial } from '../../../../lib/network/egress/outside/dial';
import { Lab } from '../../../../lib/lab';
import { nodeArguments } from '../../../fixtures/scenario';
import type { EgressOutside, EgressPolicy } from '../../../../lib/network/egress/policy/egress-policy';
import { Policy } from '../../../../lib/network/egress/policy/policy';

/** Names with their addresses, in place of a resolver; connections are those of this process. */
function names(known: Record<string, string[]>, connect: EgressOutside['connect']): EgressOutside {
  return {
    connect,
    lookup: async (name) => {
      const addresses = known[name];
      if (addresses === undefined) throw Object.assign(new Error(`${name}?`), { code: 'ENOTFOUND' });
      return Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));
    },
  };
}

const policy = (given: EgressPolicy = {}): Policy => Policy.of('policy', given);
const never = (): Promise<never> => Promise.reject(new Error('nobody may connect'));

describe('addresses', () => {
  const to = { name: 'www.example.com', address: '198.18.0.1', port: 443 };

  test.each([
    '127.0.0.1',
    '10.1.2.3',
    '169.254.169.254',
    '::1',
    '::ffff:127.0.0.1',
    'fd00:ec2::254',
    '64:ff9b::7f00:1',
    'fe80::1%lo',
  ])('a name that leads to %s is not connected to', async (address) => {
    const outside = names({ 'www.example.com': [address] }, never);
    const dialled = dial({ ...to, policy: policy({ allow: ['www.example.com', '*'] }), outside });
    await expect(dialled).rejects.toMatchObject({ code: 'special-address', refused: { cause: 'policy' } });
  });

  test('a rule that names the address lets the name lead there, on its ports', async () => {
    const outside = names({ 'www.example.com': ['10.1.2.3'] }, ({ host, port }) =>
      never().catch(() => Promise.reject(Object.assign(new Error(), { code: `TRIED ${host} ${port}` }))),
    );
    const allowing = policy({ allow: ['www.example.com', '10.1.0.0/16:443'] });
    await expect(dial({ ...to, policy: allowing, outside })).rejects.toThrow('TRIED 10.1.2.3 443');
    await expect(dial({ ...to, port: 80, policy: allowing, outside })).rejects.toMatchObject({
      code: 'special-address',
      message:
        'The egress policy does not allow www.example.com:80: www.example.com has the address 10.1.2.3, which is private, and no rule names this address.',
    });
  });

  test('an address of this machine is special, though it may be one of the internet', async () => {
    await using lab = await Lab.create({ networks: { lan: { subnet: '93.184.216.0/24' } } });
    const host = await lab.addHost('host', { on: 'lan', address: '93.184.216.5' });
    const dialled = async (...args: string[]): Promise<string> => {
      const { stdout } = await host.execFile(
        process.execPath,
        nodeArguments(require.resolve('./scenarios'), 'dialHere', args),
      );
      return stdout.trim();
    };
    expect(await dialled('93.184.216.5', '*')).toContain('93.184.216.5 is one of this machine itself, and no rule');
    expect(await dialled('93.184.216.5', '93.184.216.5')).toContain('cannot be connected to: ECONNREFUSED');
  });
});
