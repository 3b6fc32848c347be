import type { NativeNetlink } from '../../../types/native';
import { withCallersStack } from '../../errors/callers-stack';
import { closedError } from '../../errors/namespace-error';
import { systemError } from '../../errors/system-error';
import { closeFd } from '../../handle/close';
import { NETLINK_NETFILTER } from '../../kernel/sockets';
import { native } from '../../native';
import { openSocket } from '../netlink/connection';
import { NlmsgType, acknowledgement, messagesIn, stamp } from '../netlink/netlink-message';
import { batch, countedBy } from './messages';

/** An acknowledgement of each message waits here until all have been carried out. */
const ANSWER_BYTES = 1 << 20;

/** A network, by the one thing that is needed of it. */
interface SocketMaker {
  socket(domain: 'netlink', type: 'raw', protocol: number): Promise<number>;
}

interface Refusal {
  errno: number;
  syscall: string;
}

/** Commits messages, once, in a network whose rules are not changed often: see {@link Transactions.commit}. */
export async function commitOnce(network: SocketMaker, step: string, messages: readonly Buffer[]): Promise<void> {
  const transactions = await Transactions.open(network);
  try {
    await transactions.commit(step, messages);
  } finally {
    transactions.close();
  }
}

/** A netlink socket for nf_tables. The messages of a transaction take effect together, or none does. */
export class Transactions {
  readonly #socket: NativeNetlink;
  readonly #fd: number;
  #sequence = 0;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  static async open(network: SocketMaker): Promise<Transactions> {
    const fd = await network.socket('netlink', 'raw', NETLINK_NETFILTER).catch(explained);
    native().adopt(fd);
    return new Transactions(fd);
  }

  private constructor(fd: number) {
    this.#fd = fd;
    this.#socket = openSocket(fd, ANSWER_BYTES, () => undefined);
  }

  /**
   * Commits messages, after those of the calls before.
   *
   * @param step - what they do, in words
   * @throws NamespaceError with the kernel's error; `ERR_LINUX_NS_CLOSED`
   */
  async commit(step: string, messages: readonly Buffer[]): Promise<void> {
    await withCallersStack(this.#inOrder(step, batch(messages)));
  }

  /**
   * Counts what the counters of rules have counted, after the calls before.
   *
   * @param request - the message of {@link Table.listRules}
   */
  async packets(step: string, request: Buffer): Promise<number> {
    const answers = await withCallersStack(this.#inOrder(step, [request]));
    return messagesIn(answers).reduce((sum, message) => sum + countedBy(message), 0);
  }

  #inOrder(step: string, messages: readonly Buffer[]): Promise<Buffer> {
    const done = this.#last.then(() => this.#exchange(step, messages));
    this.#last = done.catch(() => undefined);
    return done;
  }

  /**
   * Closes the socket. With its last descriptor the kernel waits until what was removed lately is gone, which takes some
   * milliseconds (nft_rcv_nl_event() of nf_tables_api.c). So that one is closed by another thread.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const last = duplicated(this.#fd);
    this.#socket.close();
    if (last !== undefined) closeFd(last);
  }

  #exchange(step: string, messages: readonly Buffer[]): Promise<Buffer> {
    for (const message of messages) stamp(message, ++this.#sequence);
    const bytes = Buffer.concat(messages);
    return new Promise((resolve, reject) => {
      if (this.#closed) {
        reject(closedError('This Network'));
        return;
      }
      this.#socket.exchange(bytes, Uint32Array.of(bytes.length), (answers, errno, syscall) => {
        const refusal = errno === 0 ? refusalIn(answers) : { errno, syscall };
        if (refusal === undefined) resolve(answers);
        else reject(systemError(refusal, { step, operation: 'nftables', kind: 'net' }));
      });
    });
  }
}

/** Undefined where this process can have no descriptor more. */
function duplicated(fd: number): number | undefined {
  try {
    return native().duplicate(fd);
  } catch {
    return undefined;
  }
}

/** A kernel without nf_tables has no such protocol: the error says what is missing. */
function explained(cause: NodeJS.ErrnoException): never {
  const { code, errno, syscall } = cause;
  if (code !== 'EPROTONOSUPPORT') throw cause;
  throw systemError({ errno, syscall }, { step: 'open nf_tables', operation: 'nftables', kind: 'net' });
}

/** The first error among the answers. The kernel answers each message, and commits nothing when it refuses one. */
function refusalIn(answers: Buffer): Refusal | undefined {
  for (const message of messagesIn(answers)) {
    const { errno } = message.type === NlmsgType.ERROR ? acknowledgement(message) : { errno: 0 };
    if (errno !== 0) return { errno, syscall: 'sendmsg' };
  }
  return undefined;
}
