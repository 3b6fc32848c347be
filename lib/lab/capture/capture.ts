import { type FileHandle, open } from 'node:fs/promises';
import type { NativeCapture } from '../../../types/native';
import { abortError, throwIfAborted } from '../../errors/abort';
import { abortSignal, integer, schema, string } from '../../errors/schema';
import { closedError } from '../../errors/namespace-error';
import { systemError } from '../../errors/system-error';
import { pause } from '../../event-loop/turns';
import { closeWhenForgotten, notForgotten } from '../../handle/forgotten';
import { inspectAs } from '../../handle/inspect';
import { native } from '../../native';
import type { Network } from '../../network/network';
import { type CaptureFilter, FILTER, compileFilter } from './filter';
import { Packet } from './packet';
import {
  interfaceAt,
  interfaceDescription,
  interfaceStatistics,
  packetAt,
  placesOf,
  sectionHeader,
  setInterface,
} from './pcapng';

/** Options of `host.capture()` and `network.capture()`. Unknown ones are errors. */
export interface CaptureOptions {
  /** The path of a file, which is created or replaced: pcapng, for Wireshark, tshark and tcpdump. Default: no file. */
  file?: string | undefined;
  /** Chooses the packets. Default: all. */
  filter?: CaptureFilter | undefined;
  /** The most bytes that are kept of a packet, from the Ethernet header on. Default: 262144, all of any packet. */
  snaplen?: number | undefined;
  /**
   * The bytes of packets that the kernel keeps until this process takes them, and at most as many that wait here to be
   * iterated over. Default: 4 MiB. It is rounded up to a multiple of 256 KiB.
   */
  buffer?: number | undefined;
  /** Ends the capture, as {@link Capture.close} does. */
  signal?: AbortSignal | undefined;
}

/** The interfaces of a network that are captured. */
export interface CaptureSource {
  /** The index of one interface, or 0 for all. */
  readonly index: number;
  /** A name in place of the interface's own. */
  readonly name?: string;
  /** Written into the file beside the names of interfaces. */
  readonly description: string;
  /** The interface takes in what is not meant for itself, too: a bridge then shows all that passes it. */
  readonly promiscuous: boolean;
}

const MOST_SNAPLEN = 262_144;
const BLOCK_BYTES = 256 << 10;
const BUFFER_BYTES = 4 << 20;
const MOST_BUFFER_BYTES = 1 << 30;

/** Milliseconds between two looks at what is still in the kernel's hands when a capture ends, and for how long to look. */
const FLUSH_MS = 2;
const MOST_FLUSH_MS = 1000;

const OPTIONS = schema<CaptureOptions>()({
  file: string,
  filter: FILTER,
  snaplen: integer(14, MOST_SNAPLEN),
  buffer: integer(2 * BLOCK_BYTES, MOST_BUFFER_BYTES),
  signal: abortSignal,
});

type ParsedOptions = ReturnType<typeof OPTIONS>;

/** An interface in the file. */
interface Known {
  readonly id: number;
  readonly name: string;
  packets: number;
}

/** Somebody who waits for a packet. */
interface Waiting {
  resolve: (result: IteratorResult<Packet, undefined>) => void;
  reject: (error: unknown) => void;
}

/** The captures that end with their network. */
export class Captures {
  readonly #flows = new Set<Flow>();
  #closed = false;

