import type { Step } from '../../types/native';
import type { Cause } from '../hints/causes';
import type { NamespaceKind } from '../kernel/namespace-kind';

export type StepName = Step[0];

/** A step as the addon takes it: its name, and its fields in the order of src/plan/steps.h. */
export type StepOf<S extends StepName> = Extract<Step, readonly [S, ...unknown[]]>;

/** The types of a step's fields. */
export type Values<S extends StepName> = StepOf<S> extends readonly [unknown, ...infer Rest] ? Rest : never;

/** A tuple with one name for each value. */
type NamesOf<V extends readonly unknown[]> = { readonly [I in keyof V]: string };

/** Values by their names. */
type Named<V extends readonly unknown[], N extends readonly unknown[]> = {
  [I in Extract<keyof V, `${number}`> as I extends keyof N ? Extract<N[I], string> : never]: V[I];
};

/** The columns of a step's row beside its fields. */
export interface About<F> {
  /** Says what the step does, in the words of the man pages: `NamespaceError.step`. */
  words: (fields: F) => string;
  /** The kind of namespace it acts on, where that follows from the step alone. */
  kind: NamespaceKind | undefined;
  /**
   * The explanation in lib/hints/causes.ts; undefined for a step whose failure cannot be explained from the files of the
   * host. It is a name, so that a program without a failure loads no explanation.
   */
  explain: Cause | undefined;
  /**
   * True for a step that is done after nsinit has given up the capabilities that the other steps need: capabilities(7).
   */
  last?: true;
}

/** One kind of step: its fields, which are those of src/plan/steps.h, and what this library says about it. */
export interface Row<F, K extends keyof F> extends About<F> {
  readonly fields: readonly string[];
  /** The values of the fields that are not given. */
  readonly defaults: Pick<F, K>;
}

/**
 * A row of the table of steps.
 *
 * @param _name - the name of the step; the types of its fields are those of `Step`
 * @param fields - the names of its fields, in the order of src/plan/steps.h
 * @param about - the columns
 * @param defaults - the values of fields that need not be given
 */
export function row<
  S extends StepName,
  const N extends NamesOf<Values<S>>,
  K extends keyof Named<Values<S>, N> = never,
>(
  _name: S,
  fields: N,
  about: About<Named<Values<S>, N>>,
  defaults?: Pick<Named<Values<S>, N>, K>,
): Row<Named<Values<S>, N>, K> {
  const none = {} as Pick<Named<Values<S>, N>, K>;
  return { ...about, fields: fields, defaults: defaults ?? none };
}
