import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { NAMESPACE_KINDS } from '../../lib/kernel/namespace-kind';
import { STEPS } from '../../lib/plan/steps';
import { withCompiled } from '../fixtures/compiled';

/** `uid_map` as TypeScript has it: `uidMap`. */
function camel(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function stepsOfTheWire(): Promise<[name: string, fields: string[]][]> {
  return withCompiled(join(__dirname, 'steps.c'), (program) => {
    const lines = execFileSync(program, { encoding: 'utf8' }).trimEnd().split('\n');
    return Promise.resolve(
      lines.map((line) => {
        const [name = '', ...fields] = line.split(' ');
        return [name, fields.map(camel)];
      }),
    );
  });
}

describe('the table of steps', () => {
  it('has the steps of src/plan/steps.h, in their order, with the same fields in the same order', async () => {
    const rows = Object.entries(STEPS).map(([name, { fields }]) => [name, fields]);
    expect(rows).toEqual(await stepsOfTheWire());
  });

  it.each(Object.entries(STEPS))('has what is to be said of %s', (_, { words, kind, fields, defaults }) => {
    expect(words).toBeInstanceOf(Function);
    expect([undefined, ...NAMESPACE_KINDS]).toContain(kind);
    for (const field of Object.keys(defaults)) expect(fields).toContain(field);
  });
});
