/** The options in NODE_OPTIONS that load a module before the program: each has the module as its value. */
const LOADS = ['--require', '-r', '--import'];

/**
 * NODE_OPTIONS with a module that is loaded before all others. It is loaded by `--require`: `--import` lets the event
 * loop run before the module, and Node may then have read messages of the IPC channel.
 *
 * @param isOurs - true for a module that is to be replaced by this one
 */
export function withModule(options: string, file: string, isOurs: (module: string) => boolean): string {
  const option = `--require=${quoted(file)}`;
  return [option, withoutModule(options, isOurs)].filter((part) => part !== '').join(' ');
}

/** NODE_OPTIONS without the modules that `isOurs` is true for. All else stays as it is written. */
export function withoutModule(options: string, isOurs: (module: string) => boolean): string {
  const words = wordsOf(options);
  const kept = words.filter((word, index) => !loads(word, isOurs) && !isPartOfPair(words, index, isOurs));
  return kept.join(' ');
}

/** True for `--require=MODULE`. */
function loads(word: string, isOurs: (module: string) => boolean): boolean {
  const [option = '', ...module] = unquoted(word).split('=');
  return LOADS.includes(option) && module.length > 0 && isOurs(module.join('='));
}

/** True for both words of `--require MODULE`. */
function isPartOfPair(words: readonly string[], index: number, isOurs: (module: string) => boolean): boolean {
  const begins = (at: number): boolean => {
    const [option, module] = [words[at], words[at + 1]].map((word) =>
      word === undefined ? undefined : unquoted(word),
    );
    return option !== undefined && LOADS.includes(option) && module !== undefined && isOurs(module);
  };
  return begins(index) || begins(index - 1);
}

/** Splits it as Node does: at spaces outside of double quotes, in which a backslash keeps the next letter as it is. */
function wordsOf(options: string): string[] {
  return options.match(/(?:"(?:\\.|[^"\\])*"|[^" ])+/g) ?? [];
}

function unquoted(word: string): string {
  return word.replace(/"((?:\\.|[^"\\])*)"/g, (_, inner: string) => inner.replace(/\\(.)/g, '$1'));
}

function quoted(text: string): string {
  return /[ "\\]/.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text;
}
