# SPDX-License-Identifier: Apache-2.0
"""Names, docstrings, mutable globals, sleeps, decoders without a fuzzer."""

import re

from report import Finding

REFUSED = ('Manager', 'Util', 'Utils', 'Helper', 'Helpers', 'Impl', 'Info', 'Data')
_WORDS = re.compile(r'[A-Z]+(?![a-z])|[A-Z][a-z0-9]*|[a-z0-9]+')
_ALIAS = re.compile(r'\b(?:using\s+(\w+)\s*=|typedef\b[^;]*\b(\w+)\s*;|concept\s+(\w+))')


def _refused(name):
    return [word for word in _WORDS.findall(name) if word in REFUSED]


def check_names(source):
    if not source.path.startswith('src/') or not source.is_cpp:
        return
    stem = source.path.rsplit('/', 1)[1].split('.')[0]
    for word in stem.split('_'):
        if word.capitalize() in REFUSED:
            yield Finding('name', source.path, 1, f'"{word}" in a file name says nothing')
    for scope in source.scopes('class', 'enum'):
        for word in _refused(scope.name.split('::')[-1]):
            yield Finding('name', source.path, source.line_of(scope.start),
                          f'"{word}" in {scope.name} says nothing: what is it?')
    for match in _ALIAS.finditer(source.plain):
        name = next(group for group in match.groups() if group)
        for word in _refused(name):
            yield Finding('name', source.path, source.line_of(match.start()),
                          f'"{word}" in {name} says nothing: what is it?')


def check_docstrings(source):
    """Each class of a header says on which thread it lives."""
    if not source.path.startswith('src/') or not source.is_header or source.is_test:
        return
    lines = source.text.split('\n')
    for scope in source.scopes('class'):
        head = scope.head.strip()
        if scope.parent.kind != 'namespace' or '<>' in scope.name or not scope.name:
            continue
        if not re.search(r'\bclass\b[^<>]*$', head) or 'detail' in _namespaces(scope):
            continue
        comment = _comment_above(lines, source.line_of(scope.start) - 1)
        if not re.search(r'^\s*///\s*Thread\b', comment, re.M):
            yield Finding('thread-line', source.path, source.line_of(scope.start),
                          f'class {scope.name}: its comment has no "/// Thread   …" line')


def _namespaces(scope):
    names = []
    while scope.parent is not None:
        scope = scope.parent
        names += scope.name.split('::')
    return names


def _comment_above(lines, index):
    taken = []
    index -= 1
    while index >= 0 and lines[index].lstrip().startswith('///'):
        taken.append(lines[index])
        index -= 1
    return '\n'.join(taken)


_NO_VARIABLE = re.compile(
    r'^(?:using|typedef|namespace|class|struct|union|enum|template|extern|friend|static_assert'
    r'|concept|public|private|protected|return|MOLDAU_\w+|TEST\w*|BENCHMARK\w*|INSTANTIATE_\w+)\b')
_VARIABLE = re.compile(
    r'^(?:(?:static|inline|thread_local|constinit|volatile)\s+)*'
    r'[A-Za-z_][\w:]*(?:\s*<.*>)?(?:::\w+)*[\s*&]+([A-Za-z_]\w*)\s*'
    r'(?:\[[^\]]*\]\s*)*(?:=.*|\{.*)?$',
    re.S)


