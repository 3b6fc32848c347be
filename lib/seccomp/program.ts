import { inspect } from 'node:util';
import { invalidValue, outOfRange } from '../errors/validate';
import { DATA, INSTRUCTION_BYTES, MAX_INSTRUCTIONS, Op } from './bpf';

/** An instruction: `struct sock_filter`. */
interface Instruction {
  readonly code: number;
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

/** Codes of instructions in classic BPF that this package's own programs do not use. */
const [BPF_RET_A, BPF_CLASS, BPF_JMP] = [0x16, 0x07, 0x05];

/** The codes that the kernel accepts in a filter: seccomp_check_filter() of kernel/seccomp.c. */
const CODES: ReadonlySet<number> = new Set([
  // BPF_LD: W|ABS, W|LEN, IMM, MEM; BPF_LDX: W|LEN, IMM, MEM; BPF_ST, BPF_STX
  ...[0x20, 0x80, 0x00, 0x60, 0x81, 0x01, 0x61, 0x02, 0x03],
  // BPF_ALU, each with K and X: ADD, SUB, MUL, DIV, OR, AND, LSH, RSH, XOR; NEG
  ...[0x04, 0x0c, 0x14, 0x1c, 0x24, 0x2c, 0x34, 0x3c, 0x44, 0x4c, 0x54, 0x5c, 0x64, 0x6c, 0x74, 0x7c, 0xa4, 0xac, 0x84],
  // BPF_JMP: JA, and with K and X: JEQ, JGT, JGE, JSET
  ...[0x05, 0x15, 0x1d, 0x25, 0x2d, 0x35, 0x3d, 0x45, 0x4d],
  // BPF_RET: K, A; BPF_MISC: TAX, TXA
  ...[0x06, 0x16, 0x07, 0x87],
]);

/**
 * Checks a compiled program as the kernel would, with an error that says more than the kernel's EINVAL.
 *
 * @throws TypeError, RangeError with Node's codes
 */
export function checkProgram(name: string, program: Uint8Array): void {
  const count = program.length / INSTRUCTION_BYTES;
  if (count === 0 || !Number.isInteger(count)) {
    throw invalidValue(name, program, `must be BPF instructions of ${INSTRUCTION_BYTES} bytes each, at least one`);
  }
  if (count > MAX_INSTRUCTIONS) {
    throw outOfRange(name, `a program of at most ${MAX_INSTRUCTIONS} BPF instructions (BPF_MAXINSNS)`, count);
  }
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  for (let index = 0; index < count; index++) {
    const instruction = instructionAt(view, index * INSTRUCTION_BYTES);
    const wrong = faultOf(instruction, count - index - 1);
    if (wrong === undefined) continue;
    throw invalidValue(name, program, `is no seccomp filter: instruction ${index} (${inspect(instruction)}) ${wrong}`);
  }
}

function instructionAt(view: DataView, at: number): Instruction {
  return {
    code: view.getUint16(at, true),
    jt: view.getUint8(at + 2),
    jf: view.getUint8(at + 3),
    k: view.getUint32(at + 4, true),
  };
}

/**
 * Describes the fault of an instruction; undefined if it has none. `after` is the number of instructions that follow
 * it.
 */
function faultOf({ code, jt, jf, k }: Instruction, after: number): string | undefined {
  if (!CODES.has(code)) return 'is not one that a filter may have';
  const returns = code === Op.RETURN || code === BPF_RET_A;
  if (after === 0 && !returns) return 'is the last, and no return';
  if (code === Op.LOAD && (k >= DATA.SIZE || k % 4 !== 0)) return 'loads what is not in struct seccomp_data';
  if ((code & BPF_CLASS) !== BPF_JMP) return undefined;
  const farthest = code === Op.GOTO ? k : Math.max(jt, jf);
  return farthest < after ? undefined : 'jumps out of the program';
}
