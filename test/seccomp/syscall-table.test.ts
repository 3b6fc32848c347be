import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { SYSCALLS, type SyscallNumbers } from '../../lib/seccomp/syscall-table';
import { needs } from '../fixtures/optional';

interface Headers {
  column: keyof SyscallNumbers & `${number}`;
  /** Of the compiler. */
  command: readonly string[];
  header: string;
}

const X86: Headers[] = [
  { column: '0', command: ['cc'], header: 'asm/unistd_64.h' },
  { column: '1', command: ['cc'], header: 'asm/unistd_32.h' },
  { column: '2', command: ['cc', '-D__X32_SYSCALL_BIT=0'], header: 'asm/unistd_x32.h' },
];
const ARM64: Headers = { column: '3', command: ['aarch64-linux-gnu-gcc'], header: 'asm/unistd.h' };

/** `__NR_*` as a compiler sees them. */
function numbersIn({ command: [compiler, ...options], header }: Headers): Map<string, number> {
  const names = [
    ...preprocess(compiler!, [...options, '-dM'], `#include <${header}>`).matchAll(/^#define __NR_([a-z_]\w*) /gm),
  ];
  const source = [`#include <${header}>`, ...names.map(([, name]) => `@ "${name}" (__NR_${name})`)].join('\n');
  const lines = preprocess(compiler!, options, source).matchAll(/^@ "(\w+)" ([\s(]*)(?:0 \+ )?(\d+)\)*$/gm);
  return new Map([...lines].map(([, name, , number]) => [name!, Number(number)]));
}

function preprocess(compiler: string, options: readonly string[], source: string): string {
  return execFileSync(compiler, ['-E', '-P', ...options, '-x', 'c', '-'], { input: source, encoding: 'utf8' });
}

function expectInTable(headers: Headers): void {
  const numbers = numbersIn(headers);
  expect(numbers.size).toBeGreaterThan(280);
  const table = new Map(Object.entries(SYSCALLS).map(([name, row]) => [name, row[headers.column]]));
  // Headers newer than the table have calls that it has not.
  const newest = Math.max(...[...table.values()].map((number) => (number !== null && number < 512 ? number : 0)));
  const known = [...numbers].filter(
    ([name, number]) => number <= newest && !/^(syscalls|arch_specific_syscall)$/.test(name),
  );
  expect(Object.fromEntries(known.map(([name]) => [name, table.get(name)]))).toEqual(Object.fromEntries(known));
}

describe('the table has the numbers of the headers that are installed here', () => {
  if (existsSync('/usr/include/x86_64-linux-gnu/asm/unistd_64.h')) {
    needs({ tool: ['cc'] }).test.each(X86)('$header', (headers) => {
      expectInTable(headers);
    });
  }

  needs({ tool: ['aarch64-linux-gnu-gcc'] }).test('arm64', () => {
    expectInTable(ARM64);
  });
});

test('no number is two calls', () => {
  for (const column of ['0', '1', '2', '3', '4'] as const) {
    const numbers = Object.entries(SYSCALLS)
      .filter(([name, row]) => row[column] !== null && name !== 'sync_file_range2')
      .map(([, row]) => row[column]);
    expect(new Set(numbers).size).toBe(numbers.length);
  }
});