def check_globals(source, layers):
    if not source.path.startswith('src/') or not source.is_cpp or source.is_test:
        return
    if source.path.removeprefix('src/') in layers.globals:
        return
    for position, statement, kind in _declarations(source):
        words = statement.split()
        if not words or _NO_VARIABLE.match(statement):
            continue
        if re.search(r'\b(?:const|constexpr)\b', statement.split('=')[0]):
            continue
        if kind == 'class' and 'static' not in words:
            continue
        before = statement.split('=')[0].split('{')[0]
        if '(' in before or 'operator' in before:
            continue
        match = _VARIABLE.match(statement)
        if match:
            yield Finding('global', source.path, source.line_of(position),
                          f'{match.group(1)} is a mutable global')
    for scope in source.scopes('function'):
        body = source.plain[scope.open:scope.close]
        for match in re.finditer(r'\bstatic\s+(?!const\b|constexpr\b|constinit\s+const\b|_?assert'
                                 r'|cast)[\w:]+[^;({=]*?[\w>&*\]]\s*[;({=]', body):
            if not re.search(r'\bconst\b', match.group(0)):
                yield Finding('global', source.path, source.line_of(scope.open + match.start()),
                              'a static local that is not const is a mutable global')
    for match in re.finditer(r'\bthread_local\b', source.plain):
        yield Finding('global', source.path, source.line_of(match.start()),
                      'thread_local is a global in disguise')


def _declarations(source):
    """Statements directly in namespaces and classes, with the bodies cut out."""
    for scope in [source.root] + list(source.scopes('namespace', 'class')):
        text = list(source.plain[scope.open:scope.close])
        for child in scope.children:
            begin, end = child.open - scope.open, child.close - scope.open
            for i in range(begin, min(end + 1, len(text))):
                if text[i] != '\n':
                    text[i] = ' '
            if child.kind in ('function', 'namespace', 'class', 'enum') and end < len(text):
                text[begin] = ';'
        if text and scope.parent is not None:
            text[0] = ' '
        start = 0
        joined = re.sub(r'\b(?:public|private|protected)\s*:(?!:)',
                        lambda m: m.group(0)[:-1].replace(m.group(0)[:-1], ' ' * (
                            len(m.group(0)) - 1)) + ';', ''.join(text))
        for match in re.finditer(';', joined):
            piece = joined[start:match.start()]
            stripped = piece.lstrip()
            yield scope.open + start + len(piece) - len(stripped), stripped.rstrip(), scope.kind
            start = match.end()


_SLEEP = re.compile(r'\bthis_thread::sleep_\w+|\b(?:usleep|nanosleep)\b|(?<![\w.>:])sleep\s*\(')


def check_sleeps(source):
    if source.is_test:
        for match in _SLEEP.finditer(source.plain):
            yield Finding('sleep', source.path, source.line_of(match.start()),
                          'a test waits for an event, never for time')


_RAW_OFFSET = re.compile(r'[(,]\s*(?:const\s+)?(?:std::)?int64_t\s+\w*offset\b(?!_)')


def check_raw_types(source):
    if source.is_header and source.path.startswith('src/') and not source.path.startswith(
            ('src/base/', 'src/wire/', 'src/config/')):
        for match in _RAW_OFFSET.finditer(source.plain):
            access = re.findall(r'\b(public|private):', source.plain[:match.start()])
            if access and access[-1] == 'private':
                continue
            yield Finding('raw-offset', source.path, source.line_of(match.end()),
                          'an offset is an Offset, not an int64_t')


_DECODER = re.compile(r'\b(?:parse|decode)(?:_\w+)?\s*\([^;{)]*\b(?:ByteView|Slice|span)\b')


def check_fuzzers(sources):
    """A header that declares parse…(bytes) is reached by a *_fuzz.cc of its folder."""
    by_path = {source.path: source for source in sources}
    included = {}
    for source in sources:
        if source.path.endswith('_fuzz.cc'):
            seen = included.setdefault(source.path.rsplit('/', 1)[0], set())
            stack = [source]
            while stack:
                new = {what for _, _, what in stack.pop().includes()} - seen
                seen |= new
                stack += [by_path['src/' + one] for one in new if 'src/' + one in by_path]
    for source in sources:
        if not source.is_header or source.is_test or not source.path.startswith('src/'):
            continue
        match = _DECODER.search(source.plain)
        folder = source.path.rsplit('/', 1)[0]
        if match and source.path.removeprefix('src/') not in included.get(folder, set()):
            yield Finding('fuzz', source.path, source.line_of(match.start()),
                          'a decoder needs a *_fuzz.cc beside it that includes this header')
