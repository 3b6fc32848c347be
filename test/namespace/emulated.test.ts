/** Kernels that have namespaces and do not say what they are, as emulations (gVisor, qemu-user): a filter plays one. */
import { execFile } from '../../lib';
import { nodeArguments } from '../fixtures/scenario';

const ENOTTY = 25;

/** Requests of ioctl_ns(2). */
const NS_GET_USERNS = 0xb701;
const NS_GET_PARENT = 0xb702;
const NS_GET_NSTYPE = 0xb703;
const NS_GET_OWNER_UID = 0xb704;

/** What a scenario resolves with, in a Node whose kernel does not know a request. */
async function without(request: number, scenario: string): Promise<Record<string, unknown>> {
  const seccomp = {
    defaultAction: 'SCMP_ACT_ALLOW' as const,
    syscalls: [
      {
        names: ['ioctl'],
        action: 'SCMP_ACT_ERRNO' as const,
        errnoRet: ENOTTY,
        args: [{ index: 1, value: request, op: 'SCMP_CMP_EQ' as const }],
      },
    ],
  };
  const { stdout } = await execFile(process.execPath, nodeArguments(require.resolve('./scenarios'), scenario), {
    seccomp,
  });
  return JSON.parse(/^result: (.*)$/m.exec(stdout)?.[1] ?? 'null') as Record<string, unknown>;
}

const unsupported = {
  name: 'NamespaceError',
  code: 'ERR_LINUX_NS_UNSUPPORTED',
  syscall: 'ioctl',
  hint: expect.stringContaining('emulated kernel') as string,
};

test('where the kind of a namespace is not told, to open or join one is an error that says so, and leaves nothing', async () => {
  const outcomes = await without(NS_GET_NSTYPE, 'opened');
  expect(outcomes).toEqual({
    setns: { ...unsupported, step: expect.stringMatching(/^open namespaces of process \d+$/) as string },
    of: { ...unsupported, kind: 'net', step: expect.stringMatching(/^open net of process \d+$/) as string },
    open: { ...unsupported, path: '/proc/self/ns/net', step: 'open /proc/self/ns/net' },
    file: expect.objectContaining({ name: 'NamespaceError', code: 'EINVAL' }) as object,
    descriptors: 0,
  });
});

test.each([
  [NS_GET_USERNS, 'userNamespace', 'open the user namespace of user:['],
  [NS_GET_PARENT, 'parent', 'open the parent of user:['],
  [NS_GET_OWNER_UID, 'owner', 'ask for the owner of user:['],
])('where request %i is not known, %s() says so', async (request, method, step) => {
  const outcomes = await without(request, 'asked');
  expect(outcomes[method]).toEqual({ ...unsupported, kind: 'user', step: expect.stringContaining(step) as string });
  expect(Object.values(outcomes).filter((outcome) => outcome !== null)).toHaveLength(1);
});
