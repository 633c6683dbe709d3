# SPDX-License-Identifier: Apache-2.0
"""Compares our notation with the schemas inside Apache Kafka's jars, fact by fact.

compare_schemas.py LIB     LIB: the folder with the jars; exit code 1 if anything differs
"""

import json
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.dont_write_bytecode = True
sys.path.insert(0, str(ROOT / 'src/wire/generator'))

from notation import Versions, read_schema  # noqa: E402

KINDS = {'coordinator-key': 'key', 'coordinator-value': 'value'}


def uncomment(text):
    """JSON without // and /* */ comments; strings stay as they are."""
    pattern = r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/'
    return re.sub(pattern, lambda m: m.group(0) if m.group(0)[0] == '"' else '', text, flags=re.S)


def read_jars(folder):
    found = {}
    for path in sorted(Path(folder).glob('kafka-*.jar')):
        with zipfile.ZipFile(path) as jar:
            for name in jar.namelist():
                if not name.endswith('.json'):
                    continue
                schema = json.loads(uncomment(jar.read(name).decode()))
                if schema.get('validVersions', 'none') != 'none':
                    found[schema['name']] = schema
    return found


def default_of(field):
    text = field.get('default')
    if text is None or text == '':
        return None
    text = str(text).lower() if isinstance(text, bool) else str(text)
    if field['type'] == 'bool':
        return None if text == 'false' else text
    if re.fullmatch(r'u?int\d+', field['type']):
        return None if int(text, 0) == 0 else int(text, 0)
    return text


def our_default(field):
    if field.default is not None and re.fullmatch(r'u?int\d+', field.type) and not field.array:
        return int(field.default, 0)
    return field.default


def theirs(field):
    versions = Versions.parse(field.get('versions') or field['taggedVersions'])
    return {
        'name': field['name'], 'type': field['type'], 'versions': str(versions),
        'nullable': str(Versions.parse(field.get('nullableVersions', 'none')).meet(versions)),
        'tag': field.get('tag'), 'tagged': field.get('taggedVersions', 'none'),
        'default': default_of(field), 'flexible': field.get('flexibleVersions'),
        'key': bool(field.get('mapKey')),
        'ignorable': str(field.get('ignorable', False)).lower() == 'true',
        'entity': field.get('entityType'),
    }


def ours(field):
    return {
        'name': field.name, 'type': ('[]' if field.array else '') + field.type,
        'versions': str(field.versions), 'nullable': str(field.nullable), 'tag': field.tag,
        'tagged': str(field.tagged), 'default': our_default(field),
        'flexible': None if field.flexible is None else str(field.flexible),
        'key': field.map_key, 'ignorable': field.ignorable, 'entity': field.entity,
    }


class Comparison:
    def __init__(self):
        self.facts = 0
        self.wrong = []

    def fact(self, where, mine, other):
        self.facts += 1
        if mine != other:
            self.wrong.append(f'{where}: ours {mine}, Apache {other}')

    def fields(self, where, mine, other):
        self.fact(f'{where} fields', [f.name for f in mine], [f['name'] for f in other])
        for own, foreign in zip(mine, other):
            a, b = ours(own), theirs(foreign)
            for key in a:
                self.fact(f'{where}.{own.name} {key}', a[key], b[key])
            self.fields(f'{where}.{own.name}', own.fields, foreign.get('fields', []))

    def message(self, mine, other):
        where = mine.name
        self.fact(f'{where} kind', mine.kind, KINDS.get(other['type'], other['type']))
        self.fact(f'{where} key', mine.key, other.get('apiKey'))
        self.fact(f'{where} versions', str(mine.valid), other['validVersions'])
        flexible = Versions.parse(other.get('flexibleVersions', 'none'))
        self.fact(f'{where} flexible', str(mine.flexible), str(flexible))
        self.fact(f'{where} unstable', mine.unstable, bool(other.get('latestVersionUnstable')))
        self.fields(where, mine.fields, other.get('fields', []))
        common = {name: s for name, s in mine.structs.items() if s.common}
        foreign = {s['name']: s for s in other.get('commonStructs', [])}
        self.fact(f'{where} structs', sorted(common), sorted(foreign))
        for name in sorted(set(common) & set(foreign)):
            versions = foreign[name].get('versions', '0+')
            self.fact(f'{where} struct {name}', str(common[name].versions), versions)
            self.fields(f'{where} struct {name}', common[name].fields, foreign[name]['fields'])


def main():
    foreign = read_jars(sys.argv[1])
    apis, messages = read_schema(ROOT / 'src/wire/schema')
    mine = {m.name: m for m in messages}
    run = Comparison()
    run.fact('messages', sorted(mine), sorted(foreign))
    for api in apis:
        other = foreign.get(api.request.name, {})
        run.fact(f'{api.name} listeners', api.listeners, other.get('listeners'))
    for name in sorted(set(mine) & set(foreign)):
        run.message(mine[name], foreign[name])
    for line in run.wrong[:50]:
        print(line)
    print(f'{len(set(mine) & set(foreign))} messages, {run.facts} facts, {len(run.wrong)} differ')
    return 1 if run.wrong or not foreign else 0


if __name__ == '__main__':
    sys.exit(main())
