/**
 * Classic BPF: `<linux/bpf_common.h>`, `<linux/filter.h>`. A program looks at one thing, jumps forward only, and ends with
 * an answer. That thing is a `struct seccomp_data` for seccomp(2), and a frame for the socket filters of socket(7).
 */

/** The operations that this package's programs use, and the codes of their instructions. */
export const Op = Object.freeze({
  /** Loads the 32 bits at an offset into the accumulator: BPF_LD | BPF_W | BPF_ABS. */
  LOAD: 0x20,
  /** Loads 16 bits, or 8, from an offset in a frame: BPF_LD | BPF_H | BPF_ABS, BPF_LD | BPF_B | BPF_ABS. */
  LOAD_HALF: 0x28,
  LOAD_BYTE: 0x30,
  /** Loads 16 bits, from an offset in a frame that is counted from X: BPF_LD | BPF_H | BPF_IND. */
  LOAD_HALF_AFTER_X: 0x48,
  /** Copies the accumulator into X: BPF_MISC | BPF_TAX. */
  TO_X: 0x07,
  /** Shifts the accumulator left by K bits: BPF_ALU | BPF_LSH | BPF_K. */
  SHIFT_LEFT: 0x64,
  /** Keeps the bits of the accumulator that K has too: BPF_ALU | BPF_AND | BPF_K. */
  AND: 0x54,
  /** Jumps forward by K instructions: BPF_JMP | BPF_JA. */
  GOTO: 0x05,
  /** Compares the accumulator with K, both unsigned, and jumps: BPF_JMP | … | BPF_K. So do the next two. */
  IF_EQUAL: 0x15,
  IF_GREATER: 0x25,
  IF_AT_LEAST: 0x35,
  /** Ends the program with the answer K: BPF_RET | BPF_K. */
  RETURN: 0x06,
});

export type Comparison = typeof Op.IF_EQUAL | typeof Op.IF_GREATER | typeof Op.IF_AT_LEAST;

/** Offsets in `struct seccomp_data`. */
export const DATA = Object.freeze({ NR: 0, ARCH: 4, ARGS: 16, SIZE: 64 });

/** Bytes of one instruction: `struct sock_filter`. */
export const INSTRUCTION_BYTES = 8;

/** The most instructions of a program: BPF_MAXINSNS. */
export const MAX_INSTRUCTIONS = 4096;

/** The farthest that a conditional jump can go: it has 8 bits for the distance. */
const MAX_JUMP = 255;

/** A place in a program, which may be set later. */
export interface Label {
  /** The index of the item that it marks; undefined until it is set. */
  at: number | undefined;
}

type Item =
  | { readonly code: number; readonly k: number; readonly to?: undefined }
  | { readonly code: typeof Op.GOTO; readonly k: 0; readonly to: Label }
  | { readonly code: Comparison; readonly k: number; readonly to: Branch };

/**
 * The two places that a conditional jump leads to. One that is too far away is reached by an unconditional jump right
 * after it.
 */
interface Branch {
  readonly yes: Label;
  readonly no: Label;
  yesIsFar: boolean;
  noIsFar: boolean;
}

/** A program under construction. */
export class Assembler {
  readonly #items: Item[] = [];

  label(): Label {
    return { at: undefined };
  }

  /** Sets the label to the next item. */
  place(label: Label): void {
    label.at = this.#items.length;
  }

  emit(code: Exclude<(typeof Op)[keyof typeof Op], Comparison | typeof Op.GOTO>, k: number): void {
    this.#items.push({ code, k });
  }

  goto(to: Label): void {
    this.#items.push({ code: Op.GOTO, k: 0, to });
  }

  /** Compares the accumulator with k, and goes on at one of the two places. */
  branch(code: Comparison, k: number, yes: Label, no: Label): void {
    this.#items.push({ code, k, to: { yes, no, yesIsFar: false, noIsFar: false } });
  }

  /** The program as the kernel takes it. */
  assemble(): Uint8Array {
    let positions = this.#positions();
    while (this.#stretch(positions)) positions = this.#positions();
    const bytes = new Uint8Array((positions.at(-1) ?? 0) * INSTRUCTION_BYTES);
    const view = new DataView(bytes.buffer);
    let at = 0;
    const write = (code: number, k: number, jt = 0, jf = 0): void => {
      view.setUint16(at, code, true);
      view.setUint8(at + 2, jt);
      view.setUint8(at + 3, jf);
      view.setUint32(at + 4, k, true);
      at += INSTRUCTION_BYTES;
    };
    this.#items.forEach((item, index) => {
      const next = positionOf(positions, index) + 1;
      if (item.to === undefined) write(item.code, item.k);
      else if ('at' in item.to) write(item.code, distance(positions, next, item.to));
      else writeBranch(write, item.code, item.k, item.to, positions, next);
    });
    return bytes;
  }

  /** The positions at which the items begin, in instructions; the last one is the end of the program. */
  #positions(): number[] {
    const positions = [0];
    let end = 0;
    for (const item of this.#items) {
      end += 1;
      if (item.to !== undefined && !('at' in item.to)) end += Number(item.to.yesIsFar) + Number(item.to.noIsFar);
      positions.push(end);
    }
    return positions;
  }

  /**
   * Marks the jumps that are too long for 8 bits. Returns true if it has found one: other jumps may have become too
   * long by that.
   */
  #stretch(positions: readonly number[]): boolean {
    let any = false;
    this.#items.forEach((item, index) => {
      if (item.to === undefined || 'at' in item.to) return;
      const next = positionOf(positions, index) + 1;
      const yesIsFar = item.to.yesIsFar || distance(positions, next, item.to.yes) > MAX_JUMP;
      const noIsFar = item.to.noIsFar || distance(positions, next, item.to.no) > MAX_JUMP;
      any ||= yesIsFar !== item.to.yesIsFar || noIsFar !== item.to.noIsFar;
      Object.assign(item.to, { yesIsFar, noIsFar });
    });
    return any;
  }
}

/** Writes the comparison, and after it the jumps to places that are far away. */
function writeBranch(
  write: (code: number, k: number, jt?: number, jf?: number) => void,
  code: number,
  k: number,
  { yes, no, yesIsFar, noIsFar }: Branch,
  positions: readonly number[],
  next: number,
): void {
  const jt = yesIsFar ? 0 : distance(positions, next, yes);
  const jf = noIsFar ? Number(yesIsFar) : distance(positions, next, no);
  write(code, k, jt, jf);
  if (yesIsFar) write(Op.GOTO, distance(positions, next + 1, yes));
  if (noIsFar) write(Op.GOTO, distance(positions, next + 1 + Number(yesIsFar), no));
}

function distance(positions: readonly number[], from: number, { at }: Label): number {
  return positionOf(positions, at ?? NaN) - from;
}

function positionOf(positions: readonly number[], index: number): number {
  const position = positions[index];
  if (position === undefined) throw new Error('a jump to nowhere');
  return position;
}
