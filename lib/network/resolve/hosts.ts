import { isIP } from 'node:net';
import { mapInTurns } from '../../event-loop/turns';

/**
 * The addresses that the text of a hosts(5) file has for a name, in the order of its lines. The file is read in several
 * turns of the event loop: some have hundreds of thousands of lines, and in a namespace with mounts the file may be
 * hostile.
 */
export async function addressesInHosts(text: string | null, name: string): Promise<string[]> {
  const wanted = name.toLowerCase().replace(/\.$/, '');
  return mapInTurns(linesOf(text ?? ''), (line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return isIP(address) !== 0 && names.some((each) => each.toLowerCase() === wanted) ? address : undefined;
  });
}

function* linesOf(text: string): Iterable<string> {
  for (let at = 0; at < text.length;) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    yield text.slice(at, end);
    at = end + 1;
  }
}
