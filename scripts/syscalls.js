'use strict';

// node scripts/syscalls.js LINUX x86=DIR arm64=DIR arm=DIR [other=DIR...] > lib/seccomp/syscall-table.ts
//
// Writes the table of system calls from kernel headers. LINUX is their version. DIR holds asm/unistd.h, as
// `make headers_install ARCH=… INSTALL_HDR_PATH=…` lays it out in include/; of other architectures only the names are
// taken, for profiles that are written for all. Debian has such directories as well:
//   x86    /usr/include/x86_64-linux-gnu     linux-libc-dev
//   arm64  /usr/aarch64-linux-gnu/include    linux-libc-dev-arm64-cross
//   arm    /usr/arm-linux-gnueabihf/include  linux-libc-dev-armhf-cross
// A call that is new in the table is not in the default profile until somebody has put it there: see REVIEWED in
// lib/seccomp/default-profile.ts.

const { execFileSync } = require('node:child_process');
const path = require('node:path');

// By the columns of the table. `defines` is what the compiler of that architecture would know.
const COLUMNS = [
  { directory: 'x86', header: 'asm/unistd_64.h', defines: [] },
  { directory: 'x86', header: 'asm/unistd_32.h', defines: [] },
  // The bit that tells x32 is not part of the table.
  { directory: 'x86', header: 'asm/unistd_x32.h', defines: ['__X32_SYSCALL_BIT=0'] },
  { directory: 'arm64', header: 'asm/unistd.h', defines: [] },
  { directory: 'arm', header: 'asm/unistd.h', defines: ['__ARM_EABI__=1'] },
];

const CALL = /^#define __(?:ARM_)?NR_([a-z_][a-z0-9_]*)\s/gm;
const NO_CALLS = ['syscalls', 'arch_specific_syscall'];

function preprocess(directory, text, options) {
  const includes = [directory, '/usr/include'].flatMap((folder) => ['-isystem', folder]);
  const args = ['-E', '-P', '-undef', '-nostdinc', ...includes, ...options, '-x', 'c', '-'];
  return execFileSync(process.env.CC || 'cc', args, { input: text, encoding: 'utf8' });
}

// `(0x0f0000 + 1)`: sums are all there is.
function evaluate(expression) {
  const number = expression
    .replace(/[()\s]/g, '')
    .split('+')
    .reduce((sum, term) => sum + Number(term), 0);
  if (!Number.isInteger(number)) throw new Error(`no number: ${expression}`);
  return number;
}

function callsOf(directory, header, defines) {
  const options = defines.map((define) => `-D${define}`);
  const include = `#include <${header}>\n`;
  const names = [...preprocess(directory, include, [...options, '-dM']).matchAll(CALL)].map(([, name]) => name);
  const calls = names.filter((name) => !NO_CALLS.includes(name));
  const lines = calls.map((name) => {
    const macro = `__NR_${name}`;
    return `#ifdef ${macro}\n@ ${name} ${macro}\n#else\n@ ${name} __ARM_NR_${name}\n#endif\n`;
  });
  // The name itself may be a macro ("unix"), but not with -undef.
  const expanded = preprocess(directory, include + lines.join(''), options);
  return new Map([...expanded.matchAll(/^@ (\w+) (.+)$/gm)].map(([, name, number]) => [name, evaluate(number)]));
}

function main([linux, ...pairs]) {
  const directories = new Map(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), path.resolve(pair.slice(pair.indexOf('=') + 1))]),
  );
  const columns = COLUMNS.map(({ directory, header, defines }) => {
    const folder = directories.get(directory);
    if (folder === undefined) throw new Error(`no ${directory}=DIR`);
    return callsOf(folder, header, defines);
  });
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))].sort();
  const others = [...directories]
    .filter(([name]) => !COLUMNS.some(({ directory }) => directory === name))
    .flatMap(([, folder]) => [...callsOf(folder, 'asm/unistd.h', []).keys()]);
  const elsewhere = [...new Set(others)].filter((name) => !names.includes(name)).sort();
  const rows = names.map((name) => `  ${name}: [${columns.map((column) => column.get(name) ?? 'null').join(', ')}],`);
  process.stdout.write(`// Made by scripts/syscalls.js from the headers of Linux ${linux}: not to be edited.

/** The numbers of a call on x86-64, i386, x32 (without its bit), arm64 and arm (EABI); null where it is not. */
export type SyscallNumbers = readonly [
  x64: number | null,
  x86: number | null,
  x32: number | null,
  arm64: number | null,
  arm: number | null,
];

export const SYSCALLS: Readonly<Record<string, SyscallNumbers>> = {
${rows.join('\n')}
};

/** Calls that only other architectures have. */
export const SYSCALLS_ELSEWHERE: readonly string[] = [
${elsewhere.map((name) => `  '${name}',`).join('\n')}
];
`);
}

main(process.argv.slice(2));
