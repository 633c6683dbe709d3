# SPDX-License-Identifier: Apache-2.0
"""Includes, refused calls, and CMake edges, all judged by src/LAYERS."""

import fnmatch
import re

from layers import STANDARD_HEADERS
from report import Finding


def check_includes(source, layers, known_paths):
    if not source.path.startswith('src/') or not source.is_cpp:
        return
    path = source.path.removeprefix('src/')
    user = layers.folder_of(path)
    if user is None:
        yield Finding('layer', source.path, 1, 'this folder is not in src/LAYERS')
        return
    for line, quote, what in source.includes():
        if quote == '"':
            yield from _own_include(source, layers, user, known_paths, line, what)
        elif what not in STANDARD_HEADERS:
            yield from _foreign_include(source, layers, line, what)


def _own_include(source, layers, user, known_paths, line, what):
    used = layers.folder_of(what)
    if used is None or '..' in what:
        yield Finding('include', source.path, line,
                      f'"{what}" is not a path from src/ (foreign headers go in <>)')
        return
    if known_paths is not None and 'src/' + what not in known_paths and used.name not in (
            'wire', 'config'):
        yield Finding('include', source.path, line, f'"{what}" does not exist')
    reason = layers.may_include(user, used, source.is_test)
    if reason:
        yield Finding('layer', source.path, line, f'"{what}": {reason}')


def _foreign_include(source, layers, line, what):
    places = [p for p in layers.headers if any(fnmatch.fnmatch(what, x) for x in p.patterns)]
    if not places:
        yield Finding('foreign', source.path, line, f'<{what}> is not in src/LAYERS')
    elif not any(place.allows(source) for place in places):
        yield Finding('foreign', source.path, line,
                      f'<{what}> is for {" ".join(places[0].places)} only (src/LAYERS)')


def _call_pattern(name):
    escaped = re.escape(name)
    if name.startswith('::'):
        return rf'(?<![\w>:]){escaped}\s*\('
    if '::' in name:
        return rf'(?<![\w]){escaped}\b'
    return rf'(?<![\w.>])(?<!->){escaped}\s*\('


_BY_ADDRESS = re.compile(r'\bstd::(?:unordered_)?(?:map|set)<\s*[^,<>]*\*')


class Calls:
    """The `call` and `machine` lines, compiled once."""

    def __init__(self, layers):
        self.rules = [(name, re.compile(_call_pattern(name)), place)
                      for place in layers.calls for name in place.patterns]
        self.machine = [(name, re.compile(rf'(?<![\w]){re.escape(name)}\b'))
                        for name in layers.machine]

    def check(self, source):
        if not source.path.startswith('src/') or not source.is_cpp:
            return
        for name, pattern, place in self.rules:
            if place.allows(source):
                continue
            for match in pattern.finditer(source.plain):
                yield Finding('call', source.path, source.line_of(match.start()),
                              f'{name} is for {" ".join(place.places)} only (src/LAYERS)')
        if source.path.startswith('src/machine/') and not source.is_test:
            for name, pattern in self.machine:
                for match in pattern.finditer(source.plain):
                    yield Finding('machine', source.path, source.line_of(match.start()),
                                  f'{name} has no place in a pure machine')
            for match in _BY_ADDRESS.finditer(source.plain):
                yield Finding('machine', source.path, source.line_of(match.start()),
                              'ordered by address: the order would differ between runs')


_LIBRARY = re.compile(r'moldau_library\s*\(([^)]*)\)')


def check_targets(cmake_files, layers):
    """Targets link what LAYERS allows: `cmake_files` maps path to text."""
    owner = {}
    calls = []
    for path, text in cmake_files.items():
        folder = layers.folder_of(path.removeprefix('src/'))
        for match in _LIBRARY.finditer(re.sub(r'#[^\n]*', '', text)):
            words = match.group(1).split()
            if folder and words:
                owner[words[0]] = folder
                calls.append((path, text.count('\n', 0, match.start()) + 1, folder, words[1:]))
    for path, line, folder, words in calls:
        is_test = False
        for word in words:
            if word in ('SOURCES', 'TEST_DEPS'):
                is_test = word == 'TEST_DEPS'
            elif word in owner:
                reason = layers.may_include(folder, owner[word], is_test)
                if reason:
                    yield Finding('layer', path, line, f'links {word}: {reason}')
