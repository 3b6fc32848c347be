import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Lab } from 'linux-ns/lab';
import { privateKB } from '../measure/memory';
import { median, ratio, rounded } from '../measure/statistics';

/** The hosts of a lab, and of a network of Mininet, that are made together. */
const HOSTS = 50;
const RUNS = 3;
/** The hosts of one large lab. */
const MANY = 500;

/** The figures of hosts: docs/performance.md says what they mean. */
export interface HostFigures {
  /** To make a host on a switch, with its names, of 50 that are made together; in milliseconds, as all times here. */
  msPerHost: number;
  /** To close it. */
  closeMsPerHost: number;
  /** The same by Mininet with a Linux bridge; null where it is not installed, or the caller is not root. */
  mininet: { made: number; stopped: number } | null;
  /** msPerHost, of Mininet's. */
  hostVsMininet: number | null;
  /** A lab of 500 hosts in one process. */
  hosts: { count: number; msPerHost: number; closeMsPerHost: number; kBPerHost: number };
}

interface Times {
  made: number;
  stopped: number;
}

export async function measureHosts(): Promise<HostFigures> {
  const [labs, nets]: [Times[], Times[]] = [[], []];
  await lives(HOSTS);
  for (let run = 0; run < RUNS; run++) {
    labs.push(await lives(HOSTS));
    const net = await mininet();
    if (net !== undefined) nets.push(net);
  }
  const [ours, theirs] = [middle(labs), nets.length === 0 ? null : middle(nets)];
  let kBPerHost = 0;
  const many = await lives(MANY, (lab, before) => {
    const inits = [...lab.hosts.values()].map(({ init = 0 }) => privateKB(init));
    kBPerHost = (privateKB(process.pid) - before + inits.reduce((sum, each) => sum + each, 0)) / MANY;
  });
  return {
    msPerHost: ours.made,
    closeMsPerHost: ours.stopped,
    mininet: theirs,
    hostVsMininet: ratio(ours.made, theirs?.made),
    hosts: {
      count: MANY,
      msPerHost: rounded(many.made),
      closeMsPerHost: rounded(many.stopped),
      kBPerHost: Math.round(kBPerHost),
    },
  };
}

function middle(times: readonly Times[]): Times {
  return {
    made: rounded(median(times.map(({ made }) => made))),
    stopped: rounded(median(times.map(({ stopped }) => stopped))),
  };
}

/** Makes hosts on one switch, and closes them. */
async function lives(count: number, look?: (lab: Lab, privateBefore: number) => void): Promise<Times> {
  const names = Array.from({ length: count }, (_, index) => `h${index}`);
  const before = privateKB(process.pid);
  const lab = await Lab.create();
  await lab.addNetwork('lan', { subnet: '10.0.0.0/16' });
  const begin = performance.now();
  await lab.addHosts(names, { on: 'lan' });
  const made = performance.now();
  look?.(lab, before);
  const end = performance.now();
  await lab.close();
  return { made: (made - begin) / count, stopped: (performance.now() - end) / count };
}

/** In a network and a mount namespace of its own: it makes links, and files below /var/run. */
async function mininet(): Promise<Times | undefined> {
  const args = ['--net', '--mount', '/usr/bin/python3', join(__dirname, 'with-mininet.py'), String(HOSTS)];
  try {
    const { stdout } = await promisify(execFile)('unshare', args);
    return JSON.parse(stdout) as Times;
  } catch (error) {
    console.error(`Mininet was not measured: ${(error as Error).message.trim().split('\n').at(-1) ?? ''}`);
    return undefined;
  }
}
