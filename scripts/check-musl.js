'use strict';

// npm run check:musl [FILE …]
// Checks that the prebuilt addons, or those given, load with musl as they do with glibc: each symbol that an addon asks
// for is one of musl, Node or libstdc++. Then musl's own loader loads that of this machine's architecture, into a program
// that has Node's functions, and those of libstdc++, by their names alone: it shows that everything is found and that
// what runs at loading does; that the addon works there takes Node, which Debian does not have for musl.
// It needs Debian's musl-tools.

const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');

const root = path.join(__dirname, '..');
const MUSL = { x64: '/lib/ld-musl-x86_64.so.1', arm64: '/lib/ld-musl-aarch64.so.1' }[process.arch];
const MACHINES = { 'Advanced Micro Devices X86-64': 'x64', AArch64: 'arm64' };

/** Libraries that musl stands for itself, whatever the number in their names, and the one that Alpine's Node comes with. */
const LIBRARIES = ['libc.so.6', 'libm.so.6', 'libpthread.so.0', 'libdl.so.2', 'librt.so.1', 'libstdc++.so.6'];

function readelf(option, file) {
  return execFileSync('readelf', ['--wide', option, file], { encoding: 'utf8' });
}

/** The dynamic symbols of a file, without their versions. */
function symbolsOf(file) {
  const rows = readelf('--dyn-syms', file).matchAll(/^ +\d+: \S+ +\d+ +\w+ +(\w+) +\w+ +(\w+) (\w+)/gm);
  return [...rows].map(([, binding, section, name]) => ({
    name,
    isWeak: binding === 'WEAK',
    isAbsent: section === 'UND',
  }));
}

/** The names that an addon asks for and musl does not have: those of Node and of libstdc++. */
function othersOf(file) {
  const own = new Set(symbolsOf(MUSL).map(({ name }) => name));
  const wanted = symbolsOf(file).filter(({ isAbsent, isWeak }) => isAbsent && !isWeak);
  return wanted.map(({ name }) => name).filter((name) => !own.has(name));
}

function* problemsOf(file) {
  for (const name of othersOf(file)) {
    if (!/^(napi_|node_api_|uv_|_Z|__cxa_)/.test(name))
      yield `asks for ${name}, which musl does not have: src/addon/older_libraries.cc`;
  }
  for (const [, library] of readelf('-d', file).matchAll(/\(NEEDED\).*\[(.*)\]/g)) {
    if (!LIBRARIES.includes(library)) yield `needs ${library}, which systems with musl do not have`;
  }
}

const HOST = `
#include <dlfcn.h>
#include <stdio.h>
int main(int count, char **words) {
  void *addon = dlopen(words[1], RTLD_NOW);
  if (addon == NULL || dlsym(addon, "napi_register_module_v1") == NULL) return fprintf(stderr, "%s\\n", dlerror()), 1;
  return puts("loaded") == EOF;
}
`;

/** Loads it in a process of musl. */
function load(file) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'linux-ns-musl-'));
  try {
    const write = (name, text) => fs.writeFileSync(path.join(directory, name), text);
    const compile = (...words) =>
      execFileSync('musl-gcc', words, { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
    write(
      'names.c',
      othersOf(file)
        .map((name) => `void ${name}(void) { __builtin_trap(); }\n`)
        .join(''),
    );
    write('host.c', HOST);
    compile('-shared', '-fno-builtin', '-w', '-o', 'libstdc++.so.6', 'names.c');
    compile('-o', 'host', 'host.c');
    const env = { LD_LIBRARY_PATH: directory };
    return execFileSync(path.join(directory, 'host'), [file], { env, encoding: 'utf8' }).trim();
  } finally {
    fs.rmSync(directory, { recursive: true });
  }
}

function main(given) {
  if (MUSL === undefined || !fs.existsSync(MUSL))
    throw new Error('musl is absent. On Debian: apt-get install musl-tools');
  const files = given.length > 0 ? given : ['x64', 'arm64'].map((arch) => `prebuilds/linux-${arch}/linux-ns.node`);
  for (const each of files) {
    const file = path.resolve(root, each);
    const arch = MACHINES[/Machine: +(.*)/.exec(readelf('-h', file))[1]];
    const problems = [...problemsOf(file)];
    for (const problem of problems) console.log(`${each}: ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
    else console.log(`${each}: ${arch === process.arch ? load(file) : 'asks for nothing that musl does not have'}`);
  }
}

main(process.argv.slice(2));
