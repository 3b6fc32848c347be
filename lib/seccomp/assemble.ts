import { constants } from 'node:os';
import { type Action, KILL_PROCESS, failWith } from './action';
import { AUDIT_ARCH, X32_BIT, isNarrow, syscallNumbers } from './architecture';
import { Assembler, DATA, type Label, Op } from './bpf';
import { type Decision, type Decisions, keyOf } from './decisions';
import type { Condition } from './profile';

/** A range of numbers with the same decision: from this number on, until the next segment. */
interface Segment {
  readonly from: number;
  readonly decision: Decision;
  readonly key: string;
  readonly narrow: boolean;
}

/** A decision that looks at arguments. Its code comes after all other code, and only once. */
interface Chain {
  readonly label: Label;
  readonly segment: Segment;
}

/** The number that a tracer puts in place of a call's number to have the call skipped: seccomp(2). */
const SKIPPED = 0xffffffff;

/**
 * The numbers that only x32 has. Before Linux 5.11 they worked without x32's bit too, and did the calls of x32: a
 * profile that forbids some calls did not forbid those.
 */
const X32_ONLY = { from: 512, to: 548 };

/** Makes the program for several numberings: the machine's own, and others that its kernel understands. */
export function assemble(all: readonly Decisions[]): Uint8Array {
  const program = new Assembler();
  const chains = new Map<string, Chain>();
  program.emit(Op.LOAD, DATA.ARCH);
  for (const [arch, segments] of segmentsByArch(all)) {
    const [here, next] = [program.label(), program.label()];
    program.branch(Op.IF_EQUAL, arch, here, next);
    program.place(here);
    program.emit(Op.LOAD, DATA.NR);
    search(program, segments, chains);
    program.place(next);
  }
  program.emit(Op.RETURN, KILL_PROCESS.value);
  for (const chain of chains.values()) emitChain(program, chain);
  return program.assemble();
}

/** The segments of each architecture. x86-64 and x32 are one architecture to a filter, with different numbers. */
function segmentsByArch(all: readonly Decisions[]): Map<number, Segment[]> {
  const byArch = new Map<number, Segment[]>();
  for (const decisions of all) {
    const { abi, otherwise } = decisions;
    const segments = byArch.get(AUDIT_ARCH[abi]) ?? [constant(SKIPPED, otherwise)];
    byArch.set(AUDIT_ARCH[abi], [...segments, ...segmentsOf(decisions)]);
  }
  if (!all.some(({ abi }) => abi === 'x32')) byArch.get(AUDIT_ARCH.x32)?.push(constant(X32_BIT, KILL_PROCESS));
  return new Map([...byArch].map(([arch, list]) => [arch, merged(list)]));
}

function segmentsOf({ abi, byNumber, otherwise, unknown, beyond }: Decisions): Segment[] {
  const known = syscallNumbers(abi).filter((number) => number < beyond.from);
  const base = [
    constant(abi === 'x32' ? X32_BIT : 0, unknown),
    ...known.map((number) => constant(number + 1, unknown)),
    ...known.map((number) => constant(number, otherwise)),
    constant(beyond.from, beyond.action),
  ];
  if (abi === 'x64') base.push(...x32Only(otherwise), constant(Math.max(X32_ONLY.to, beyond.from), beyond.action));
  const ordered = merged(base);
  const around = (number: number): Segment[] => ordered.filter(({ from }) => from <= number).slice(-1);
  const named = [...byNumber].flatMap(([number, decision]) => [
    { from: number, decision, key: keyOf(decision, abi), narrow: isNarrow(abi) },
    ...(byNumber.has(number + 1) ? [] : around(number + 1).map((segment) => ({ ...segment, from: number + 1 }))),
  ]);
  return merged([...ordered, ...named]);
}

/** The segment for the numbers that only x32 has. None is needed if the default is stricter than ENOSYS: that stays. */
function x32Only(otherwise: Action): Segment[] {
  const none = failWith(constants.errno.ENOSYS);
  return otherwise.rank > none.rank ? [constant(X32_ONLY.from, none)] : [];
}

function constant(from: number, action: Action): Segment {
  return { from, decision: { checks: [], otherwise: action }, key: String(action.value), narrow: false };
}

/**
 * Sorts segments. If several begin at one number, the last of them counts; a segment with the same decision as the one
 * before it is dropped.
 */
function merged(segments: readonly Segment[]): Segment[] {
  const byStart = new Map(segments.map((segment) => [segment.from, segment]));
  const ordered = [...byStart.values()].sort((a, b) => a.from - b.from);
  return ordered.filter(({ key }, index) => ordered[index - 1]?.key !== key);
}

