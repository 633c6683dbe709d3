# SPDX-License-Identifier: Apache-2.0
"""Files of at most 800 lines, functions of at most 70, lines of at most 100 columns."""

import ast

from report import Finding

FILE_MAX, FUNCTION_MAX, LINE_MAX = 800, 70, 100


def check_sizes(source):
    lines = source.text.split('\n')
    count = len(lines) - (1 if lines and lines[-1] == '' else 0)
    if count > FILE_MAX:
        yield Finding('file-length', source.path, 1, f'{count} lines, at most {FILE_MAX}', count)
    for number, line in enumerate(lines, 1):
        if len(line) > LINE_MAX and 'http://' not in line and 'https://' not in line:
            yield Finding('line-length', source.path, number,
                          f'{len(line)} columns, at most {LINE_MAX}', len(line))
    for name, line, length in _functions(source):
        if length > FUNCTION_MAX:
            yield Finding('function-length', source.path, line,
                          f'{name} has {length} lines, at most {FUNCTION_MAX}', length, name)


def _functions(source):
    if source.is_cpp:
        for scope in source.scopes('function'):
            first, last = source.line_of(scope.start), source.line_of(scope.close)
            yield scope.name, first, last - first + 1
    elif source.path.endswith('.py'):
        for node in ast.walk(ast.parse(source.text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield node.name, node.lineno, node.end_lineno - node.lineno + 1
