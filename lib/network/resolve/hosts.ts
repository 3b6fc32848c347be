import { isIP } from 'node:net';

/** The addresses that the text of a hosts(5) file has for a name, in the order of its lines. */
export function addressesInHosts(text: string | null, name: string): string[] {
  const wanted = name.toLowerCase().replace(/\.$/, '');
  return (text ?? '').split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    return isIP(address) !== 0 && names.some((each) => each.toLowerCase() === wanted) ? [address] : [];
  });
}
