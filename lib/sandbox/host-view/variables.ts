/** The environment of programs in a view of the host. */

/**
 * The variables that are taken from this process. They say how programs look, where they keep their files, and which
 * programs are found; none has a secret, or the path of a socket.
 */
const TAKEN: readonly string[] = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'TERM',
  'COLORTERM',
  'NO_COLOR',
  'FORCE_COLOR',
  'LANG',
  'LANGUAGE',
  'LC_*',
  'TZ',
  'EDITOR',
  'VISUAL',
  'PAGER',
  'LESS',
  'MANPATH',
  'INFOPATH',
  'XDG_CONFIG_HOME',
  'XDG_CACHE_HOME',
  'XDG_DATA_HOME',
  'XDG_STATE_HOME',
  'XDG_DATA_DIRS',
  'XDG_CONFIG_DIRS',
  'CI',
  'NODE_ENV',
];

/**
 * The variables of this process that a view has: the usual ones, and those that are asked for. In a name `*` is any
 * text.
 */
export function variablesOf(from: NodeJS.ProcessEnv, asked: readonly string[]): Record<string, string> {
  const names = [...TAKEN, ...asked].map((name) => name.replaceAll(SPECIAL, '\\$&').replaceAll('*', '.*'));
  const wanted = new RegExp(`^(?:${names.join('|')})$`, 's');
  return Object.fromEntries(
    Object.entries(from).filter((each): each is [string, string] => each[1] !== undefined && wanted.test(each[0])),
  );
}

/** The characters with a meaning in a regular expression, but for `*`. */
const SPECIAL = /[.+?^${}()|[\]\\]/g;
