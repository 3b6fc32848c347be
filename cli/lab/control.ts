/**
 * How `linux-ns lab exec` finds a lab that runs: a Unix socket in a directory that only its user can enter. What comes
 * through it is a question for one host; the answer says where its namespaces are. Who asks needs the
 * right to enter them, and gets nothing by the socket alone. The directory is what keeps other users away: they reach no
 * socket in it, and can put none there.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Lab } from 'linux-ns/lab';
import { type Check, list, path as pathText, required, schema, string } from '../../lib/errors/schema';
import { invalidValue } from '../../lib/errors/validate';
import { UsageError } from '../command';

/** The namespaces of a host. */
export interface Place {
  /**
   * Paths of descriptors of the lab's process. Those of the host's init would not do: an ordinary user may not look into a
   * process that was born in another user namespace.
   */
  readonly paths: readonly string[];
  /** The number of its network namespace: a descriptor may be another's by now. */
  readonly net: string;
}

interface Answer {
  readonly place?: Place | undefined;
  readonly error?: string | undefined;
  /** The names of the hosts of the lab. */
  readonly hosts: readonly string[];
}

const inode: Check<string> = (name, value) => {
  const text = string(name, value);
  if (/^\d+$/.test(text)) return text;
  throw invalidValue(name, value, 'must be a number of a namespace');
};

const ANSWER = schema<Answer>()({
  place: schema<Place>()({ paths: required(list(pathText)), net: required(inode) }),
  error: string,
  hosts: required(list(string)),
});

const SOCKET = /^(\d+)\.sock$/;

/** The most bytes of a question, and of an answer. */
const MOST_BYTES = 1 << 20;

/** Milliseconds that one side waits for the other. */
const PATIENCE_MS = 5000;

/**
 * The directory of the sockets. In /tmp anybody could have made it before: it must be the user's, and closed to others.
 */
function directory(): string {
  const user = process.geteuid?.() ?? 0;
  const base = process.env.XDG_RUNTIME_DIR ?? '';
  const path = base === '' ? join(tmpdir(), `linux-ns-lab-${user}`) : join(base, 'linux-ns-lab');
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const found = lstatSync(path);
  if (found.isDirectory() && found.uid === user && (found.mode & 0o077) === 0) return path;
  throw new UsageError(`${path} is not a directory that only this user can enter: remove it, or set XDG_RUNTIME_DIR`);
}

/** Answers for a lab until the function that is returned is called. */
export async function serveControl(lab: Lab): Promise<() => Promise<void>> {
  const server = createServer((socket) => serve(socket, lab));
  server.maxConnections = 64;
  await listen(server, join(directory(), `${process.pid}.sock`));
  return () => new Promise((resolve) => server.close(() => resolve()));
}

async function listen(server: Server, path: string): Promise<void> {
  rmSync(path, { force: true }); // of a process that had the same pid, and was killed
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
}

function serve(socket: Socket, lab: Lab): void {
  socket.on('error', () => undefined);
  void lineOf(socket)
    .then((host) => socket.end(`${JSON.stringify(answerFor(lab, host))}\n`))
    .catch(() => socket.destroy());
}

function answerFor(lab: Lab, name: string): Answer {
  const hosts = [...lab.hosts.keys()];
  const host = lab.hosts.get(name);
  if (host === undefined) return { hosts };
  if (host.init === undefined) return { hosts, error: `host ${name} has crashed` };
  const { namespace } = host.network; // its name server runs from here on
  const paths = [...host.namespaces].map(({ fd }) => `/proc/${process.pid}/fd/${fd}`);
  return { hosts, place: { paths, net: String(namespace.id) } };
}

/**
 * Finds a host among the labs that this user runs.
 *
 * @param pid - the process that runs the lab; undefined for any
 * @throws UsageError
 */
export async function findHost(name: string, pid: number | undefined): Promise<Place> {
  const path = directory();
  const running = readdirSync(path).flatMap((file) => SOCKET.exec(file)?.[1] ?? []);
  const wanted = running.filter((each) => pid === undefined || each === String(pid));
  const asked = await Promise.all(wanted.map((each) => ask(join(path, `${each}.sock`), name)));
  const answers = asked.flatMap((answer, index) =>
    answer === undefined ? [] : [[wanted[index] ?? '', answer] as const],
  );
  const error = answers.find(([, answer]) => answer.error !== undefined)?.[1].error;
  if (error !== undefined) throw new UsageError(error);
  const found = answers.filter(([, { place }]) => place !== undefined);
  const [first, second] = found;
  if (second !== undefined)
    throw new UsageError(`several labs have a host '${name}': choose one with --lab=${first?.[0]}`);
  if (first?.[1].place !== undefined) return first[1].place;
  if (answers.length === 0) throw new UsageError(pid === undefined ? 'no lab runs' : `no lab runs in process ${pid}`);
  const hosts = answers.flatMap(([, answer]) => answer.hosts);
  throw new UsageError(`no host '${name}': there are ${hosts.join(', ') || 'none'}`);
}

/**
 * Undefined where nobody listens any more: the socket of a lab that was killed is removed.
 *
 * @throws UsageError for an answer that is none, as that of a lab of another version
 */
async function ask(path: string, host: string): Promise<Answer | undefined> {
  const line = await lineFrom(path, host);
  if (line === undefined) return undefined;
  try {
    return ANSWER('answer', JSON.parse(line));
  } catch (error) {
    throw new UsageError(`${path} gives no answer of a lab: ${(error as Error).message}`);
  }
}

async function lineFrom(path: string, host: string): Promise<string | undefined> {
  const socket = connect(path);
  try {
    socket.write(`${host}\n`);
    return await lineOf(socket);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') rmSync(path, { force: true });
    return undefined;
  } finally {
    socket.destroy();
  }
}

/** One line. @throws Error where there is none */
async function lineOf(socket: Socket): Promise<string> {
  socket.setTimeout(PATIENCE_MS, () => socket.destroy());
  let text = '';
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('no line')));
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
      else if (text.length > MOST_BYTES) socket.destroy();
    });
  });
}
