/** How managers of toolchains lay out their files: the programs are scripts, at the place of the real ones. */
import { execFileSync } from 'node:child_process';
import { renameSync } from 'node:fs';
import type { Home } from './home';

/** The environment that a manager gives a shell, and the programs that the shell then has. */
export interface Shell {
  /** The directories that come before /usr/bin, below the home directory unless absolute. */
  readonly path: readonly string[];
  readonly env?: Record<string, string>;
  readonly programs: readonly string[];
}

/** Each makes the files in a home directory. */
export const LAYOUTS: Readonly<Record<string, (home: Home) => Shell>> = {
  nvm: (home) => {
    const version = '.nvm/versions/node/v24.1.0';
    installNode(home, version);
    const env = { NVM_DIR: home.at('.nvm'), NVM_BIN: home.at(`${version}/bin`) };
    return { path: [`${version}/bin`], env, programs: ['node', 'npm'] };
  },
  fnm: (home) => {
    const installation = '.local/share/fnm/node-versions/v24.1.0/installation';
    installNode(home, installation);
    home.link('run/fnm_multishells/1_2', home.at(installation));
    const env = { FNM_MULTISHELL_PATH: home.at('run/fnm_multishells/1_2') };
    return { path: ['run/fnm_multishells/1_2/bin'], env, programs: ['node', 'npm'] };
  },
  n: (home) => {
    installNode(home, 'n');
    return { path: ['n/bin'], env: { N_PREFIX: home.at('n') }, programs: ['node', 'npm'] };
  },
  volta: (home) => {
    installNode(home, '.volta/tools/image/node/24.1.0');
    home.program(
      '.volta/bin/volta-shim',
      'exec "${VOLTA_HOME:-$HOME/.volta}/tools/image/node/24.1.0/bin/${0##*/}" "$@"',
    );
    for (const name of ['node', 'npm']) home.link(`.volta/bin/${name}`, 'volta-shim');
    return { path: ['.volta/bin'], programs: ['node', 'npm'] };
  },
  asdf: (home) => {
    installNode(home, '.asdf/installs/nodejs/24.1.0');
    home.file('.tool-versions', 'nodejs 24.1.0\n');
    home.program(
      '.asdf/bin/asdf',
      'v=$(sed -n "s/^nodejs //p" "$HOME/.tool-versions")\nexec "${ASDF_DATA_DIR:-$HOME/.asdf}/installs/nodejs/$v/bin/$2"',
    );
    for (const name of ['node', 'npm']) home.program(`.asdf/shims/${name}`, `exec asdf exec ${name} "$@"`);
    return { path: ['.asdf/shims', '.asdf/bin'], programs: ['node', 'npm'] };
  },
  mise: (home) => {
    installNode(home, '.local/share/mise/installs/node/24.1.0');
    home.file('.config/mise/config.toml', '[tools]\nnode = "24.1.0"\n');
    home.program(
      '.local/bin/mise',
      'v=$(sed -n \'s/^node = "\\(.*\\)"/\\1/p\' "$HOME/.config/mise/config.toml")\nexec "${MISE_DATA_DIR:-$HOME/.local/share/mise}/installs/node/$v/bin/${0##*/}"',
    );
    for (const name of ['node', 'npm']) home.link(`.local/share/mise/shims/${name}`, home.at('.local/bin/mise'));
    return { path: ['.local/share/mise/shims'], programs: ['node', 'npm'] };
  },
  'mise, with an installation that is elsewhere': (home) => {
    const shell = LAYOUTS.mise!(home);
    renameSync(home.at('.local/share/mise/installs/node/24.1.0'), home.at('node-24'));
    home.link('.local/share/mise/installs/node/24.1.0', home.at('node-24'));
    return shell;
  },
  pyenv: (home) => {
    home.program('.pyenv/versions/3.12.1/bin/python3', 'echo "Python of $0"');
    home.file('.pyenv/version', '3.12.1\n');
    home.program(
      '.pyenv/libexec/pyenv',
      'exec "$PYENV_ROOT/versions/${PYENV_VERSION:-$(cat "$PYENV_ROOT/version")}/bin/$2"',
    );
    home.link('.pyenv/bin/pyenv', '../libexec/pyenv');
    const script = `export PYENV_ROOT="${home.at('.pyenv')}"\nexec "$PYENV_ROOT/libexec/pyenv" exec "\${0##*/}" "$@"`;
    home.program('.pyenv/shims/python3', script);
    return { path: ['.pyenv/shims', '.pyenv/bin'], programs: ['python3'] };
  },
  'the version of a shell': (home) => {
    const shell = LAYOUTS.pyenv!(home);
    home.program('.pyenv/versions/3.9.2/bin/python3', 'echo "Python of $0"');
    return { ...shell, env: { PYENV_VERSION: '3.9.2' }, programs: ['python3'] };
  },
  rbenv: (home) => {
    home.program('.rbenv/versions/3.3.0/bin/ruby', 'echo "ruby of $0"');
    home.program('.rbenv/libexec/rbenv', 'exec "${RBENV_ROOT:-$HOME/.rbenv}/versions/3.3.0/bin/$2"');
    home.link('.rbenv/bin/rbenv', '../libexec/rbenv');
    home.program('.rbenv/shims/ruby', 'exec rbenv exec "${0##*/}" "$@"');
    return { path: ['.rbenv/shims', '.rbenv/bin'], programs: ['ruby'] };
  },
  rustup: (home) => {
    for (const name of ['rustc', 'cargo']) {
      home.program(`.rustup/toolchains/stable/bin/${name}`, `cat "\${0%/*}/../lib/${name}"`);
      home.file(`.rustup/toolchains/stable/lib/${name}`, `${name} 1.80.0\n`);
      home.link(`.cargo/bin/${name}`, 'rustup');
    }
    home.program('.cargo/bin/rustup', 'exec "${RUSTUP_HOME:-$HOME/.rustup}/toolchains/stable/bin/${0##*/}" "$@"');
    return { path: ['.cargo/bin'], programs: ['cargo', 'rustc'] };
  },
  SDKMAN: (home) => {
    const java = '.sdkman/candidates/java';
    home.program(`${java}/21.0.1-tem/bin/java`, 'cat "$JAVA_HOME/lib/jvm.cfg"');
    home.file(`${java}/21.0.1-tem/lib/jvm.cfg`, 'java of a version\n');
    home.link(`${java}/current`, '21.0.1-tem');
    return { path: [`${java}/current/bin`], env: { JAVA_HOME: home.at(`${java}/current`) }, programs: ['java'] };
  },
  'a JDK that JAVA_HOME alone names': (home) => {
    home.program('jdk/bin/java', 'cat "$JAVA_HOME/conf/x"');
    home.file('jdk/conf/x', 'java\n');
    return { path: [], env: { JAVA_HOME: home.at('jdk') }, programs: ['$JAVA_HOME/bin/java'] };
  },
  Go: (home) => {
    home.program('sdk/go1.22/bin/go', 'cat "${0%/*}/../VERSION"');
    home.file('sdk/go1.22/VERSION', 'go1.22\n');
    home.file('sdk/go1.22/src/runtime/runtime.go', '');
    home.program('go/bin/gopls', 'echo gopls');
    return { path: ['go/bin', 'sdk/go1.22/bin'], programs: ['go', 'gopls'] };
  },
  Homebrew: (home) => {
    home.program('.linuxbrew/Cellar/node/24/bin/node', 'cat "${0%/*}/../opt/icu/version"');
    home.file('.linuxbrew/opt/icu/version', '74\n');
    home.link('.linuxbrew/bin/node', '../Cellar/node/24/bin/node');
    return { path: ['.linuxbrew/bin'], programs: ['node'] };
  },
  pipx: (home) => {
    pythonTool(home, '.local/share/pipx/venvs/tool');
    home.link('.local/bin/tool', home.at('.local/share/pipx/venvs/tool/bin/tool'));
    return { path: ['.local/bin'], programs: ['tool'] };
  },
  'a tool of uv': (home) => {
    pythonTool(home, '.local/share/uv/tools/tool');
    home.link('.local/bin/tool', '../share/uv/tools/tool/bin/tool');
    return { path: ['.local/bin'], programs: ['tool'] };
  },
  'pip install --user': (home) => {
    const version = execFileSync('/usr/bin/python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])']);
    home.file(`.local/lib/python${version.toString().trim()}/site-packages/mine.py`, 'print("mine")\n');
    home.file('.local/bin/mine', '#!/usr/bin/python3\nimport mine\n', 0o755);
    return { path: ['.local/bin'], programs: ['mine'] };
  },
  'npm install --global in ~/.local': (home) => {
    npmPackage(home, '.local/lib/node_modules', 'tool');
    home.link('.local/bin/tool', '../lib/node_modules/tool/bin/cli');
    return { path: ['.local/bin'], programs: ['tool'] };
  },
  'a program elsewhere, by links': (home) => {
    home.program('apps/tool-1.2/tool', 'echo tool');
    home.link('apps/current', 'tool-1.2');
    home.link('bin/tool', '../apps/current/tool');
    return { path: ['bin'], programs: ['tool'] };
  },
};

