/** What people run still works under the default filter, and programs that build sandboxes do with `userNamespaces`. */
import type { SandboxSpec } from '../../lib';
import { needs } from '../fixtures/optional';
import { inSandbox, said, userland } from './box';

/** Temporary files and a home. */
const WRITABLE: SandboxSpec = { mounts: [{ type: 'tmpfs', target: '/tmp', mode: 0o1777 }], env: { HOME: '/tmp' } };

async function saysIn(spec: SandboxSpec, script: string): Promise<string> {
  return inSandbox(userland({ ...WRITABLE, ...spec }), (sandbox) => said(sandbox, `set -e; cd /tmp\n${script}`));
}

describe('by default', () => {
  const TOOLS: readonly (readonly [tools: string[], script: string, says: RegExp])[] = [
    [
      ['bash'],
      `bash -c 'set -o pipefail; exec 3< <(seq 3); cat <&3 | sort -r | head -n1; sleep 0 & wait; ulimit -n >/dev/null'`,
      /^3$/,
    ],
    [
      ['gcc', 'make'],
      `printf 'int main(void) { return 0; }' >a.c; printf 'a: a.c\\n\\tcc -o a a.c\\n' >Makefile; make -s -j4; ./a; echo made`,
      /^made$/,
    ],
    [
      ['python3'],
      `python3 -c 'import subprocess; print(subprocess.check_output("echo py", shell=True).decode())'`,
      /py/,
    ],
    [
      ['git'],
      `git init -q r; cd r; git config user.email a@b; git config user.name n; echo 1 >f; git add f; git commit -qm m
       git clone -q . ../c; git -C ../c log --format=%s; git gc -q; git fsck`,
      /^m$/m,
    ],
    [['tar', 'xz'], 'mkdir d; echo x >d/f; tar -cJf d.tar.xz d; rm -r d; tar -xf d.tar.xz; cat d/f', /^x$/],
    [
      ['dpkg-deb'],
      `mkdir -p p/DEBIAN; printf 'Package: p\\nVersion: 1\\nArchitecture: all\\nMaintainer: m\\nDescription: d\\n' >p/DEBIAN/control
       dpkg-deb --root-owner-group -b p p.deb >/dev/null; dpkg-deb -x p.deb out; dpkg-deb -f p.deb Version`,
      /^1$/,
    ],
    [['npm'], `npm init -y >/dev/null; npm pkg set scripts.t='echo run by npm'; npm run -s t`, /^run by npm$/],
    [['java'], 'java -version 2>&1 | grep -o "OpenJDK Runtime"', /^OpenJDK Runtime$/],
    [['strace'], 'strace -f -o log sh -c "echo traced"; grep -c execve log', /traced\n1/],
    [['gdb'], `gdb -q -nx -batch -ex run -ex bt --args /bin/true 2>&1 | grep -o 'exited normally'`, /exited normally/],
  ];

  for (const [tool, script, says] of TOOLS) {
    needs({ tool }).test(`${tool.join(' and ')} can be run`, async () =>
      expect(await saysIn({}, script)).toMatch(says),
    );
  }

  test('Node can be run, with its threads', async () => {
    const node = { type: 'bindReadOnly', source: process.execPath, target: '/node' } as const;
    const script = `/node -e 'new (require("worker_threads").Worker)("0", { eval: true }).on("exit", (code) => console.log("worker", code))'`;
    expect(await saysIn({ mounts: [...WRITABLE.mounts!, node] }, script)).toBe('worker 0');
  });
});

describe('with user namespaces', () => {
  /** Who is 0 can map 0 only with CAP_SETFCAP (Linux 5.12), and these map what they are. */
  const OPEN: SandboxSpec = { userNamespaces: true, user: { uid: 1000, gid: 1000 } };

  needs({ tool: ['bwrap'] }).test('bwrap builds a sandbox inside', async () => {
    const command = `bwrap --ro-bind / / --tmpfs /tmp --dev /dev --unshare-all --hostname nested sh -c 'hostname; echo x >/tmp/f; cat /tmp/f'`;
    expect(await saysIn(OPEN, command)).toBe('nested\nx');
    expect(await saysIn({}, `${command} || echo refused`)).toMatch(/refused$/);
  });

  needs({ tool: ['python3'] }).test(
    'a program shuts itself in as browsers do: namespaces, then a root where there is nothing',
    async () => {
      const script = [
        'import ctypes, os',
        'libc = ctypes.CDLL(None, use_errno=True)',
        'def check(what, result):',
        '  if result != 0: raise SystemExit(what + " " + os.strerror(ctypes.get_errno()))',
        'uid = os.getuid()',
        'check("unshare", libc.unshare(0x10000000 | 0x20000000 | 0x40000000))',
        'open("/proc/self/uid_map", "w").write(f"{uid} {uid} 1")',
        'child = os.fork()',
        'if child == 0:',
        '  os.chroot("/proc/self/fdinfo"); os.chdir("/")',
        '  print(os.getpid(), os.path.exists("/usr"), flush=True)',
        '  os._exit(0)',
        'os.waitpid(child, 0)',
      ].join('\n');
      expect(await saysIn(OPEN, `python3 -c '${script}'`)).toBe('1 False');
      expect(await saysIn({}, `python3 -c '${script}' || true`)).toBe('unshare Operation not permitted');
    },
  );
});
