# SPDX-License-Identifier: Apache-2.0
"""One source file as tidy sees it: its text, its code without comments, its scopes."""

import bisect
import re
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/'
    r'|(?:u8|[uUL])?R"(?P<d>[^()\s\\]{0,16})\(.*?\)(?P=d)"'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-zA-Z_])'(?:\\.|[^'\\\n])+'",
    re.S)
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]', re.M)
_DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n]*\\\n)*[^\n]*', re.M)


def _blank(text):
    return re.sub(r'[^\n]', ' ', text)


def strip(text):
    """Comments and the inside of literals become blanks; every position stays where it was."""
    def replace(match):
        token = match.group(0)
        if token.startswith('/'):
            return _blank(token)
        quote = token.find('"') if '"' in token else 0
        return token[:quote + 1] + _blank(token[quote + 1:-1]) + token[-1]
    return _TOKEN.sub(replace, text)


@dataclass
class Scope:
    kind: str    # namespace class enum function block init
    name: str
    head: str    # what stands before the brace
    start: int   # position where the head begins
    open: int    # position of {
    close: int   # position of }
    parent: object
    children: list = field(default_factory=list)

    def inside(self, kind):
        scope = self
        while scope is not None:
            if scope.kind == kind:
                return True
            scope = scope.parent
        return False


class Source:
    """A file of the project; `path` is relative to its root and uses slashes."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.is_cpp = path.endswith(('.cc', '.h'))
        self.is_header = path.endswith('.h')
        self.is_test = re.search(r'_(test|fuzz|bench)\.cc$', path) is not None or (
            re.search(r'(^|/)test_\w+\.h$', path) is not None)
        self._starts = None
        self._code = None
        self._plain = None
        self._root = None

    def line_of(self, position):
        if self._starts is None:
            self._starts = [0] + [m.end() for m in re.finditer('\n', self.text)]
        return bisect.bisect_right(self._starts, position)

    @property
    def code(self):
        if self._code is None:
            self._code = strip(self.text)
        return self._code

    @property
    def plain(self):
        """The code without preprocessor lines."""
        if self._plain is None:
            self._plain = _DIRECTIVE.sub(lambda m: _blank(m.group(0)), self.code)
        return self._plain

    def includes(self):
        """(line, quote, what) of each #include."""
        commented = re.sub(r'//[^\n]*|/\*.*?\*/', lambda m: _blank(m.group(0)), self.text,
                           flags=re.S)
        return [(self.line_of(m.start(1)), m.group(1), m.group(2))
                for m in _INCLUDE.finditer(commented)]

    @property
    def root(self):
        """The tree of brace scopes."""
        if self._root is None:
            self._root = _scopes(self.plain)
        return self._root

    def scopes(self, *kinds):
        stack = list(self.root.children)
        while stack:
            scope = stack.pop()
            stack.extend(scope.children)
            if not kinds or scope.kind in kinds:
                yield scope


_CLASS = re.compile(
    r'\b(class|struct|union)\b\s*(?:alignas\s*\([^)]*\)\s*|\[\[[^\]]*\]\]\s*|[A-Z][A-Z_]+\s+)*'
    r'([\w:]*(?:\s*<[^{;]*>)?)\s*(?:final\b\s*)?(?::(?!:)[^{;]*)?$', re.S)
_ENUM = re.compile(r'\benum\b(?:\s+(?:class|struct))?\s*([\w:]*)\s*(?::[^{;]*)?$', re.S)
_NAMESPACE = re.compile(r'\bnamespace\b\s*(?:\[\[[^\]]*\]\]\s*)?([\w:]*)\s*$|\bextern\s*"\s*"?\s*$')
_INIT_BRACE = re.compile(r'\)[^;{}()]*:(?!:).*[\w>]\s*$', re.S)
_CALLED = re.compile(r'[()]|(?:operator\s*(?:\(\)|[^\s\w(]+)|[~\w]+)(?=\s*\()')
_NO_NAME = ('noexcept', 'requires', 'decltype', 'alignas', '__attribute__')


def _function_name(head):
    depth = 0
    for match in _CALLED.finditer(head):
        token = match.group(0)
        if token in '()':
            depth += 1 if token == '(' else -1
        elif depth == 0 and token not in _NO_NAME:
            return token
    return '?'


def _classify(head, parent):
    """(kind, name) of the brace that follows `head`."""
    outside = parent.kind in ('namespace', 'class')
    text = head.strip()
    match = _NAMESPACE.search(text)
    if match and parent.kind == 'namespace':
        return 'namespace', match.group(1) or ''
    match = _ENUM.search(text)
    if match:
        return 'enum', match.group(1)
    match = _CLASS.search(text)
    if match and '(' not in re.sub(r'\([^()]*\)', '', match.group(0).split(':')[0]):
        return 'class', re.sub(r'\s*<.*', '<>', match.group(2), flags=re.S)
    if outside and '(' in text and not re.search(r'(?<![=!<>])=\s*$', text):
        if text.endswith(('=', ',')) or re.search(r'(?<!operator)(?<![=!<>])=(?![=])[^()]*$', text):
            return 'init', ''
        return 'function', _function_name(text)
    if outside:
        return 'init', ''
    return 'block', ''


def _scopes(code):
    root = Scope('namespace', '', '', 0, 0, len(code), None)
    current, head_start, parens = root, 0, 0
    outer = []
    for match in re.finditer(r'[{}();]|\b(?:public|private|protected)\s*:(?!:)', code):
        token, at = match.group(0), match.start()
        if token == '(':
            parens += 1
        elif token == ')':
            parens = max(0, parens - 1)
        elif token == '{':
            head = code[head_start:at]
            outside = current.kind in ('namespace', 'class')
            if outside and (parens > 0 or (_INIT_BRACE.search(head) and '(' in head)):
                kind, name = 'init', ''
            else:
                kind, name = _classify(head, current)
            first = head_start + len(head) - len(head.lstrip())
            scope = Scope(kind, name, head, first, at, len(code), current)
            current.children.append(scope)
            outer.append((parens, head_start))
            current, head_start, parens = scope, at + 1, 0
        elif token == '}':
            if current.parent is None:
                continue
            current.close = at
            kind = current.kind
            current = current.parent
            parens, start = outer.pop()
            # A braced initializer does not end the declaration around it.
            head_start = start if kind == 'init' else at + 1
        elif token == ';':
            if parens == 0:
                head_start = at + 1
        else:
            if parens == 0:
                head_start = match.end()
    return root
