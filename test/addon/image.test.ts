import { Sandbox, execFile, hostUserland, spawn, unshare } from 'linux-ns';
import { Arsenal } from '../fixtures/attacks';

const APART = { unshare: ['user', 'pid', 'mnt'], mounts: [{ type: 'proc', target: '/proc' }] } as const;

describe('the image of nsinit', () => {
  let arsenal: Arsenal;
  beforeAll(() => (arsenal = new Arsenal()));
  afterAll(() => arsenal.remove());

  test('root inside changes its mode, owner, times, attributes, leases and locks, and no later launch', async () => {
    const before = [await unshare(['user', 'uts']), await spawn('sleep', ['100'], APART)] as const;
    try {
      const command = `${arsenal.meddle} /proc/1/exe; stat -L -c '%a %Y' /proc/1/exe; read wait`;
      await using child = await spawn('sh', ['-c', command], APART);
      let said = '';
      // The last line is of stat(1).
      await new Promise<void>((resolve, reject) => {
        child.stdout!.on('data', (data: Buffer) => /^\d+ \d+\n$/m.test((said += data.toString())) && resolve());
        child.once('close', () => reject(new Error(`ended, having said: ${said}`)));
      });
      expect(said).toMatch(/^times$/m);
      expect(said).toMatch(/^mode 0$/m);
      expect(said).not.toMatch(/^(open for writing|truncate)$/m);

      // By an attacker that lives, and holds its leases; each way of starting.
      expect((await execFile('id', ['-u'], { unshare: 'user' })).stdout).toBe('0\n');
      expect((await execFile('id', ['-u'], APART)).stdout).toBe('0\n');
      expect((await execFile('echo', ['plain'])).stdout).toBe('plain\n');
      expect((await before[0].execFile('id', ['-u'])).stdout).toBe('0\n');
      const init = await before[1].namespaces();
      expect((await init.execFile('readlink', ['/proc/self/ns/pid'])).stdout).toMatch(/^pid:/);
      await init.close();
      await using box = await Sandbox.create(hostUserland());
      expect((await box.execFile('echo', ['inside'])).stdout).toBe('inside\n');
    } finally {
      await Promise.all(before.map((each) => each.close()));
    }
  });

  test('is another one for each launch', async () => {
    const inode = async (): Promise<string> =>
      (await execFile('stat', ['-L', '-c', '%i', '/proc/1/exe'], { ...APART, uid: 0 })).stdout;
    const inodes = [await inode(), await inode(), ...(await Promise.all([inode(), inode(), inode(), inode()]))];
    expect(new Set(inodes).size).toBe(inodes.length);
  });

  test('run by a script, as #!/proc/self/exe, says what it is and ends', async () => {
    await using box = await Sandbox.create(hostUserland());
    await box.exec("printf '#!/proc/self/exe\\n' >/tmp/again; chmod +x /tmp/again");
    await expect(box.execFile('/tmp/again')).rejects.toMatchObject({
      code: 126,
      stderr: expect.stringContaining('this is nsinit') as string,
    });
  });

  test.each(['/proc/self/exe', '/proc//self/./exe', '/proc/thread-self/exe', '/proc/self/task/1/exe'])(
    '%s is refused as a program: it would be nsinit',
    async (file) => {
      const refused = { code: 'ERR_INVALID_ARG_VALUE', message: expect.stringContaining('process.execPath') as string };
      await expect(spawn(file)).rejects.toMatchObject(refused);
      await expect(execFile(file)).rejects.toMatchObject(refused);
      await expect(execFile('true', { shell: file })).rejects.toMatchObject(refused);
    },
  );
});