/** The environment of a shell that has what a manager has set. */
export function environmentOf(home: Home, { path, env = {} }: Shell): NodeJS.ProcessEnv {
  const PATH = [...path.map((each) => home.at(each)), '/usr/local/bin', '/usr/bin', '/bin'].join(':');
  return { HOME: home.path, PATH, LANG: 'C.UTF-8', ...env };
}

/** The path of each program, and its output. */
export function question(programs: readonly string[]): string {
  return programs.map((name) => `command -v ${name}; ${name} --version`).join('\n');
}

/** Node and npm, as Node's archives have them. npm needs the other files of its package. */
function installNode(home: Home, prefix: string): void {
  home.program(`${prefix}/bin/node`, 'echo "node of $0"');
  npmPackage(home, `${prefix}/lib/node_modules`, 'npm');
  home.link(`${prefix}/bin/npm`, '../lib/node_modules/npm/bin/cli');
}

function npmPackage(home: Home, modules: string, name: string): void {
  home.program(`${modules}/${name}/bin/cli`, 'cat "$(dirname "$(readlink -f "$0")")/../words"');
  home.file(`${modules}/${name}/words`, `words of ${name}\n`);
}

/** A program in a virtual environment of Python, which is one that Python makes. */
function pythonTool(home: Home, place: string): void {
  execFileSync('/usr/bin/python3', ['-m', 'venv', '--without-pip', home.at(place)]);
  home.file(`${place}/lib/tool.py`, 'print("tool")\n');
  const script = `#!${home.at(place)}/bin/python\nimport sys\nsys.path.insert(0, sys.prefix + "/lib")\nimport tool\n`;
  home.file(`${place}/bin/tool`, script, 0o755);
}
