import { inOptions, propertiesAsOptions } from '../../cli/wording';
import { hintsByFile, hintsElsewhere } from '../docs/hints';

/** What only a program can do, and no command does: their hints never reach the command line. */
const OF_PROGRAMS: Readonly<Record<string, RegExp>> = {
  clone: /^A thread of a process|a thread cannot get it|has unshared its time namespace/,
  inside: /^Only 'monotonic' and 'boottime'/, // what the options are called, too
  join: /^This thread shares|^A process with several threads|persist\(\)|NamespaceSet open/,
  landlock: /noNewPrivileges/,
  maps: /^setgroups takes 'allow' or 'deny'/, // the words of the option
  mount: /openTree\(\)/,
  network: /replace\(\)|list\(\{|multiQueue|vlanFiltering/,
  'native.ts': /^Exclude it from the bundle/, // words of webpack
  newidmap: /process\.seteuid\(\)/,
  seccomp: /noNewPrivileges/,
  sockets: /./,
  'network/attach/slirp.ts': /./,
  'process/ipc/channel.ts': /./,
  'process/ipc/codec.ts': /./,
  'process/ipc/handle.ts': /./,
  'sandbox/changes.ts': /./,
  'sandbox/files.ts': /./,
  'sandbox/own-network.ts': /./, // 'run --expose' finds it out before
  'sandbox/sandbox.ts': /./,
  'sandbox/without-namespaces.ts': /./,
  'thread/index.ts': /./,
};

/** Words of the library: properties and values in quotes, functions, handles. */
const LIBRARY =
  /'(?:user|mnt|net|pid|env|parent|groups|cwd|uid|gid|root|current|auto)'|[a-z]\w*\(\)|\boptions\.[a-z]|setgroups: '|\bspec\b|[ug]idMap|\bkinds\b|(?:the|its) set\b(?!-)|\bsets\b|NamespaceSet|\bnoNew|pidsMax|\{ /;

/** As where it is made: kinds and maps are filled in there. */
function filled(hint: string): string {
  return hint
    .replace(/\s+/g, ' ')
    .replace(/dd (?:'…'|…) to the kinds/, "dd 'pid' to the kinds")
    .replace('…Map', 'uidMap');
}

describe('the hints of the library name options on the command line', () => {
  const hints = [...hintsByFile(), ...hintsElsewhere()].map(
    ([file, all]) => [file, all.filter((hint) => OF_PROGRAMS[file]?.test(hint) !== true)] as const,
  );
  test.each(hints)('%s', (_, all) => {
    for (const command of ['unshare', 'nsenter', 'run', 'netns', 'lsns', undefined]) {
      // Kinds are filled in where a hint is made.
      const shown = all.map((hint) => inOptions(filled(hint), command));
      expect(shown.filter((hint) => LIBRARY.test(hint))).toEqual([]);
    }
  });
});

test('each command names its own options', () => {
  const hint = "Add 'user' to the kinds, which needs no privilege";
  expect(inOptions(hint, 'unshare')).toBe('Add --user, which needs no privilege');
  expect(inOptions(hint, 'run')).toBe("Add it with 'linux-ns unshare --user', which needs no privilege");
  const path = "Give its whole path, or set PATH in 'env'.";
  expect(inOptions(path, 'run')).toBe('Give its whole path, or set it with --env PATH=….');
  expect(inOptions(path, 'unshare')).toBe('Give its whole path, or set PATH in the environment.');
});

test('properties of specs are the options that they come from', () => {
  expect(propertiesAsOptions("The property 'spec.hostname' must have at most 64 bytes.", 'run')).toBe(
    '--hostname must have at most 64 bytes.',
  );
  expect(propertiesAsOptions("The property 'spec.network' must be 'host' where spec.share has 'net'.", 'run')).toBe(
    "--network must be 'host' where --share has 'net'.",
  );
  expect(
    propertiesAsOptions(
      "The property 'options.unshare.user.uidMap[1]' must not overlap options.unshare.user.uidMap[0]",
      'unshare',
    ),
  ).toBe('--map-users must not overlap --map-users');
  expect(propertiesAsOptions('The "spec.hostname" property must be of type string.', 'run')).toBe(
    '--hostname must be of type string.',
  );
  expect(propertiesAsOptions("The property 'spec.hostnames' is unknown", 'run')).toBe(
    "The property 'spec.hostnames' is unknown",
  );
});