/** Emits a binary search for the segment that the number in the accumulator belongs to. */
function search(program: Assembler, segments: readonly Segment[], chains: Map<string, Chain>): void {
  const middle = segments[segments.length >> 1];
  if (segments.length < 2 || middle === undefined) {
    if (middle !== undefined) emitLeaf(program, middle, chains);
    return;
  }
  const [above, below] = [program.label(), program.label()];
  program.branch(Op.IF_AT_LEAST, middle.from, above, below);
  program.place(below);
  search(program, segments.slice(0, segments.length >> 1), chains);
  program.place(above);
  search(program, segments.slice(segments.length >> 1), chains);
}

function emitLeaf(program: Assembler, segment: Segment, chains: Map<string, Chain>): void {
  if (segment.decision.checks.length === 0) {
    program.emit(Op.RETURN, segment.decision.otherwise.value);
    return;
  }
  const chain = chains.get(segment.key) ?? { label: program.label(), segment };
  chains.set(segment.key, chain);
  program.goto(chain.label);
}

function emitChain(program: Assembler, { label, segment }: Chain): void {
  const { decision, narrow } = segment;
  program.place(label);
  for (const { conditions, action } of decision.checks) {
    const next = program.label();
    for (const condition of conditions) emitCondition(program, condition, narrow, next);
    program.emit(Op.RETURN, action.value);
    program.place(next);
  }
  program.emit(Op.RETURN, decision.otherwise.value);
}

/** Emits a condition. If it holds, the program goes on after it, and otherwise at `elsewhere`. */
function emitCondition(program: Assembler, condition: Condition, narrow: boolean, elsewhere: Label): void {
  const behind = program.label();
  const { index, op, value, valueTwo } = condition;
  const compare = (comparison: Parameters<typeof compareWide>[1], yes: Label, no: Label): void =>
    compareWide(program, comparison, { index, narrow, value, mask: undefined, yes, no });
  switch (op) {
    case 'SCMP_CMP_EQ':
      compare(Op.IF_EQUAL, behind, elsewhere);
      break;
    case 'SCMP_CMP_NE':
      compare(Op.IF_EQUAL, elsewhere, behind);
      break;
    case 'SCMP_CMP_GT':
      compare(Op.IF_GREATER, behind, elsewhere);
      break;
    case 'SCMP_CMP_LE':
      compare(Op.IF_GREATER, elsewhere, behind);
      break;
    case 'SCMP_CMP_GE':
      compare(Op.IF_AT_LEAST, behind, elsewhere);
      break;
    case 'SCMP_CMP_LT':
      compare(Op.IF_AT_LEAST, elsewhere, behind);
      break;
    case 'SCMP_CMP_MASKED_EQ':
      compareWide(program, Op.IF_EQUAL, {
        ...{ index, narrow, value: valueTwo & value, mask: value },
        ...{ yes: behind, no: elsewhere },
      });
  }
  program.place(behind);
}

interface Wide {
  readonly index: number;
  /** True if only the lower half of the argument counts. */
  readonly narrow: boolean;
  readonly value: bigint;
  readonly mask: bigint | undefined;
  readonly yes: Label;
  readonly no: Label;
}

/**
 * Emits a comparison of an argument, which has two halves, on these machines the lower one first. The upper halves
 * decide, unless they are equal.
 */
function compareWide(
  program: Assembler,
  comparison: typeof Op.IF_EQUAL | typeof Op.IF_GREATER | typeof Op.IF_AT_LEAST,
  { index, narrow, value, mask, yes, no }: Wide,
): void {
  const low = DATA.ARGS + 8 * index;
  if (!narrow && upper(mask ?? -1n) !== 0) {
    const equal = program.label();
    load(program, low + 4, mask === undefined ? undefined : upper(mask));
    if (comparison !== Op.IF_EQUAL) {
      const notGreater = program.label();
      program.branch(Op.IF_GREATER, upper(value), yes, notGreater);
      program.place(notGreater);
    }
    program.branch(Op.IF_EQUAL, upper(value), equal, no);
    program.place(equal);
  }
  load(program, low, mask === undefined ? undefined : lower(mask));
  program.branch(comparison, lower(value), yes, no);
}

function load(program: Assembler, offset: number, mask = 0xffffffff): void {
  program.emit(Op.LOAD, offset);
  if (mask !== 0xffffffff) program.emit(Op.AND, mask);
}

function upper(value: bigint): number {
  return Number(BigInt.asUintN(32, value >> 32n));
}

function lower(value: bigint): number {
  return Number(BigInt.asUintN(32, value));
}
