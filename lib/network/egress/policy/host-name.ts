/** Names of hosts in one form: in lower case, with A-labels, without the dot at the end. */
import { domainToASCII } from 'node:url';

const MOST_LABEL = 63;
/** The most letters without the dot at the end: RFC 1035 allows 255 bytes with the lengths of all labels. */
const MOST_NAME = 253;

/** The letters that names of hosts have, and the underscore, which some have in spite of RFC 1123. */
const LABEL = /^[a-z0-9_-]+$/;

/** A label that is read as a number: a name that ends so is an address to many programs (`127.1`, `0x7f.0.0.1`). */
const NUMBER = /^(?:\d+|0x[\da-f]*)$/;

/** The form in which names are compared; undefined for what no program can look up as the name of a host. */
export function canonicalName(text: string): string | undefined {
  const name = asciiForm(text);
  return whyNoName(name) === undefined ? name : undefined;
}

/** Lower case, A-labels, no dot at the end. It may still be no name. */
export function asciiForm(text: string): string {
  const ascii = isAscii(text) ? text : domainToASCII(text);
  return ascii.toLowerCase().replace(/\.$/, '');
}

/** Says in words that follow "it" why an ASCII form is no name of a host; undefined where it is one. */
export function whyNoName(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > MOST_NAME) return `has ${name.length} letters, and names have at most ${MOST_NAME}`;
  const labels = name.split('.');
  const long = labels.find((label) => label.length > MOST_LABEL);
  if (long !== undefined)
    return `has a part of ${long.length} letters between dots, and these have at most ${MOST_LABEL}`;
  if (labels.includes('')) return 'has two dots in a row, or one at the beginning';
  if (!labels.every((label) => LABEL.test(label))) return 'has letters that names of hosts do not have';
  if (NUMBER.test(labels.at(-1) ?? '')) return 'ends in a number, which programs take for an address';
  return undefined;
}

/** RFC 6761: a name of the loopback, which no name server is asked for. */
export function isLocalhost(name: string): boolean {
  return name === 'localhost' || name.endsWith('.localhost');
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length;
}
