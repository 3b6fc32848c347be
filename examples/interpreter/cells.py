"""Runs cells: a line of JSON on standard input has one, a line on descriptor 3 its result. Variables stay."""

import ast
import json
import os
import sys
import tempfile
import traceback

MOST_OUTPUT = 30_000

cells = os.fdopen(os.dup(0))
results = os.fdopen(3, 'w')
names = {'__name__': '__main__'}

# What a cell reads from its standard input are not the next cells.
os.dup2(os.open('/dev/null', os.O_RDONLY), 0)


def value_of(code):
    """Runs a cell. The value of its last expression, or None."""
    module = ast.parse(code, '<cell>')
    last = module.body.pop() if module.body and isinstance(module.body[-1], ast.Expr) else None
    exec(compile(module, '<cell>', 'exec'), names)
    return last and eval(compile(ast.Expression(last.value), '<cell>', 'eval'), names)


def result_of(code):
    result = {}
    with tempfile.TemporaryFile() as output:
        # Also what the programs write that a cell starts.
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
        try:
            value = value_of(code)
            if value is not None:
                result['value'] = repr(value)
        except BaseException as error:  # also KeyboardInterrupt, and SystemExit of exit()
            result['error'] = ''.join(traceback.format_exception_only(type(error), error)).strip()
        sys.stdout.flush()
        output.seek(0)
        result['output'] = output.read(MOST_OUTPUT).decode(errors='replace')
    return result


print('{}', file=results, flush=True)  # ready
for line in cells:
    print(json.dumps(result_of(json.loads(line))), file=results, flush=True)
