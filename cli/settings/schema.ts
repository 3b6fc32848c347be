/** Holds a value to a JSON Schema: as much of that language as the schema of settings uses. */
import { UsageError } from '../command';
import { suggestion } from '../suggestion';
import type { Lines } from './jsonc';

export interface Schema {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'boolean' | 'null';
  readonly enum?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
  readonly $ref?: string;
  readonly definitions?: Readonly<Record<string, Schema>>;
}

/** The place of a value: for messages. */
interface Place {
  readonly name: string;
  readonly line: number;
}

/** @throws UsageError with the file and the line, and with the name that was most likely meant */
export class SchemaCheck {
  readonly #root: Schema;
  readonly #file: string;
  readonly #lines: Lines;

  constructor(root: Schema, file: string, lines: Lines) {
    this.#root = root;
    this.#file = file;
    this.#lines = lines;
  }

  check(value: unknown): void {
    this.#check(this.#root, value, { name: 'the file', line: 1 });
  }

  #check(written: Schema, value: unknown, place: Place): void {
    const schema = this.#resolved(written);
    const fitting = this.#alternatives(schema).find((each) => isOfType(each, value));
    if (fitting === undefined) throw this.#error(place, `${place.name} must be ${this.#words(schema)}`);
    if (fitting.type === 'object') this.#properties(fitting, value as Record<string, unknown>, place);
    if (fitting.type === 'array' && fitting.items !== undefined) {
      for (const [at, item] of (value as unknown[]).entries()) {
        this.#check(fitting.items, item, this.#below(value as object, String(at), `${place.name}[${at}]`, place));
      }
    }
  }

  #properties({ properties = {}, additionalProperties = true }: Schema, value: object, place: Place): void {
    const above = place.name === 'the file' ? '' : `${place.name}.`;
    for (const [key, each] of Object.entries(value)) {
      const below = this.#below(value, key, `${above}${key}`, place);
      const known = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (known !== undefined) this.#check(known, each, below);
      else if (typeof additionalProperties === 'object') this.#check(additionalProperties, each, below);
      else if (!additionalProperties) {
        throw this.#error(below, `there is no '${below.name}'${suggestion(key, Object.keys(properties))}`);
      }
    }
  }

  #below(value: object, key: string, name: string, { line }: Place): Place {
    return { name, line: this.#lines.get(value)?.get(key) ?? line };
  }

  #alternatives({ anyOf, ...schema }: Schema): readonly Schema[] {
    return anyOf?.map((each) => this.#resolved(each)) ?? [schema];
  }

  #resolved(schema: Schema): Schema {
    const name = schema.$ref?.replace('#/definitions/', '');
    return name === undefined ? schema : (this.#root.definitions?.[name] ?? schema);
  }

  #words(schema: Schema): string {
    return this.#alternatives(schema)
      .map((each) => {
        if (each.enum !== undefined) return `one of ${each.enum.map((word) => `'${word}'`).join(', ')}`;
        if (each.items !== undefined) return 'a list of strings';
        return WORDS[each.type ?? 'object'];
      })
      .join(' or ');
  }

  #error({ line }: Place, what: string): UsageError {
    return new UsageError(`${this.#file}:${line}: ${what}`);
  }
}

const WORDS: Readonly<Record<NonNullable<Schema['type']>, string>> = {
  object: 'an object',
  array: 'a list',
  string: 'a string',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'null',
};

function isOfType({ type, enum: words }: Schema, value: unknown): boolean {
  if (words !== undefined) return words.includes(value as string);
  if (type === 'array') return Array.isArray(value);
  if (type === 'null') return value === null;
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}
