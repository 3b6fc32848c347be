import { readFileSync } from 'node:fs';
import { UsageError } from './command';

const MAX_ID = 2 ** 32 - 2;

/** The id of a user or group, given by number or by name: passwd(5), group(5). */
export function idOf(side: 'user' | 'group', text: string): number {
  if (/^\d+$/.test(text) && Number(text) <= MAX_ID) return Number(text);
  const file = side === 'user' ? '/etc/passwd' : '/etc/group';
  const line = linesOf(file).find((fields) => fields[0] === text);
  if (line?.[2] !== undefined) return Number(line[2]);
  throw new UsageError(`unknown ${side} '${text}': neither a name in ${file} nor an id`);
}

function linesOf(file: string): string[][] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .map((line) => line.trim().split(':'));
  } catch {
    return [];
  }
}
