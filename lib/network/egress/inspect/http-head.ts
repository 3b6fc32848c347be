/**
 * The head of an HTTP/1 request (RFC 9112), read strictly: what two servers may understand differently is malformed.
 */

/** A request as its head describes it. */
export interface RequestHead {
  readonly method: string;
  /** The authority of an absolute URI, as it is written; undefined for a path, and for `*`. */
  readonly authority: string | undefined;
  /** The Host header; undefined without one. */
  readonly host: string | undefined;
  /** The number of bytes of the body; `'chunked'` where each part has its length before it. */
  readonly body: number | 'chunked';
  /** The protocols of the Upgrade header, in lower case. */
  readonly upgrade: readonly string[];
}

/** A head that is refused, with the reason. */
export class MalformedHead extends Error {}

const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";

const REQUEST_LINE = new RegExp(`^(${TOKEN}) ([!-~\\x80-\\xff]+) HTTP/1\\.([01])$`);

/** A field: no blanks before the colon, and no controls but tabs. Nothing in it can match in two ways: it is long. */
const FIELD = new RegExp(`^(${TOKEN}):([\\t -~\\x80-\\xff]*)$`);

/** An absolute URI: its authority ends with the first `/`, `?` or `#`. */
const ABSOLUTE = /^http:\/\/([^/?#]*)/i;

/** A length that is exact as a number of JavaScript. */
const LENGTH = /^\d{1,15}$/;

const MOST_FIELDS = 256;

/** The fields that say where a request ends and whom it is for. Some servers read `_` as `-`. */
const DECISIVE = new Set(['host', 'content-length', 'transfer-encoding', 'upgrade', 'connection']);

/**
 * Reads a head without the empty line at its end.
 *
 * @throws MalformedHead
 */
export function parseHead(text: string): RequestHead {
  const [line = '', ...rest] = text.split('\r\n');
  const [, method = '', target = '', minor = ''] = REQUEST_LINE.exec(line) ?? fail('The request line is malformed');
  const fields = parseFields(rest);
  return {
    method,
    authority: authorityOf(method, target),
    host: single(fields, 'host'),
    body: bodyOf(fields, method, minor === '1'),
    upgrade: listed(fields.get('upgrade')),
  };
}

/**
 * Reads the lines of a head or of a trailer. The result has all values of each name.
 *
 * @throws MalformedHead
 */
export function parseFields(lines: readonly string[]): Map<string, string[]> {
  if (lines.length > MOST_FIELDS) throw new MalformedHead('There are too many header fields');
  const fields = new Map<string, string[]>();
  for (const line of lines) {
    const [, name = '', value = ''] = FIELD.exec(line) ?? fail('A header field is malformed');
    const key = name.toLowerCase();
    if (key.includes('_') && DECISIVE.has(key.replaceAll('_', '-'))) fail(`The header field ${name} is ambiguous`);
    fields.set(key, [...(fields.get(key) ?? []), trimmed(value)]);
  }
  return fields;
}

/** Without the blanks at both ends. A regular expression would be slow on a value of many blanks. */
function trimmed(value: string): string {
  const isBlank = (at: number): boolean => value[at] === ' ' || value[at] === '\t';
  let [start, end] = [0, value.length];
  while (start < end && isBlank(start)) start++;
  while (end > start && isBlank(end - 1)) end--;
  return value.slice(start, end);
}

/** A head whose request asks for no upgrade: a hop may leave that out (RFC 9110, 7.8). */
export function withoutUpgrade(text: string): string {
  const kept = text.split('\r\n').map((line) => {
    if (/^(upgrade|http2-settings):/i.test(line)) return undefined;
    if (!/^connection:/i.test(line)) return line;
    const options = listed([line.slice(line.indexOf(':') + 1)]);
    const others = options.filter((option) => option !== 'upgrade' && option !== 'http2-settings');
    return others.length === 0 ? undefined : `Connection: ${others.join(', ')}`;
  });
  return kept.filter((line) => line !== undefined).join('\r\n');
}

function fail(reason: string): never {
  throw new MalformedHead(reason);
}

function authorityOf(method: string, target: string): string | undefined {
  if (target.startsWith('/')) return undefined;
  if (target === '*' && method === 'OPTIONS') return undefined;
  const [, authority = ''] =
    ABSOLUTE.exec(target) ?? fail('The target of the request is neither a path nor an http URL');
  return authority;
}

function single(fields: ReadonlyMap<string, readonly string[]>, name: string): string | undefined {
  const values = fields.get(name) ?? [];
  if (values.length > 1) fail(`There is more than one ${name} header field`);
  return values[0];
}

function bodyOf(
  fields: ReadonlyMap<string, readonly string[]>,
  method: string,
  knowsChunks: boolean,
): number | 'chunked' {
  const coding = single(fields, 'transfer-encoding');
  const length = single(fields, 'content-length');
  if (coding !== undefined) {
    if (length !== undefined) fail('There are both Content-Length and Transfer-Encoding');
    if (coding.toLowerCase() !== 'chunked' || !knowsChunks) fail('The Transfer-Encoding is not chunked alone');
    return 'chunked';
  }
  if (length !== undefined) return LENGTH.test(length) ? Number(length) : fail('The Content-Length is malformed');
  // In HTTP/1.0 some servers take what comes up to the end of the connection.
  if (!knowsChunks && !['GET', 'HEAD', 'OPTIONS', 'DELETE'].includes(method)) fail('The request has no Content-Length');
  return 0;
}

function listed(values: readonly string[] = []): string[] {
  return values
    .flatMap((value) => value.split(','))
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== '');
}
