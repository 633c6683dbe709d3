# SPDX-License-Identifier: Apache-2.0
"""Reads the protocol notation (docs/protocol-notation.md) into a tree of messages."""

import re
from dataclasses import dataclass, field as dc_field
from pathlib import Path

OPEN = 32767
SCALARS = {
    'bool': 1, 'int8': 1, 'int16': 2, 'uint16': 2, 'int32': 4, 'uint32': 4, 'int64': 8,
    'float64': 8, 'uuid': 16,
}
VARIABLE = ('string', 'bytes', 'records')
ENTITIES = ('brokerId', 'groupId', 'producerId', 'topicName', 'transactionalId', 'unknown')
KINDS = ('metadata', 'key', 'value', 'data', 'header')
_VERSIONS = re.compile(r'^(\d+)(\+|-(\d+))?$')
_NAME = re.compile(r'^[A-Za-z][A-Za-z0-9]*$')


class NotationError(Exception):
    """A line that the notation does not allow."""


@dataclass(frozen=True)
class Versions:
    """A closed range; empty if low > high."""
    low: int = 1
    high: int = 0

    @staticmethod
    def parse(text):
        if text == 'none':
            return Versions()
        match = _VERSIONS.match(text)
        if not match:
            raise NotationError(f'"{text}" is no range of versions')
        low = int(match.group(1))
        high = OPEN if match.group(2) == '+' else int(match.group(3) or low)
        if high < low:
            raise NotationError(f'"{text}" ends before it begins')
        return Versions(low, high)

    @property
    def empty(self):
        return self.low > self.high

    def meet(self, other):
        met = Versions(max(self.low, other.low), min(self.high, other.high))
        return Versions() if met.empty else met

    def holds(self, other):
        return other.empty or (self.low <= other.low and other.high <= self.high)

    def __contains__(self, version):
        return self.low <= version <= self.high

    def __str__(self):
        if self.empty:
            return 'none'
        if self.high == OPEN:
            return f'{self.low}+'
        return str(self.low) if self.low == self.high else f'{self.low}-{self.high}'


ALL = Versions(0, OPEN)


@dataclass
class Field:
    name: str
    type: str                 # without [] and ?
    array: bool
    versions: Versions
    nullable: Versions
    tag: int | None = None
    tagged: Versions = Versions()
    default: str | None = None
    flexible: Versions | None = None    # overrides the message's
    map_key: bool = False
    ignorable: bool = False
    entity: str | None = None
    fields: list = dc_field(default_factory=list)
    line: int = 0

    @property
    def is_struct(self):
        return self.type not in SCALARS and self.type not in VARIABLE


@dataclass
class Struct:
    name: str
    versions: Versions
    fields: list
    common: bool = False


@dataclass
class Message:
    name: str
    kind: str                 # request, response or one of KINDS
    key: int | None           # API key or type of record
    valid: Versions
    flexible: Versions
    unstable: bool            # the last version is not yet promised
    fields: list = dc_field(default_factory=list)
    structs: dict = dc_field(default_factory=dict)     # in the order in which C++ needs them
    source: str = ''

    @property
    def stable_high(self):
        return self.valid.high - 1 if self.unstable else self.valid.high


@dataclass
class Api:
    key: int
    name: str
    listeners: list
    flags: list
    sensitive: list
    request: Message | None = None
    response: Message | None = None


def read_schema(folder):
    """All APIs (by key) and all messages (by file and place) of a folder of notation files."""
    apis, messages, names = [], [], {}
    for path in sorted(Path(folder).rglob('*')):
        if path.suffix not in ('.api', '.rec'):
            continue
        api, found = _File(path, path.relative_to(folder).as_posix()).read()
        if api:
            apis.append(api)
        for message in found:
            if message.name in names:
                raise NotationError(f'{message.name} is in {names[message.name]} and {path}')
            names[message.name] = path
        messages += found
    return sorted(apis, key=lambda a: a.key), messages


