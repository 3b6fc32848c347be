/** Runs nft(8) on a host. */
import { NamespaceError } from '../errors/namespace-error';
import type { Host } from './host';

/** The directories of administrators' programs, which an ordinary user's PATH may not have. */
const SYSTEM = '/usr/sbin:/sbin';

/**
 * Applies a script on a host, all of it or nothing.
 *
 * @throws NamespaceError `ENOENT` where nft is not installed; `ERR_LINUX_NS_NFT` with what it says
 */
export async function runNft(host: Host, script: string): Promise<void> {
  const step = `set rules of host ${host.name} with nft`;
  try {
    await host.execFile('nft', [script], { env: { PATH: `${process.env.PATH ?? '/usr/bin:/bin'}:${SYSTEM}` } });
  } catch (cause) {
    const { code, stderr } = cause as { code?: string | number; stderr?: string };
    // With EACCES it was not found either: a directory of the PATH is closed to the ids of the host.
    if (code === 'ENOENT' || code === 'EACCES') {
      const hint = "nft is not installed: Debian has it in the package nftables ('sudo apt install nftables').";
      throw new NamespaceError({ errno: 2, syscall: 'execve', path: 'nft', step, hint, cause });
    }
    if (typeof code !== 'number') throw cause;
    const message = `nft has refused the rules: ${stderr?.trim()}`;
    const hint =
      "The kernel may not have the modules of nftables loaded: 'sudo modprobe nft_nat nft_masq nf_conntrack'.";
    throw new NamespaceError({ code: 'ERR_LINUX_NS_NFT', message, step, kind: 'net', hint, cause });
  }
}
