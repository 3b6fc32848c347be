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

/** The ranges that /etc/subuid or /etc/subgid grants to a user. */
export function subordinateRanges(
  file: '/etc/subuid' | '/etc/subgid',
  uid: number,
): { start: number; count: number }[] {
  const name = linesOf('/etc/passwd').find((fields) => fields[2] === String(uid))?.[0];
  const ranges = linesOf(file).filter(([owner]) => owner === String(uid) || (owner !== undefined && owner === name));
  if (ranges.length > 0) return ranges.map(([, start, count]) => ({ start: Number(start), count: Number(count) }));
  throw new UsageError(
    `${file} grants no ids to ${name ?? 'uid'} (${uid}): add a line such as '${name ?? uid}:100000:65536'`,
  );
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