  /** Adds one that has begun, or ends it: where all have ended meanwhile. @internal */
  async add(flow: Flow): Promise<void> {
    this.#flows.add(flow);
    flow.onEnd = () => this.#flows.delete(flow);
    if (!this.#closed) return;
    await flow.end();
    throw closedError('The network');
  }

  /** Ends them. An error of a file is told by {@link Capture.close}. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled([...this.#flows].map((flow) => flow.end()));
  }
}

/** Starts a capture in a network. It has begun when this resolves: no packet that comes after that is missed. */
export async function startCapture(
  network: Network,
  source: CaptureSource,
  captures: Captures,
  options: unknown = {},
): Promise<Capture> {
  const parsed = OPTIONS('options', options);
  throwIfAborted(parsed.signal);
  const file = parsed.file === undefined ? undefined : await create(parsed.file);
  const flow = new Flow(network, source, parsed, file);
  try {
    await flow.begin(await openSocket(network, parsed.signal));
    await captures.add(flow);
    return new Capture(flow, parsed.signal);
  } catch (error) {
    await file?.close();
    throw error;
  }
}

async function create(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w');
  } catch (cause) {
    throw systemError(cause, { step: `create ${path}`, operation: 'file', path });
  }
}

async function openSocket(network: Network, signal: AbortSignal | undefined): Promise<number> {
  const fd = await network.socket('packet', 'raw');
  if (signal?.aborted !== true) return fd;
  native().closeNow(fd);
  throw abortError(signal);
}

/**
 * Packets on their way: from the ring of the kernel into the file, and to who iterates. It is apart from {@link Capture},
 * which can be collected as garbage while packets come.
 */
class Flow {
  readonly source: CaptureSource;
  readonly file: FileHandle | undefined;
  packets = 0;
  dropped = 0;
  onEnd: () => void = () => undefined;
  /** The object that the user has. */
  handle: WeakRef<Capture> | undefined;
  /** Undefined before the beginning and after the end. */
  #ring: NativeCapture | undefined;
  readonly #network: Network;
  readonly #options: ParsedOptions;
  readonly #most: number;
  readonly #known = new Map<number, Known>();
  /** Packets that wait to be iterated over, while {@link wanted}. */
  readonly #queue: Packet[] = [];
  #queuedBytes = 0;
  wanted: boolean;
  readonly #waiting: Waiting[] = [];
  #roomMade: (() => void) | undefined;
  #busy: Promise<void> | undefined;
  #error: Error | undefined;
  #ended: Promise<void> | undefined;

  constructor(network: Network, source: CaptureSource, options: ParsedOptions, file: FileHandle | undefined) {
    this.#network = network;
    this.source = source;
    this.file = file;
    this.#options = options;
    this.wanted = file === undefined;
    this.#most = Math.ceil((options.buffer ?? BUFFER_BYTES) / BLOCK_BYTES) * BLOCK_BYTES;
  }

