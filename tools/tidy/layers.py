# SPDX-License-Identifier: Apache-2.0
"""src/LAYERS: which folder may include which, and where foreign things may be used."""

import fnmatch
import re
from dataclasses import dataclass, field


@dataclass
class Folder:
    name: str
    floor: int
    purpose: str
    edges: list
    test_edges: list


@dataclass
class Place:
    """Where something is allowed: folders, files, perhaps all tests."""
    patterns: list
    places: list
    tests: bool

    def allows(self, source):
        if self.tests and (source.is_test or not source.path.startswith('src/')):
            return True
        path = source.path.removeprefix('src/')
        return any(p == '*' or path == p or path.startswith(p + '/') for p in self.places)


@dataclass
class Layers:
    folders: dict = field(default_factory=dict)
    opens: list = field(default_factory=list)
    headers: list = field(default_factory=list)
    calls: list = field(default_factory=list)
    machine: list = field(default_factory=list)
    globals: list = field(default_factory=list)

    def folder_of(self, path):
        """The folder of a path below src/, by the longest name that fits."""
        parts = path.split('/')[:-1]
        while parts:
            folder = self.folders.get('/'.join(parts))
            if folder:
                return folder
            parts.pop()
        return None

    def may_include(self, user, used, is_test):
        """None if `user` may include `used`, else the reason against it."""
        if user is used or (is_test and used.name == 'env/fake'):
            return None
        edges = user.edges + (user.test_edges if is_test else [])
        if is_test and any(fnmatch.fnmatch(used.name, e) for e in user.test_edges):
            return None
        if used.floor >= user.floor:
            return f'{used.name} (floor {used.floor}) is not below {user.name} ({user.floor})'
        for name, outside in self.opens:
            if used.name == name:
                if outside and (user.name + '/').startswith(outside + '/'):
                    return f'{name} is not open to {outside}/'
                return None
        if any(fnmatch.fnmatch(used.name, edge) for edge in edges):
            return None
        return f'src/LAYERS does not let {user.name} include {used.name}'


def _place(line):
    left, right = line.split(' in ', 1)
    places = right.split()
    tests = places[-1] == 'tests'
    return Place(left.split(), places[:-1] if tests else places, tests)


_FOLDER = re.compile(
    r'(\S+)\s+(\d+)\s+(.*?)(?:\s*<-\s*(.*?))?(?:\s*;\s*tests\s+(.*))?$')


def parse(text):
    layers = Layers()
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith('#'):
            continue
        word, rest = line.split(None, 1)
        if word == 'folder':
            name, floor, purpose, edges, tests = _FOLDER.match(rest).groups()
            layers.folders[name] = Folder(name, int(floor), purpose, (edges or '').split(),
                                          (tests or '').split())
        elif word == 'open':
            names, _, outside = rest.partition(' outside ')
            layers.opens += [(name, outside) for name in names.split()]
        elif word == 'header':
            layers.headers.append(_place(rest))
        elif word == 'call':
            layers.calls.append(_place(rest))
        elif word == 'machine':
            layers.machine += rest.split()
        elif word == 'global':
            layers.globals += rest.split()
        else:
            raise ValueError(f'src/LAYERS:{number}: what is "{word}"?')
    _check(layers)
    return layers


def _check(layers):
    for folder in layers.folders.values():
        for edge in folder.edges:
            if '*' in edge:
                continue
            other = layers.folders.get(edge)
            if other is None:
                raise ValueError(f'src/LAYERS: {folder.name} names unknown folder {edge}')
            if other.floor >= folder.floor:
                raise ValueError(f'src/LAYERS: {folder.name} points up to {edge}')


STANDARD_HEADERS = frozenset('''
algorithm any array bit bitset cassert cctype cfenv cfloat charconv chrono cinttypes climits cmath
compare complex concepts cstdarg cstddef cstdint ctime cwchar cwctype deque exception execution
forward_list functional initializer_list iomanip ios iosfwd istream iterator limits list locale map
memory memory_resource new numbers numeric optional ostream queue ranges ratio regex set
source_location span sstream stack stdexcept streambuf string string_view system_error tuple
type_traits typeindex typeinfo unordered_map unordered_set utility valarray variant vector version
'''.split())
