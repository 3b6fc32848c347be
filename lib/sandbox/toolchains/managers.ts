/** The managers of toolchains: a row for each. To add one, add its row. */

/**
 * A place where toolchains are, and what their programs need besides it.
 *
 * Paths begin with `~`, the caller's home directory, or with a variable, `$PYENV_ROOT`: such a path is skipped where the
 * variable is not set.
 */
export interface Manager {
  /** Its name, as people know it. */
  readonly name: string;
  /** The place where it keeps toolchains: the first of these that is there. */
  readonly root: readonly string[];
  /**
   * The directories of PATH by which it is in use. Default: whatever is in its root. `'always'`: wherever its root is
   * there, because programs of a project lead to it that are not on PATH.
   */
  readonly inPath?: readonly string[] | 'always';
  /** The parts of the root that are needed; `*` is any text in a name. Default: all of it. */
  readonly parts?: readonly string[];
  /**
   * The directories of its root that have an installation for each version, or a link to one elsewhere. `*` is
   * any text in a name.
   */
  readonly versionsIn?: string;
  /** The variable that says where the root is. It is set, because programs would look in the home directory else. */
  readonly variable?: string;
  /** Variables that go along as they are, as they select a version. */
  readonly versions?: RegExp;
  /** Files of the home directory that are to be found in the home directory of the sandbox. `*` is any text. */
  readonly home?: readonly string[];
  /** True if its programs cannot run in a sandbox: then it is left out. */
  readonly unusable?: boolean;
}

export const MANAGERS: readonly Manager[] = [
  // Shims that are scripts, with a program of the manager behind them.
  shims('pyenv'),
  shims('rbenv'),
  shims('nodenv'),
  shims('goenv'),
  {
    name: 'asdf',
    root: ['$ASDF_DATA_DIR', '$ASDF_DIR', '~/.asdf'],
    versionsIn: 'installs/*',
    variable: 'ASDF_DATA_DIR',
    versions: /^ASDF_\w+_VERSION$/,
    home: ['.tool-versions', '.asdfrc'],
  },
  // Shims that are links to the manager, which looks at the name that it was called by.
  {
    name: 'mise',
    root: ['$MISE_DATA_DIR', '$XDG_DATA_HOME/mise', '~/.local/share/mise'],
    versionsIn: 'installs/*',
    variable: 'MISE_DATA_DIR',
    versions: /^MISE_\w+_VERSION$/,
    home: ['.tool-versions', '.config/mise/config.toml'],
  },
  { name: 'volta', root: ['$VOLTA_HOME', '~/.volta'], variable: 'VOLTA_HOME' },
  {
    // Not the home of cargo, which has a cache that must be writable, and credentials.
    name: 'rustup',
    root: ['$RUSTUP_HOME', '~/.rustup'],
    inPath: ['$CARGO_HOME/bin', '~/.cargo/bin'],
    versionsIn: 'toolchains',
    variable: 'RUSTUP_HOME',
    versions: /^RUSTUP_TOOLCHAIN$/,
  },
  // Links to the version that is in use. The programs of nvm, fnm and n need no more than their own installation.
  {
    name: 'sdkman',
    root: ['$SDKMAN_DIR', '~/.sdkman'],
    parts: ['candidates'],
    versionsIn: 'candidates/*',
    variable: 'SDKMAN_DIR',
  },
  { name: 'nix', root: ['/nix'], parts: ['store', 'var/nix/profiles'] },
  {
    name: 'homebrew',
    root: ['$HOMEBREW_PREFIX', '/home/linuxbrew/.linuxbrew', '~/.linuxbrew'],
    parts: ['bin', 'sbin', 'Cellar', 'opt', 'lib', 'libexec', 'include', 'share', 'etc'],
    variable: 'HOMEBREW_PREFIX',
  },
  // Its programs are started by a program that is set-user-ID, with the help of a service.
  { name: 'snap', root: ['/snap', '/var/lib/snapd/snap'], unusable: true },
  // What the programs of a project lead to: a virtual environment of uv, a script that has JAVA_HOME.
  { name: 'uv', root: ['$UV_PYTHON_INSTALL_DIR', '~/.local/share/uv/python'], inPath: 'always' },
  { name: 'java', root: ['$JAVA_HOME'], inPath: 'always' },
  { name: 'go', root: ['$GOROOT'], inPath: 'always' },
  {
    name: 'pip install --user',
    root: ['$PYTHONUSERBASE', '~/.local'],
    inPath: ['$PYTHONUSERBASE/bin', '~/.local/bin'],
    parts: ['lib/python*'],
    variable: 'PYTHONUSERBASE',
  },
  {
    // Each version by itself, so that it can still fetch another.
    name: 'corepack',
    root: ['~/.cache/node/corepack'],
    inPath: 'always',
    parts: [],
    home: ['.cache/node/corepack/v1/*/*', '.cache/node/corepack/lastKnownGood.json'],
  },
];

/** Variables that name a place. Each goes along if that is in the sandbox. */
export const VARIABLES: readonly string[] = [
  'ASDF_DIR',
  'BUN_INSTALL',
  'CONDA_PREFIX',
  'DENO_INSTALL',
  'FNM_DIR',
  'FNM_MULTISHELL_PATH',
  'GOROOT',
  'GRADLE_HOME',
  'HOMEBREW_CELLAR',
  'JAVA_HOME',
  'JDK_HOME',
  'M2_HOME',
  'MAVEN_HOME',
  'NIX_SSL_CERT_FILE',
  'NVM_BIN',
  'NVM_INC',
  'PNPM_HOME',
  'SDKMAN_CANDIDATES_DIR',
  'UV_PYTHON_INSTALL_DIR',
  'VIRTUAL_ENV',
];

/** The programs of /usr/bin that may be links to somewhere else. To look at all of them would take too long. */
export const TOOLS: readonly string[] = [
  'node',
  'npm',
  'python3',
  'python',
  'ruby',
  'rustc',
  'cargo',
  'go',
  'java',
  'javac',
];

/** pyenv, and those that are made like it. */
function shims(name: string): Manager {
  const variable = `${name.toUpperCase()}_ROOT`;
  return {
    ...{ name, root: [`$${variable}`, `~/.${name}`], versionsIn: 'versions', variable },
    versions: new RegExp(`^${name.toUpperCase()}_VERSION$`),
  };
}
