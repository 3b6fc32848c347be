import { type InspectOptionsStylized, inspect } from 'node:util';

/** The parts of a line: `true` stands for its name alone; a part that is false or undefined is left out. */
type Parts = Readonly<Record<string, unknown>>;

/** A class, whatever its constructor takes and whoever may call that. */
interface Class<T> {
  readonly prototype: T;
  readonly name: string;
}

/**
 * Gives the objects of a class a form for `console.log()` and `util.inspect()`, which would print their insides: one
 * line, such as `NamespaceProcess { pid: 123, running, file: 'sh' }`. With `customInspect: false` the insides appear.
 * `String()` of them gives the same line, where the class has no text of its own.
 *
 * It is defined here and not as a method, so that the types of the class do not show it.
 *
 * @param partsOf - must not throw, and must not ask the kernel: it is called for closed objects too
 */
export function inspectAs<T extends object>(type: Class<T>, partsOf: (object: T) => Parts): void {
  Object.defineProperty(type.prototype, inspect.custom, {
    configurable: true,
    writable: true,
    value(this: T, depth: number | null, options: InspectOptionsStylized): string {
      // The object lies deeper than the caller wants to look: like Node's own objects, it shows only its name.
      if (depth !== null && depth < 0) return options.stylize(`[${type.name}]`, 'special');
      const inner = { ...options, depth: depth === null ? null : depth - 1 };
      const parts = Object.entries(partsOf(this)).filter(([, value]) => value !== undefined && value !== false);
      const words = parts.map(([name, value]) => (value === true ? name : `${name}: ${inspect(value, inner)}`));
      return words.length === 0 ? `${type.name} {}` : `${type.name} { ${words.join(', ')} }`;
    },
  });
  if (Object.hasOwn(type.prototype, 'toString')) return;
  Object.defineProperty(type.prototype, 'toString', {
    configurable: true,
    writable: true,
    value(this: T): string {
      return inspect(this);
    },
  });
}
