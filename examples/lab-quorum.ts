/**
 * A leader is lost and found: five servers elect a leader as Raft does, each on a host of a lab, all in this process. The
 * leader is cut off together with one other. The three that are left are a majority: they elect another leader, which can
 * commit; the old one cannot. When the partition is healed, all follow the new leader.
 *
 *     npx tsx examples/lab-quorum.ts
 */
import type { Socket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Host, Lab } from 'linux-ns/lab';
import { fail } from './command-line';

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const MAJORITY = 3;
const PORT = 4000;
const HEARTBEAT_MS = 50;
/** The least time without a heartbeat after which a server stands for election; at most as much is added. */
const PATIENCE_MS = 300;

interface Message {
  kind: 'vote?' | 'vote' | 'heartbeat' | 'ack';
  from: string;
  term: number;
  /** Of a heartbeat: which one it is. */
  round?: number | undefined;
}

class Server {
  term = 0;
  role: 'follower' | 'candidate' | 'leader' = 'follower';
  leader: string | undefined;
  readonly #host: Host;
  readonly #socket: Socket;
  #votedFor: string | undefined;
  #votes = new Set<string>();
  #round = 0;
  /** The last heartbeat that a majority has heard. */
  #heard = 0;
  #acks = new Set<string>();
  #timer: NodeJS.Timeout | undefined;

  private constructor(host: Host, socket: Socket) {
    this.#host = host;
    this.#socket = socket;
    socket.on('message', (bytes) => {
      this.#receive(JSON.parse(String(bytes)) as Message);
    });
    this.#wait();
  }

  static async start(host: Host): Promise<Server> {
    return new Server(host, await host.createSocket({ type: 'udp4', port: PORT }));
  }

  get name(): string {
    return this.#host.name;
  }

  /** True as soon as a majority has heard a heartbeat that is sent from now on; false after some time without. */
  async commits(): Promise<boolean> {
    const { term } = this;
    const before = this.#round;
    for (let attempt = 0; attempt < 20 && this.role === 'leader' && this.term === term; attempt++) {
      if (this.#heard > before) return true;
      await sleep(HEARTBEAT_MS);
    }
    return false;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#socket.close();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#stand();
      },
      PATIENCE_MS * (1 + Math.random()),
    );
  }

  #stand(): void {
    this.term++;
    this.role = 'candidate';
    this.leader = undefined;
    this.#votedFor = this.name;
    this.#votes = new Set([this.name]);
    this.#wait();
    this.#tellAll({ kind: 'vote?' });
  }

  #beat(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#beat();
    }, HEARTBEAT_MS);
    this.#acks = new Set([this.name]);
    this.#tellAll({ kind: 'heartbeat', round: ++this.#round });
  }

  #receive(message: Message): void {
    if (message.term > this.term) this.#follow(message.term);
    if (message.term < this.term) return;
    const { kind, from, round } = message;
    if (kind === 'vote?' && (this.#votedFor ?? from) === from) {
      this.#votedFor = from;
      this.#wait();
      this.#tell(from, { kind: 'vote' });
    }
    if (kind === 'vote' && this.role === 'candidate') {
      this.#votes.add(from);
      if (this.#votes.size >= MAJORITY) this.#lead();
    }
    if (kind === 'heartbeat') {
      this.leader = from;
      this.role = 'follower';
      this.#wait();
      this.#tell(from, { kind: 'ack', round });
    }
    if (kind === 'ack' && this.role === 'leader' && round === this.#round) {
      this.#acks.add(from);
      if (this.#acks.size >= MAJORITY) this.#heard = round;
    }
  }

  #follow(term: number): void {
    this.term = term;
    this.role = 'follower';
    this.leader = undefined;
    this.#votedFor = undefined;
    this.#wait();
  }

  #lead(): void {
    this.role = 'leader';
    this.leader = this.name;
    this.#beat();
  }

  #tellAll(message: Omit<Message, 'from' | 'term'>): void {
    for (const name of NAMES) if (name !== this.name) this.#tell(name, message);
  }

  #tell(name: string, message: Omit<Message, 'from' | 'term'>): void {
    this.#socket.send(JSON.stringify({ ...message, from: this.name, term: this.term }), PORT, name);
  }
}

async function main(): Promise<void> {
  await using lab = await Lab.create();
  const lan = await lab.addNetwork('lan', { subnet: '10.0.0.0/24' });
  const hosts = await lab.addHosts(NAMES, { on: lan });
  await lan.impair({ delay: 2, jitter: 1 });
  const servers = await Promise.all(hosts.map((host) => Server.start(host)));

  const first = await leaderOf(servers, 0);
  console.log('a leader is found, and commits');

  const [other = first, ...rest] = servers.filter((server) => server !== first);
  const split = await lab.partition([[first.name, other.name], rest.map(({ name }) => name)]);
  console.log('it is cut off, with one other');
  console.log((await first.commits()) ? 'it commits' : 'it cannot commit');

  const second = await leaderOf(rest, first.term);
  console.log('the three others have found another, in a later term, which commits');

  await split.heal();
  await leaderOf(servers, second.term - 1);
  console.log('healed: all five follow one leader, which commits');
  for (const server of servers) server.stop();
}

/** Waits until all of these follow the same one of them, in a term after the one given, and it commits. */
async function leaderOf(servers: readonly Server[], term: number): Promise<Server> {
  for (;;) {
    const found = servers.find((server) => server.role === 'leader' && server.term > term);
    const isFollowed = found !== undefined && servers.every(({ leader }) => leader === found.name);
    if (isFollowed && (await found.commits())) return found;
    await sleep(10);
  }
}

main().catch(fail);
