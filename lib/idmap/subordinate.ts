/** A run of ids that the administrator has granted to somebody: one line of `/etc/subuid` (`subuid(5)`). */
export interface SubordinateRange {
  start: number;
  count: number;
}

/**
 * The ranges that `/etc/subuid` or `/etc/subgid` grants to a user, in the order they stand there.
 *
 * Both files name the *user*, by login name or by uid; /etc/subgid too. Lines that are not understood are passed over,
 * as newuidmap does.
 *
 * @param text - the file's text
 * @param user - who is asking; the name is undefined when the user has none
 */
export function subordinateRanges(text: string, user: { name: string | undefined; uid: number }): SubordinateRange[] {
  return text.split('\n').flatMap((line) => {
    const match = /^([^:#]+):(\d+):(\d+)\s*$/.exec(line.trim());
    if (match === null) return [];
    const [, owner, start, count] = match;
    const range = { start: Number(start), count: Number(count) };
    return range.count > 0 && (owner === user.name || owner === String(user.uid)) ? [range] : [];
  });
}