class _File:
    def __init__(self, path, name):
        self.name = name
        self.api = None
        self.messages = []
        self.lines = []
        for number, text in enumerate(path.read_text(encoding='utf-8').split('\n'), 1):
            text = text.split('#', 1)[0].rstrip()
            if text:
                self.lines.append((number, len(text) - len(text.lstrip()), text.split()))
        self.at = 0

    def fail(self, number, why):
        raise NotationError(f'{self.name}:{number}: {why}')

    def read(self):
        while self.at < len(self.lines):
            number, indent, words = self.lines[self.at]
            self.at += 1
            try:
                self._section(number, indent, words)
            except NotationError as error:
                if str(error).startswith(self.name):
                    raise
                self.fail(number, error)
        if self.name.endswith('.api'):
            if not (self.api and self.api.request and self.api.response):
                self.fail(0, 'an API needs a request and a response')
            if self.api.request.valid != self.api.response.valid:
                self.fail(0, 'request and response differ in their versions')
        for message in self.messages:
            _resolve(message, self.name)
        return self.api, self.messages

    def _section(self, number, indent, words):
        head = words[0]
        if indent:
            self.fail(number, 'a field outside of a message')
        if head == 'api' and len(words) == 3 and not self.api:
            self.api = Api(int(words[1]), words[2], [], [], [])
        elif head in ('listeners', 'flags', 'sensitive') and self.api:
            setattr(self.api, head, words[1:])
        elif head in ('request', 'response') and self.api:
            name = self.api.name + head.capitalize()
            message = self._message(name, head, self.api.key, words[1:])
            setattr(self.api, head, message)
        elif head in KINDS and not self.api:
            key = int(words.pop(1)) if head in ('metadata', 'key', 'value') else None
            self._message(words[1], head, key, words[2:])
        else:
            self.fail(number, f'"{head}" is not expected here')

    def _message(self, name, kind, key, words):
        valid = Versions.parse(words[0])
        if valid.high == OPEN:
            raise NotationError('a message has a last version')
        flexible = Versions()
        rest = words[1:]
        if rest[:1] == ['flexible']:
            flexible = Versions.parse(rest[1])
            rest = rest[2:]
        unstable = rest == ['unstable']
        if rest and not unstable:
            raise NotationError(f'"{rest[0]}" is not expected here')
        message = Message(name, kind, key, valid, flexible, unstable, source=self.name)
        message.fields = self._fields(0, message)
        self.messages.append(message)
        return message

    def _fields(self, outer, message):
        """The lines that are indented deeper than `outer`, all by the same amount."""
        found = []
        depth = None
        while self.at < len(self.lines) and self.lines[self.at][1] > outer:
            number, indent, words = self.lines[self.at]
            depth = depth or indent
            if indent != depth:
                self.fail(number, 'indented unlike its neighbours')
            self.at += 1
            try:
                if words[0] == 'struct' and outer == 0:
                    self._common(indent, words, message)
                    continue
                one = _field(words, number)
            except (NotationError, IndexError, ValueError) as error:
                if str(error).startswith(self.name):
                    raise
                self.fail(number, error)
            one.fields = self._fields(indent, message)
            if any(other.name.lower() == one.name.lower() for other in found):
                self.fail(number, f'{one.name} is there twice')
            found.append(one)
        return found

    def _common(self, indent, words, message):
        versions = Versions.parse(words[2]) if len(words) > 2 else ALL
        fields = self._fields(indent, message)
        if words[1] in message.structs:
            raise NotationError(f'struct {words[1]} is there twice')
        message.structs[words[1]] = Struct(words[1], versions, fields, common=True)


def _field(words, number):
    name, kind = words[0], words[1]
    if not _NAME.match(name):
        raise NotationError(f'"{name}" is no name')
    array = kind.startswith('[]')
    kind = kind.removeprefix('[]')
    nullable = None
    if '?' in kind:
        kind, nullable = kind.split('?')
    if not _NAME.match(kind):
        raise NotationError(f'"{kind}" is no type')
    rest = list(words[2:])
    versions = Versions.parse(rest.pop(0)) if rest and _VERSIONS.match(rest[0]) else ALL
    one = Field(name, kind, array, versions, Versions(), line=number)
    if nullable is not None:
        one.nullable = Versions.parse(nullable) if nullable else versions
        if not array and kind in SCALARS:
            raise NotationError(f'{kind} cannot be null')
    while rest:
        _attribute(one, rest)
    if one.tag is not None and not versions.holds(one.tagged):
        raise NotationError('tagged where it does not exist')
    return one


def _attribute(one, rest):
    word = rest.pop(0)
    if word == 'tag':
        number, _, where = rest.pop(0).partition('@')
        one.tag = int(number)
        one.tagged = Versions.parse(where) if where else one.versions
    elif word == '=':
        one.default = rest.pop(0)
    elif word == 'flexible':
        one.flexible = Versions.parse(rest.pop(0))
    elif word == 'key':
        one.map_key = True
    elif word == 'ignorable':
        one.ignorable = True
    elif word == 'entity':
        one.entity = rest.pop(0)
        if one.entity not in ENTITIES:
            raise NotationError(f'"{one.entity}" is no entity')
    else:
        raise NotationError(f'"{word}" is not expected here')


def _resolve(message, where):
    """Collects the structs, children first, and checks that every type exists."""
    common = message.structs
    ordered = {}
    busy = set()

    def visit(name, versions, fields, is_common):
        if name in busy:
            raise NotationError(f'{where}: struct {name} contains itself')
        if name in ordered:
            raise NotationError(f'{where}: struct {name} is there twice')
        busy.add(name)
        walk(fields)
        busy.discard(name)
        ordered[name] = Struct(name, versions, fields, is_common)

    def walk(fields):
        tags = sorted(f.tag for f in fields if f.tag is not None)
        if tags != list(range(len(tags))) and len(set(tags)) != len(tags):
            raise NotationError(f'{where}: {message.name}: a tag is there twice')
        for one in fields:
            if not one.is_struct:
                if one.fields:
                    raise NotationError(f'{where}:{one.line}: {one.type} has no fields')
            elif one.fields:
                visit(one.type, one.versions, one.fields, False)
            elif one.type not in ordered:
                if one.type not in common:
                    raise NotationError(f'{where}:{one.line}: type {one.type} is unknown')
                visit(one.type, common[one.type].versions, common[one.type].fields, True)
            flexible = message.flexible if one.flexible is None else one.flexible
            if not flexible.holds(one.tagged.meet(message.valid)):
                raise NotationError(f'{where}:{one.line}: tagged in a version that is not flexible')

    walk(message.fields)
    for name in common:
        if name not in ordered:
            raise NotationError(f'{where}: struct {name} is not used')
    message.structs = ordered