  /** @param fd - a packet socket, which is taken over */
  async begin(fd: number): Promise<void> {
    const { filter, snaplen = MOST_SNAPLEN } = this.#options;
    const { index, promiscuous } = this.source;
    try {
      const program = compileFilter(filter, snaplen);
      const onReadable = (): void => this.#pump();
      this.#ring = native().openCapture(fd, index, this.#most, program, promiscuous, onReadable);
    } catch (cause) {
      native().closeNow(fd);
      throw systemError(cause, { step: 'capture packets', operation: 'capture', kind: 'net' });
    }
    this.#ring.unref();
    try {
      await this.#writeBeginning();
      this.#ring.watch(true);
    } catch (cause) {
      this.#ring.close();
      throw systemError(cause, { step: 'write captured packets', operation: 'file', path: this.#options.file });
    }
  }

  /** A file must describe an interface, even if it gets no packet: libpcap refuses one that does not. */
  async #writeBeginning(): Promise<void> {
    const { index } = this.source;
    const names = index === 0 ? await this.#namesOfInterfaces() : new Map([[index, '']]);
    const described = this.#introduce([...names.keys()], names);
    await this.file?.writeFile(Buffer.concat([sectionHeader(), ...described]));
  }

  get closed(): boolean {
    return this.#ended !== undefined;
  }

  count(): void {
    if (this.#ring !== undefined) this.dropped = this.#ring.statistics()[1];
  }

  next(): Promise<IteratorResult<Packet, undefined>> {
    this.wanted = true;
    const packet = this.#queue.shift();
    if (packet !== undefined) {
      this.#queuedBytes -= packet.data.length;
      this.#makeRoom();
      return Promise.resolve({ done: false, value: packet });
    }
    if (this.#error !== undefined) return Promise.reject(this.#error);
    if (this.#ring === undefined) return Promise.resolve({ done: true, value: undefined });
    this.#ring.ref();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** Takes what has come, writes the end of the file, and closes all. */
  end(): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const ring = this.#ring;
    try {
      await this.#flush();
      this.count();
      await this.#busy;
      await this.file?.writeFile(this.#statistics());
    } catch (cause) {
      this.#fail(cause);
    }
    ring?.close();
    this.#ring = undefined;
    this.onEnd();
    const handle = this.handle?.deref();
    if (handle !== undefined) notForgotten(handle);
    await this.file?.close();
    for (const { resolve, reject } of this.#waiting.splice(0)) {
      if (this.#error === undefined) resolve({ done: true, value: undefined });
      else reject(this.#error);
    }
    if (this.#error !== undefined) throw this.#error;
  }

  /** Waits for the blocks that the kernel has begun, and not handed over yet. */
  async #flush(): Promise<void> {
    const ring = this.#ring;
    if (ring === undefined || this.#error !== undefined) return;
    ring.stop();
    this.#makeRoom();
    for (let waited = 0; ring.statistics()[0] > 0 && waited < MOST_FLUSH_MS; waited += FLUSH_MS) {
      this.#pump();
      await this.#busy;
      if (ring.statistics()[0] > 0) await sleep(FLUSH_MS);
    }
  }

  #statistics(): Buffer {
    const now = BigInt(Date.now()) * 1_000_000n;
    const blocks = [...this.#known.values()].map(({ id, packets }, index) =>
      // The kernel counts what it drops for the socket, not for each of its interfaces.
      interfaceStatistics(id, now, packets, index === 0 ? this.dropped : 0),
    );
    return Buffer.concat(blocks);
  }

  /** Called while there is something in the ring. */
  #pump(): void {
    if (this.#busy !== undefined || this.#ring === undefined) return;
    this.#busy = this.#run(this.#ring).finally(() => (this.#busy = undefined));
  }

  async #run(ring: NativeCapture): Promise<void> {
    ring.watch(false);
    try {
      for (let blocks = ring.receive(); blocks !== undefined; blocks = ring.receive()) {
        await this.#take(blocks);
        await pause();
      }
      ring.watch(!this.closed);
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** The capture is over, as nothing more can be written. */
  #fail(cause: unknown): void {
    this.#error ??= systemError(cause, { step: 'write captured packets', operation: 'file', path: this.#options.file });
    this.end().catch(() => undefined); // close() tells it
  }

  async #take(blocks: Buffer): Promise<void> {
    const places = [...placesOf(blocks)];
    const described = await this.#meet(blocks, places);
    for (const at of places) {
      const known = this.#known.get(interfaceAt(blocks, at));
      if (known === undefined) continue;
      known.packets++;
      setInterface(blocks, at, known.id);
      if (this.wanted) this.#give(new Packet(packetAt(blocks, at), known.name));
    }
    this.packets += places.length;
    if (this.file !== undefined) await this.file.writeFile(Buffer.concat([...described, blocks]));
    // Until there is room, packets wait in the ring, and when that is full, the kernel drops and counts them.
    while (this.#queuedBytes > this.#most && !this.closed) {
      await new Promise<void>((resolve) => (this.#roomMade = resolve));
    }
  }

  #give(packet: Packet): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#queue.push(packet);
      this.#queuedBytes += packet.data.length;
      return;
    }
    if (this.#waiting.length === 0) this.#ring?.unref();
    waiting.resolve({ done: false, value: packet });
  }

  #makeRoom(): void {
    this.#roomMade?.();
    this.#roomMade = undefined;
  }

  /** Describes interfaces that have been made since. */
  async #meet(blocks: Buffer, places: readonly number[]): Promise<Buffer[]> {
    const fresh = new Set(places.map((at) => interfaceAt(blocks, at)).filter((index) => !this.#known.has(index)));
    return fresh.size === 0 ? [] : this.#introduce([...fresh], await this.#namesOfInterfaces());
  }

  /** Gives numbers to interfaces, and returns the blocks that describe them. */
  #introduce(indices: readonly number[], names: ReadonlyMap<number, string>): Buffer[] {
    return indices.map((index) => {
      const name = this.source.name ?? names.get(index) ?? `if${index}`;
      this.#known.set(index, { id: this.#known.size, name, packets: 0 });
      return interfaceDescription(name, this.source.description, this.#options.snaplen ?? MOST_SNAPLEN);
    });
  }

  /** Empty where the network is closed by now: then the interfaces are known by their numbers. */
  async #namesOfInterfaces(): Promise<Map<number, string>> {
    if (this.source.name !== undefined || this.#network.closed) return new Map();
    const links = await this.#network.link.list().catch(() => []);
    return new Map(links.map(({ index, name }) => [index, name]));
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Packets of a host or a network while they come, in a file, by iteration, or both. It ends with {@link Capture.close}, or
 * with the lab.
 *
 * An iteration gets every packet from the beginning; with a `file`, from the first `next()` on. Packets that nobody takes
 * wait, `buffer` bytes of them here and as many in the kernel. Then the kernel drops what comes, and counts it: a slow
 * disk, and a slow loop, cost packets and no memory.
 *
 * Packets appear as the interface has them. Where sender and receiver are on one machine nobody computes checksums, and
 * segments of TCP are cut up late or never: a packet may say that its checksum is wrong, and be larger than the MTU.
 *
 * packet(7), pcapng
 *
 * @example
 * ```ts
 * await using capture = await host.capture({ filter: { protocol: 'tcp', port: 80 } });
 * for await (const packet of capture) {
 *   console.log(String(packet)); // 12:00:00.000123 eth0 out 10.0.0.1:40000 > 10.0.0.2:80 tcp SYN, 74 bytes
 *   if (packet.payload.includes('GET /')) break;
 * }
 * ```
 */
export class Capture implements AsyncIterable<Packet>, AsyncDisposable {
  static {
    inspectAs(this, (capture) => ({
      [capture.#flow.source.description]: true,
      packets: capture.packets,
      dropped: capture.#flow.dropped,
      closed: capture.closed,
    }));
  }

  readonly #flow: Flow;

  /** @internal */
  constructor(flow: Flow, signal: AbortSignal | undefined) {
    this.#flow = flow;
    flow.handle = new WeakRef(this);
    closeWhenForgotten(this, `A Capture (${flow.source.description})`, flow, endQuietly);
    signal?.addEventListener('abort', () => endQuietly(flow), { once: true });
  }

  /** The number of packets that have come. */
  get packets(): number {
    return this.#flow.packets;
  }

  /** The number of packets that were lost, because nobody took them in time. */
  get dropped(): number {
    this.#flow.count();
    return this.#flow.dropped;
  }

  /** True after the capture has ended. */
  get closed(): boolean {
    return this.#flow.closed;
  }

  /**
   * Iterates over the packets, and waits for more until the capture is closed. To leave the loop does not end the capture:
   * another loop goes on from there.
   */
  [Symbol.asyncIterator](): AsyncIterator<Packet, undefined> {
    const flow = this.#flow;
    flow.wanted = true;
    return { next: () => flow.next(), return: () => Promise.resolve({ done: true, value: undefined }) };
  }

  /**
   * Ends the capture. All packets that have come are in the file when this resolves, and can still be iterated over.
   *
   * @throws NamespaceError when the file could not be written: `ENOSPC`, …
   */
  async close(): Promise<void> {
    await this.#flow.end();
  }

  /** Calls {@link Capture.close}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function endQuietly(flow: Flow): void {
  flow.end().catch(() => undefined); // close() tells it
}
