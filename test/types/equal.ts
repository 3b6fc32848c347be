/** Whether two types are the same, and not only assignable: `any` equals nothing but itself. */
/* eslint-disable @typescript-eslint/no-unnecessary-type-parameters -- the compiler compares two functions by theirs */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/* eslint-enable */

/** `expectType<string>(value)`: the type of the expression is exactly this. Nothing happens when it runs. */
export function expectType<Expected>(): <Actual>(value: Equal<Actual, Expected> extends true ? Actual : never) => void {
  return () => undefined;
}
