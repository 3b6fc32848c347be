/**
 * Makes texts safe to print. Names of processes and paths come from inside sandboxes, and may contain anything: escape
 * sequences for a terminal, characters that change the direction of writing, markup.
 */

/**
 * The characters that are not printed: C0 and C1 controls and DEL; characters that change the direction of writing or
 * cannot be seen; characters that XML does not allow.
 */
const HOSTILE =
  // eslint-disable-next-line no-control-regex
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff0-\uffff]|\p{Cs}|\p{Cn}/gu;

/** A text of printable ASCII characters only, as nearly all names are. */
const PLAIN = /^[ -~]*$/;

/** The text with each hostile character made visible, as a picture of the control (`␛`) or as U+FFFD. */
export function printable(text: string): string {
  if (PLAIN.test(text)) return text;
  // At most three accents stay on a letter: languages need a few, but many would cover the lines above.
  return text.replace(HOSTILE, picture).replace(/(\p{M}{3})\p{M}+/gu, '$1');
}

function picture(letter: string): string {
  const code = letter.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : '\ufffd';
}

/** The number of columns of a text in a fixed-width font: two for wide characters, none for accents. */
export function columnsOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let columns = 0;
  for (const letter of text) columns += columnsOfLetter(letter);
  return columns;
}

function columnsOfLetter(letter: string): number {
  if (letter < '\u0300') return 1;
  if (/\p{M}/u.test(letter)) return 0;
  return WIDE.test(letter) ? 2 : 1;
}

/** The wide characters: East Asian Wide and Fullwidth (UAX #11), and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{17000}-\u{18cff}\u{1b000}-\u{1b2ff}\u{1f000}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** Cuts a text to a number of columns, with an ellipsis at the end. */
export function shortened(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let short = '';
  let used = 1;
  for (const letter of text) {
    used += columnsOfLetter(letter);
    if (used > columns) break;
    short += letter;
  }
  return `${short.trimEnd()}…`;
}
