/** The words with a capital letter, as at the beginning of a sentence. */
export function sentence(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(words: readonly string[], conjunction: 'and' | 'or' = 'and'): string {
  const last = words.at(-1) ?? '';
  return words.length < 2 ? last : `${words.slice(0, -1).join(', ')} ${conjunction} ${last}`;
}

/** `'net'`, `'net' and 'uts'`: words that callers pass to this package. */
export function quoted(words: readonly string[], conjunction: 'and' | 'or' = 'and'): string {
  return listed(
    words.map((word) => `'${word}'`),
    conjunction,
  );
}

/** The path where there is one, else the words in its place: `'/x'` or `the directory`. */
export function named(path: string | undefined, otherwise: string): string {
  return path === undefined ? otherwise : `'${path}'`;
}

/** `a net namespace`, `an ipc namespace`. */
export function aNamespace(kind: string): string {
  return `${kind === 'ipc' ? 'an' : 'a'} ${kind} namespace`;
}

const TYPES: Readonly<Record<string, string>> = {
  file: 'a file',
  directory: 'a directory',
  symlink: 'a symbolic link',
  fifo: 'a FIFO',
  socket: 'a socket',
  character: 'a device',
  block: 'a device',
};

/** `'/a/b' is a symbolic link`, from `'symlink /a/b'`; undefined for other words. */
export function inTheWay(detail: string | undefined): string | undefined {
  const [, type = '', path] = /^(\w+) (\/.*)$/s.exec(detail ?? '') ?? [];
  const words = TYPES[type];
  return words === undefined ? undefined : `'${path}' is ${words}`;
}
