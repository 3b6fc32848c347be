import { readFileSync } from 'node:fs';
import { type NamespaceSet, unshare } from 'linux-ns';
import { Network } from 'linux-ns/network';

const HOSTS = 1000;
const AT_ONCE = 16;

/** 1,000 network namespaces held at once, each joined to the first by a veth. */
export interface Many {
  hosts: number;
  /** Milliseconds to make one host, while all others are being made. */
  msPerHost: number;
  /** The growth of Node's resident memory, for each host. */
  nodeKBPerHost: number;
  /** The loss of MemAvailable (/proc/meminfo) in the whole system, for each host. */
  systemKBPerHost: number;
  /** Milliseconds to close one host, until Node is done; the kernel may still go on with it. */
  closeMsPerHost: number;
}

export async function measureMany(): Promise<Many> {
  const hub = await unshare(['user', 'net']);
  const net = await Network.open(hub);
  const sets: NamespaceSet[] = [];
  const before = memory();
  const start = performance.now();
  try {
    const numbers = Array.from({ length: HOSTS }, (_, i) => i);
    const workers = Array.from({ length: AT_ONCE }, async () => {
      for (let i = numbers.shift(); i !== undefined; i = numbers.shift()) {
        const set = await unshare('net', { setns: [hub.user!] });
        sets.push(set);
        await net.link.add({ name: `host${i}`, kind: 'veth', up: true, peer: { name: 'eth0', namespace: set } });
      }
    });
    await Promise.all(workers);
    const made = performance.now();
    const after = memory();
    if ((await net.link.list({ kind: 'veth' })).length !== HOSTS) throw new Error('not all of them are there');
    const closing = performance.now();
    await Promise.all(sets.splice(0).map((set) => set.close()));
    return {
      hosts: HOSTS,
      msPerHost: (made - start) / HOSTS,
      nodeKBPerHost: (after.node - before.node) / HOSTS,
      systemKBPerHost: (before.available - after.available) / HOSTS,
      closeMsPerHost: (performance.now() - closing) / HOSTS,
    };
  } finally {
    await Promise.all(sets.map((set) => set.close()));
    await net.close();
    await hub.close();
  }
}

function memory(): { node: number; available: number } {
  const [, available = '0'] = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8')) ?? [];
  return { node: process.memoryUsage.rss() / 1024, available: Number(available) };
}
