import type { Step } from '../../types/native';
import type { Cause } from '../hints/causes';
import type { StepName, StepOf } from './row';
import { STEPS } from './steps';

type Table = typeof STEPS;

/** The fields of a step by their names. */
export type FieldsOf<S extends StepName> = Parameters<Table[S]['words']>[0];

type DefaultsOf<S extends StepName> = Table[S]['defaults'];

/** The same, without those that have a default. */
export type Given<S extends StepName> = Omit<FieldsOf<S>, keyof DefaultsOf<S>> & Partial<FieldsOf<S>>;

/** A step of a plan, from its fields by their names. */
export function makeStep<S extends StepName>(name: S, given: Given<S>): StepOf<S> {
  const { fields, defaults } = STEPS[name];
  const all = { ...defaults, ...given } as Readonly<Record<string, unknown>>;
  return [name, ...fields.map((field) => all[field])] as unknown as StepOf<S>;
}

/** The fields of a step, by their names. */
export function fieldsOf<S extends StepName>(taken: StepOf<S>): FieldsOf<S> {
  const [name, ...values] = taken as unknown as [S, ...unknown[]];
  return Object.fromEntries(STEPS[name].fields.map((field, index) => [field, values[index]]));
}

/** `'mount proc on /proc'`, `'join net'`, `'set hostname'`: what a step does, for a person. */
export function describeStep(taken: Step): string {
  const words = STEPS[taken[0]].words as (fields: unknown) => string;
  return words(fieldsOf(taken));
}

/** The name of the explanation of a step that failed, where there is one. */
export function causeOf(name: string): Cause | undefined {
  return Object.hasOwn(STEPS, name) ? STEPS[name as StepName].explain : undefined;
}

/** True for a step that comes after those that need the capabilities of nsinit: see `last` of a row. */
export function comesLast(taken: Step): boolean {
  return STEPS[taken[0]].last === true;
}
