import type { Step } from '../../types/native';
import type { Explainer } from '../hints/failure';
import type { NamespaceKind } from '../kernel/namespace-kind';

export type StepName = Step[0];

/** A step as the addon takes it: its name, and its fields in the order of src/plan/steps.h. */
export type StepOf<S extends StepName> = Extract<Step, readonly [S, ...unknown[]]>;

/** The types of a step's fields. */
export type Values<S extends StepName> = StepOf<S> extends readonly [unknown, ...infer Rest] ? Rest : never;

/** As many names as there are values. */
type NamesOf<V extends readonly unknown[]> = { readonly [I in keyof V]: string };

/** Values by their names. */
type Named<V extends readonly unknown[], N extends readonly unknown[]> = {
  [I in Extract<keyof V, `${number}`> as I extends keyof N ? Extract<N[I], string> : never]: V[I];
};

/** What is to be known of a step beside its fields. */
export interface About<F> {
  /** What the step does, in the words of the man pages: `NamespaceError.step`. */
  words: (fields: F) => string;
  /** The kind of namespace it acts on, where that follows from the step alone. */
  kind: NamespaceKind | undefined;
  /** Finds out why it failed; undefined for what cannot fail for a reason that the host's files tell. */
  explain: Explainer | undefined;
  /** Whether it is done after the capabilities have been lowered that nsinit was given for the others: capabilities(7). */
  last?: true;
}

/** One step of a plan: what src/plan/steps.h has of it, and what this library has to say of it. */
export interface Row<F, K extends keyof F> extends About<F> {
  readonly fields: readonly string[];
  /** What a field is where nothing is said of it. */
  readonly defaults: Pick<F, K>;
}

/**
 * A row of the table of steps.
 *
 * @param _name - of the step; the types of its fields are those of `Step`
 * @param fields - the names of its fields, in the order of src/plan/steps.h
 * @param about - the columns
 * @param defaults - of fields that need not be given
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
