# SPDX-License-Identifier: Apache-2.0
"""What every text file obeys: licence line, no machine paths, no notes to self, clean ends."""

import re

from report import Finding

_NOTES = re.compile(r'\b(?:TO' r'DO|FIX' r'ME|XX' r'X)\b')
_PATHS = re.compile(
    r'(?<![\w.])/(?:wo' r'rk|ro' r'ot|ho' r'me/\w+)/|\.\./sha' r'red'
    r'|\b(?:repo1?\.mav' r'en|py' r'pi\.org|proxy\.gol' r'ang\.org|snapshot\.deb' r'ian)')
_SPDX = 'SPDX-License-Identifier: Apache-2.0'
_CODE = ('.cc', '.h', '.py', '.sh')


def check_text(source):
    lines = source.text.split('\n')
    is_code = source.path.endswith(_CODE) or lines[0].startswith('#!')
    if is_code and _SPDX not in '\n'.join(lines[:2]):
        yield Finding('licence', source.path, 1, f'no "{_SPDX}" in the first two lines')
    for number, line in enumerate(lines, 1):
        if _NOTES.search(line):
            yield Finding('note', source.path, number, 'a note to self: do it or write an issue')
        if _PATHS.search(line):
            yield Finding('machine-path', source.path, number, 'a path or host of some machine')
        if line != line.rstrip() and not source.path.endswith('.md'):
            yield Finding('space', source.path, number, 'blanks at the end of the line')
        if '\t' in line and is_code:
            yield Finding('space', source.path, number, 'a tab')
    if source.text and not source.text.endswith('\n'):
        yield Finding('space', source.path, len(lines), 'no line end at the end of the file')
    if source.is_header and '#pragma once' not in source.text:
        yield Finding('header', source.path, 1, 'no #pragma once')


def check_readmes(layers, paths, read):
    """Every folder that has sources explains itself in a few lines."""
    used = set()
    for path in paths:
        if path.startswith('src/') and path.endswith(('.cc', '.h', '.py')):
            folder = layers.folder_of(path.removeprefix('src/'))
            if folder:
                used.add(folder.name)
    for name in sorted(used):
        readme = f'src/{name}/README.md'
        if readme not in paths:
            yield Finding('readme', readme, 1, 'missing: purpose, entry point, what it does not do')
            continue
        text = read(readme)
        for what, pattern in (('entry point', r'entry points?\b'),
                              ('word on what it does not do', r'\b(?:not|no|never|nothing)\b')):
            if not re.search(pattern, text, re.I):
                yield Finding('readme', readme, 1, f'it has no {what}')
