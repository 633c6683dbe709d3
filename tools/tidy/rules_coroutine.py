# SPDX-License-Identifier: Apache-2.0
"""What g++ 12 compiles wrongly in coroutines is refused (docs/contributing.md, Coroutines)."""

import re

from report import Finding

_AWAIT = re.compile(r'\bco_await\b')
# What may stand before co_await in its statement.
_BEFORE = re.compile(
    r'^(?:\s*|.*[;{}]\s*|.*\)\s*|.*\belse\s+)'
    r'(?:co_return\s+|(?:const\s+)?[A-Za-z_][\w:]*(?:\s*<[^;{}()]*>)?[\s&*]+[A-Za-z_]\w*\s*=\s*'
    r'|(?:[A-Za-z_][\w.]*(?:->\w+)*\s*=\s*)|\(void\)\s*)?$', re.S)
_CONDITION = re.compile(r'\b(?:if|while|switch|for)\s*(?:constexpr\s*)?\($')


def _statement(code, at):
    """Start and end of the statement around `at`, by ; { } outside parentheses."""
    start = at
    while start > 0 and code[start - 1] not in ';{}':
        start -= 1
    end, depth = at, 0
    while end < len(code):
        char = code[end]
        if char in '({[':
            depth += 1
        elif char in ')}]':
            depth -= 1
            if depth < 0:
                break
        elif char == ';' and depth == 0:
            break
        end += 1
    return start, end


def _open_parens(text):
    """What stands before each parenthesis that `text` leaves open."""
    stack = []
    for i, char in enumerate(text):
        if char == '(':
            stack.append(i)
        elif char == ')' and stack:
            stack.pop()
    return [text[:i + 1] for i in stack]


def check_coroutines(source, aggregates):
    if not source.is_cpp or not source.path.startswith(('src/', 'tests/', 'bench/')):
        return
    code = source.plain
    for match in _AWAIT.finditer(code):
        yield from _check_await(source, code, match)
    for match in re.finditer(r'\bcatch\s*\(', code):
        body = _block_after(code, match.end())
        if body and _AWAIT.search(body):
            yield Finding('coroutine', source.path, source.line_of(match.start()),
                          'co_await inside catch')
    yield from _check_lambdas(source, code)
    yield from _check_parameters(source, code, aggregates)


# A lambda without captures is a plain function: harmless as an argument.
_PLAIN_LAMBDA = re.compile(r'\[\]\s*(?:\([^()]*\)\s*)?(?:->[^{;]*)?\{[^{}]*\}')


def _check_await(source, code, match):
    line = source.line_of(match.start())
    start, end = _statement(code, match.start())
    before = code[start:match.start()]
    after = _PLAIN_LAMBDA.sub('plain', code[match.end():end])
    opened = _open_parens(before)
    if any(_CONDITION.search(text) for text in opened):
        yield Finding('coroutine', source.path, line, 'co_await in a condition')
    elif opened or not _BEFORE.match(before):
        yield Finding('coroutine', source.path, line,
                      'co_await stands alone: `auto x = co_await f(a);`, `co_await f();`, '
                      '`co_return co_await f();`')
    if _AWAIT.search(after):
        yield Finding('coroutine', source.path, line, 'two co_await in one statement')
    if '{' in after:
        yield Finding('coroutine', source.path, line, 'braces in a statement with co_await')
    if '?' in after:
        yield Finding('coroutine', source.path, line, '?: in a statement with co_await')
    if re.search(r'\[[^\]]*\]\s*(?:\(|\{|mutable|->)', after) and re.search(r'[(,]\s*\[', after):
        yield Finding('coroutine', source.path, line, 'a lambda as argument of an awaited call')


def _block_after(code, at):
    depth, i = 1, at
    while i < len(code) and depth:
        depth += {'(': 1, ')': -1}.get(code[i], 0)
        i += 1
    while i < len(code) and code[i].isspace():
        i += 1
    if i >= len(code) or code[i] != '{':
        return ''
    begin, depth = i, 0
    while i < len(code):
        depth += {'{': 1, '}': -1}.get(code[i], 0)
        i += 1
        if depth == 0:
            break
    return code[begin:i]


_LAMBDA = re.compile(r'(?<![\w\])])\[([^\[\]]*)\]\s*(?=[(<{]|mutable|->)')


def _check_lambdas(source, code):
    for match in _LAMBDA.finditer(code):
        if not match.group(1).strip():
            continue
        rest = code[match.end():]
        head = re.match(r'(?:\s*<[^>]*>)?\s*(?:\(([^()]|\([^()]*\))*\))?[\w\s:<>,*&-]*\{', rest)
        if not head:
            continue
        body = _braced(rest, head.end() - 1)
        inner = re.sub(r'(?<![\w\])])\[[^\[\]]*\][^{};]*\{[^{}]*\}', '', body[1:])
        if re.search(r'\bco_(?:await|return|yield)\b', inner) or '-> Task<' in head.group(0):
            yield Finding('coroutine', source.path, source.line_of(match.start()),
                          'a capturing lambda is no coroutine: captures die with the lambda')


def _braced(text, at):
    depth = 0
    for i in range(at, len(text)):
        depth += {'{': 1, '}': -1}.get(text[i], 0)
        if depth == 0:
            return text[at:i + 1]
    return text[at:]


_TASK = re.compile(r'\bTask<(?:[^<>;{}]|<(?:[^<>;{}]|<[^<>]*>)*>)*>\s+(?:\w+::)*(\w+)\s*\(')


def _check_parameters(source, code, aggregates):
    """A coroutine takes no aggregate by value."""
    for match in _TASK.finditer(code):
        depth, i = 1, match.end()
        while i < len(code) and depth:
            depth += {'(': 1, ')': -1}.get(code[i], 0)
            i += 1
        for parameter in _split(code[match.end():i - 1]):
            words = re.match(r'\s*(?:const\s+)?((?:\w+::)*\w+)\s+\w+\s*(?:=.*)?$', parameter, re.S)
            if words and words.group(1).split('::')[-1] in aggregates:
                yield Finding('coroutine', source.path, source.line_of(match.start()),
                              f'{match.group(1)} takes the aggregate {words.group(1)} by value: '
                              'give it a constructor')


def _split(text):
    parts, depth, last = [], 0, 0
    for i, char in enumerate(text):
        depth += {'(': 1, '<': 1, '{': 1, ')': -1, '>': -1, '}': -1}.get(char, 0)
        if char == ',' and depth == 0:
            parts.append(text[last:i])
            last = i + 1
    return parts + [text[last:]]


def find_aggregates(sources):
    """Names of structs without a declared constructor that hold anything with a destructor."""
    found, others = set(), set()
    for source in sources:
        if not source.is_cpp:
            continue
        for scope in source.scopes('class'):
            name = scope.name.split('::')[-1]
            if not name or not re.search(r'\bstruct\b', scope.head):
                continue
            body = source.plain[scope.open + 1:scope.close]
            flat = re.sub(r'\{[^{}]*\}', ' ', body)
            has_constructor = re.search(rf'(?<![\w~:]){re.escape(name)}\s*\(', flat)
            trivial = not re.search(r'\bstd::(?!size_t|u?int\d|byte\b|byte;|span|string_view|array'
                                    r'|ptrdiff_t|chrono)|\bSlice\b|\bResult<', flat)
            (others if has_constructor or trivial else found).add(name)
    return found - others
