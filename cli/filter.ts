/** The expressions of scols-filter(5), without parameters of columns. */
import { UsageError } from './command';

/** The value of a row in a column. */
export type Fields = (column: string) => string | number | null | undefined;

export type Filter = (fields: Fields) => boolean;

type Value = string | number | boolean | null;
type Expression = (fields: Fields) => Value;

interface Token {
  readonly type: 'word' | 'text' | 'number' | 'sign';
  readonly text: string;
}

const SIGNS = /^(&&|\|\||==|!=|<=|>=|=~|!~|<|>|!|\(|\))/;

/** Synonyms of operators. */
const SAME: Readonly<Record<string, string>> = {
  and: '&&',
  or: '||',
  not: '!',
  eq: '==',
  ne: '!=',
  lt: '<',
  le: '<=',
  gt: '>',
  ge: '>=',
};

const COMPARE: Readonly<Record<string, (a: Value, b: Value) => boolean>> = {
  '==': (a, b) => order(a, b) === 0,
  '!=': (a, b) => order(a, b) !== 0,
  '<': (a, b) => order(a, b) < 0,
  '<=': (a, b) => order(a, b) <= 0,
  '>': (a, b) => order(a, b) > 0,
  '>=': (a, b) => order(a, b) >= 0,
  '=~': (a, b) => new RegExp(String(b)).test(String(a ?? '')),
  '!~': (a, b) => !new RegExp(String(b)).test(String(a ?? '')),
};

/**
 * Parses `NS == 4026531840 && (TYPE eq "net" or COMMAND =~ "^node")`.
 *
 * @param columns - the names that an expression may use
 * @throws UsageError
 */
export function parseFilter(text: string, columns: readonly string[]): Filter {
  const parser = new Parser(tokensOf(text), columns);
  const expression = parser.either();
  parser.end();
  return (fields) => isTrue(expression(fields));
}

class Parser {
  readonly #tokens: Token[];
  readonly #columns: readonly string[];

  constructor(tokens: readonly Token[], columns: readonly string[]) {
    this.#tokens = [...tokens];
    this.#columns = columns;
  }

  either(): Expression {
    let left = this.#both();
    while (this.#take('||')) {
      const [a, b] = [left, this.#both()];
      left = (fields) => isTrue(a(fields)) || isTrue(b(fields));
    }
    return left;
  }

  end(): void {
    const [token] = this.#tokens;
    if (token !== undefined) throw unexpected(token);
  }

  #both(): Expression {
    let left = this.#not();
    while (this.#take('&&')) {
      const [a, b] = [left, this.#not()];
      left = (fields) => isTrue(a(fields)) && isTrue(b(fields));
    }
    return left;
  }

  #not(): Expression {
    if (!this.#take('!')) return this.#comparison();
    const operand = this.#not();
    return (fields) => !isTrue(operand(fields));
  }

  #comparison(): Expression {
    const left = this.#operand();
    const [token] = this.#tokens;
    const compare = token === undefined ? undefined : COMPARE[operatorOf(token)];
    if (token === undefined || compare === undefined) return left;
    this.#tokens.shift();
    const isPattern = operatorOf(token).includes('~');
    const [pattern] = this.#tokens;
    if (isPattern && pattern !== undefined) checkPattern(pattern.text);
    const right = this.#operand();
    return (fields) => compare(left(fields), right(fields));
  }

  #operand(): Expression {
    const token = this.#tokens.shift();
    if (token === undefined) throw new UsageError('--filter: a value is missing at the end');
    if (token.type === 'number') return () => Number(token.text);
    if (token.type === 'text') return () => token.text;
    if (token.text === '(') return this.#group();
    if (token.type !== 'word') throw unexpected(token);
    if (token.text === 'true' || token.text === 'false') return () => token.text === 'true';
    const column = token.text.toUpperCase();
    if (!this.#columns.includes(column)) throw new UsageError(`--filter: unknown column '${token.text}'`);
    return (fields) => fields(column) ?? null;
  }

  #group(): Expression {
    const inner = this.either();
    if (!this.#take(')')) throw new UsageError("--filter: missing ')'");
    return inner;
  }

  #take(operator: string): boolean {
    const [token] = this.#tokens;
    if (token === undefined || operatorOf(token) !== operator) return false;
    this.#tokens.shift();
    return true;
  }
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let rest = text.trimStart();
  while (rest !== '') {
    const token = nextToken(rest);
    if (token === undefined) throw new UsageError(`--filter: syntax error at '${rest}'`);
    tokens.push(token);
    rest = rest.slice(token.text.length + (token.type === 'text' ? 2 : 0)).trimStart();
  }
  return tokens;
}

function nextToken(rest: string): Token | undefined {
  const quoted = /^"([^"]*)"|^'([^']*)'/.exec(rest);
  if (quoted !== null) return { type: 'text', text: quoted[1] ?? quoted[2] ?? '' };
  const number = /^\d+(\.\d+)?/.exec(rest)?.[0];
  if (number !== undefined) return { type: 'number', text: number };
  const word = /^[A-Za-z_][\w.%-]*/.exec(rest)?.[0];
  if (word !== undefined) return { type: 'word', text: word };
  const sign = SIGNS.exec(rest)?.[0];
  return sign === undefined ? undefined : { type: 'sign', text: sign };
}

function operatorOf({ type, text }: Token): string {
  if (type === 'sign') return text;
  return type === 'word' ? (SAME[text.toLowerCase()] ?? '') : '';
}

function unexpected({ text }: Token): UsageError {
  return new UsageError(`--filter: unexpected '${text}'`);
}

function checkPattern(pattern: string): void {
  try {
    new RegExp(pattern);
  } catch {
    throw new UsageError(`--filter: invalid regular expression '${pattern}'`);
  }
}

/** Compares two values: as numbers if both are numeric, else as texts. A missing value equals only a missing value. */
function order(a: Value, b: Value): number {
  if (a === null || b === null) return a === b ? 0 : NaN;
  const [x, y] = [Number(a), Number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y) && a !== '' && b !== '') return x - y;
  return String(a) < String(b) ? -1 : Number(String(a) > String(b));
}

function isTrue(value: Value): boolean {
  return value !== null && value !== false && value !== 0 && value !== '';
}
