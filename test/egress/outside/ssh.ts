import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Host } from '../../../lib/lab';
import { eventually } from '../../fixtures/footprint';

const run = promisify(execFile);

/** The things that a client of the server needs. */
export interface SshAccess {
  /** The path of the private key of the user. */
  identity: string;
  /** The public key of the server, as known_hosts has it after the names. */
  hostKey: string;
}

/** Starts sshd(8) on a host of the lab, at port 22, for its root, who has a key made for the run. */
export async function startSshd(host: Host, directory: string): Promise<SshAccess> {
  const base = join(directory, 'ssh');
  await mkdir(base);
  const [hostKey, identity] = [join(base, 'host_key'), join(base, 'identity')];
  for (const file of [hostKey, identity]) await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file]);
  const authorized = join(base, 'authorized_keys');
  await copyFile(`${identity}.pub`, authorized);
  // The clients copy the key.
  for (const file of [authorized, identity]) await chmod(file, 0o644);
  const config = join(base, 'sshd_config');
  await writeFile(config, settings(hostKey, authorized));

  // An account is locked whose line in /etc/shadow cannot be read, as by the root of a user namespace.
  const shadow = join(base, 'shadow');
  await writeFile(shadow, 'root:*:20000:0:99999:7:::\n');
  // The mounts are those of the host in the lab alone. /run/sshd is for the separation of privileges.
  const start = `/usr/sbin/sshd -f ${config} -E ${join(base, 'log')}`;
  await host.exec(`mount --bind ${shadow} /etc/shadow && mkdir -p /run/sshd && ${start}`);
  // It listens after it has become a daemon.
  await eventually(() =>
    host.connect(22).then(
      (socket) => socket.destroy() !== undefined,
      () => false,
    ),
  );
  const { stdout } = await run('ssh-keygen', ['-y', '-f', hostKey]);
  return { identity, hostKey: stdout.trim() };
}

function settings(hostKey: string, authorized: string): string {
  return [
    'Port 22',
    `HostKey ${hostKey}`,
    `AuthorizedKeysFile ${authorized}`,
    'AuthenticationMethods publickey',
    'PermitRootLogin prohibit-password',
    'StrictModes no',
    'UsePAM no',
    'PidFile none',
    '',
  ].join('\n');
}
