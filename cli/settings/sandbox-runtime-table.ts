/**
 * The settings of sandbox-runtime (npm `@anthropic-ai/sandbox-runtime`), and what each is here.
 *
 * docs/sandbox-runtime.md has the same table, and test/docs/sandbox-runtime.test.ts holds both to the types that
 * sandbox-runtime publishes.
 */

/** The fate of a setting that a file has: */
export type Use =
  /** it means here what it means there */
  | 'same'
  /** it means something else here, which is told */
  | 'differs'
  /** it has no use here: it is of another system, or about a part that there is not */
  | 'unneeded'
  /** what it asks for cannot be had, and without it a program would get more: the file is refused */
  | 'refused';

export interface Setting {
  /** The names in a file that lead to it, with a dot between them. It stands for what is below it. */
  readonly key: string;
  readonly use: Use;
  /** In Markdown; the command line prints it without the backticks. */
  readonly here: string;
}

export const SETTINGS: readonly Setting[] = [
  {
    key: 'filesystem.allowWrite',
    use: 'same',
    here: '`write`. A pattern is left out, as there on Linux, and so is what does not exist',
  },
  { key: 'filesystem.denyWrite', use: 'same', here: '`protect`. A pattern counts, for what is there at the start' },
  { key: 'filesystem.denyRead', use: 'same', here: '`hide`' },
  {
    key: 'filesystem.allowRead',
    use: 'same',
    here: '`readOnly`, but for what can be written; of two paths that concern a file the longer one counts',
  },
  {
    key: 'filesystem.disabled',
    use: 'refused',
    here: 'nothing: a sandbox has files of its own. Use `linux-ns unshare -n`',
  },
  { key: 'filesystem.allowGitConfig', use: 'differs', here: 'nothing: `.git/config` stays protected' },
  {
    key: 'mandatoryDenySearchDepth',
    use: 'differs',
    here: 'nothing: what is protected by default is at the top of each writable path',
  },

  { key: 'network.allowedDomains', use: 'same', here: '`allow` of the policy' },
  { key: 'network.deniedDomains', use: 'same', here: '`deny` of the policy' },
  {
    key: 'network.deniedResolvedAddresses',
    use: 'same',
    here: '`deny` of the policy, which counts also for names that lead there',
  },
  { key: 'network.deniedDomainReasons', use: 'unneeded', here: 'nothing: a report tells the rule that has decided' },
  { key: 'network.strictAllowlist', use: 'same', here: 'the default: without `--ask` nobody is asked' },
  { key: 'network.httpProxyPort', use: 'differs', here: '`via: "http://127.0.0.1:PORT"`; the policy counts before it' },
  {
    key: 'network.socksProxyPort',
    use: 'differs',
    here: '`via: "socks5://127.0.0.1:PORT"`; the policy counts before it',
  },
  { key: 'network.parentProxy.http', use: 'differs', here: '`via`, for all connections' },
  { key: 'network.parentProxy.https', use: 'differs', here: '`via`, for all connections, if there is none for http' },
  { key: 'network.parentProxy.noProxy', use: 'differs', here: 'nothing: all connections are made through the proxy' },
  {
    key: 'network.mitmProxy',
    use: 'refused',
    here: 'nothing: a proxy is for all hosts, and not at a socket with a path',
  },
  {
    key: 'network.allowUnixSockets',
    use: 'unneeded',
    here: 'nothing, as there on Linux: bind the socket, and allow all',
  },
  { key: 'network.allowAllUnixSockets', use: 'same', here: '`unixSockets`: false, if it is not set' },
  {
    key: 'network.allowLocalBinding',
    use: 'unneeded',
    here: 'the loopback device of the sandbox is its own, and can always be used',
  },
  { key: 'network.allowMachLookup', use: 'unneeded', here: 'is of macOS' },
  { key: 'network.tlsTerminate', use: 'differs', here: 'nothing: TLS is not opened, and its names alone are compared' },
  { key: 'network.filterRequest', use: 'refused', here: 'nothing: a policy knows hosts and ports, not requests' },
  { key: 'network.allowPlaintextHeaderSet', use: 'unneeded', here: 'is of `filterRequest`' },
  { key: 'network.ambiguousRequestTarget', use: 'unneeded', here: 'is of `filterRequest`' },
  { key: 'network.refuseOpaqueTunnels', use: 'refused', here: 'nothing: what is in TLS is not looked into' },
  {
    key: 'network.requireHostMatch',
    use: 'same',
    here: 'always: a connection for which another host is named is closed',
  },
  { key: 'network.stripResponseHeaders', use: 'refused', here: 'nothing: what servers answer is not changed' },

  { key: 'credentials.files', use: 'differs', here: '`hide`, for each mode: nothing stands in for a file' },
  {
    key: 'credentials.envVars',
    use: 'differs',
    here: 'a variable that programs do not have, for each mode: nothing stands in for it',
  },
  { key: 'credentials.allowPlaintextInject', use: 'unneeded', here: 'is of mode `mask`' },
  { key: 'credentials.awsPairs', use: 'unneeded', here: 'is of mode `mask`' },
  { key: 'credentials.sigv4', use: 'unneeded', here: 'is of mode `mask`' },

  { key: 'git.safeDirectories', use: 'same', here: 'variables `GIT_CONFIG_*` with `safe.directory`' },
  { key: 'allowNestedUserNamespaces', use: 'same', here: '`userNamespaces`' },
  { key: 'enableWeakerNestedSandbox', use: 'unneeded', here: 'what a container allows is found out: `proc: "auto"`' },
  { key: 'ignoreViolations', use: 'unneeded', here: 'nothing: a report has all connections' },
  { key: 'allowPty', use: 'unneeded', here: 'a sandbox has terminals of its own' },
  { key: 'ripgrep', use: 'unneeded', here: 'no other program is needed' },
  { key: 'seccomp', use: 'unneeded', here: 'no other program is needed' },
  { key: 'bwrapPath', use: 'unneeded', here: 'no other program is needed' },
  { key: 'socatPath', use: 'unneeded', here: 'no other program is needed' },
  { key: 'javaAgentJarPath', use: 'unneeded', here: 'no agent is needed: programs need not know of a proxy' },
  { key: 'enableWeakerNetworkIsolation', use: 'unneeded', here: 'is of macOS' },
  { key: 'allowAppleEvents', use: 'unneeded', here: 'is of macOS' },
  { key: 'windows', use: 'unneeded', here: 'is of Windows' },
];
