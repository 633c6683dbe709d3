# SPDX-License-Identifier: Apache-2.0
"""What the C++ writers need to know about a message beyond its notation."""

import re

from notation import OPEN, SCALARS, Versions

CPP_SCALARS = {
    'bool': 'bool', 'int8': 'std::int8_t', 'int16': 'std::int16_t', 'uint16': 'std::uint16_t',
    'int32': 'std::int32_t', 'uint32': 'std::uint32_t', 'int64': 'std::int64_t',
    'float64': 'double', 'uuid': 'Uuid',
}
CPP_VARIABLE = {'string': 'Text', 'bytes': 'Bytes', 'records': 'Records'}
READER_CALLS = {
    'bool': 'boolean', 'int8': 'int8', 'int16': 'int16', 'uint16': 'uint16', 'int32': 'int32',
    'uint32': 'uint32', 'int64': 'int64', 'float64': 'float64', 'uuid': 'uuid',
    'string': 'text', 'bytes': 'bytes', 'records': 'records',
}
# Members of every generated struct, and words of C++, that a field may be called in Kafka.
TAKEN = {
    'size', 'read', 'decode', 'encode', 'representable', 'default', 'operator', 'namespace',
    'class', 'struct', 'public', 'private', 'new', 'delete', 'union', 'enum', 'export',
}


def snake(name):
    name = name.replace('KRaft', 'Kraft')
    name = re.sub(r'([a-z0-9])([A-Z])', r'\1_\2', name)
    name = re.sub(r'([A-Z]+)([A-Z][a-z])', r'\1_\2', name)
    return name.lower()


def member(field):
    name = snake(field.name)
    return name + '_' if name in TAKEN else name


def is_optional(field):
    """Arrays and structs that may be null; strings and bytes carry their own null."""
    return not field.nullable.empty and (field.array or field.is_struct)


def element_type(field):
    return CPP_SCALARS.get(field.type) or CPP_VARIABLE.get(field.type) or field.type


def cpp_type(field):
    inner = element_type(field)
    if field.array:
        inner = f'std::vector<{inner}>'
    return f'std::optional<{inner}>' if is_optional(field) else inner


def number(text):
    return int(text, 0)


def initializer(field):
    """The default member initialiser, with its `=`; empty if the type's own is right."""
    default = field.default
    if field.array:
        if default not in (None, 'null'):
            raise ValueError(f'default of the array {field.name}')
        return ' = ' + cpp_type(field)[14:-1] + '()' if is_optional(field) and not default else ''
    if field.is_struct:
        return f' = {field.type}()' if is_optional(field) and not default else ''
    if field.type == 'string':
        if default == 'null':
            return ' = Text::null()'
        return f' = Text("{default}")' if default else ''
    if field.type == 'bytes':
        return ' = Bytes::null()' if default == 'null' else ''
    if field.type in ('records', 'uuid'):
        return ''
    if field.type == 'bool':
        return ' = true' if default == 'true' else ' = false'
    if field.type == 'float64':
        return f' = {float(default or 0)}'
    return ' = ' + integer(field)


def integer(field):
    value = number(field.default or '0')
    if value == -2**63:
        return 'INT64_MIN'
    if value == -2**31:
        return 'INT32_MIN'
    return f'{value}LL' if abs(value) >= 2**31 else str(value)


def non_default(field):
    """An expression that is true if the field differs from its default."""
    name = member(field)
    null = field.default == 'null'
    if field.array:
        if is_optional(field):
            return f'{name}.has_value()' if null else f'(!{name} || !{name}->empty())'
        return f'!{name}.empty()'
    if field.is_struct:
        if is_optional(field):
            return f'{name}.has_value()' if null else f'!({name} && *{name} == {field.type}())'
        return f'!({name} == {field.type}())'
    if field.type == 'string':
        if not null and field.default:
            return f'!({name} == "{field.default}")'
        return f'!{name}.is_null()' if null else f'!{name}.is_empty()'
    if field.type == 'bytes':
        return f'!{name}.is_null()' if null else f'!{name}.is_empty()'
    if field.type == 'records':
        return f'!{name}.is_null()'
    if field.type == 'uuid':
        return f'!{name}.is_zero()'
    if field.type == 'bool':
        return f'!{name}' if field.default == 'true' else name
    if field.type == 'float64':
        return f'{name} != {float(field.default or 0)}'
    return f'{name} != {integer(field)}'


def condition(versions, context):
    """C++ for `version is one of these`, given that it lies in the context."""
    met = versions.meet(context)
    if met.empty:
        return 'false'
    parts = []
    if met.low > context.low:
        parts.append(f'v >= {met.low}')
    if met.high < context.high:
        parts.append(f'v <= {met.high}')
    if len(parts) == 2 and met.low == met.high:
        return f'v == {met.low}'
    return ' && '.join(parts) or 'true'


def untagged(field):
    """The versions in which the field has its place in the row."""
    if field.tag is None:
        return field.versions
    return (Versions(field.versions.low, field.tagged.low - 1)
            if field.tagged.low > field.versions.low else Versions())


class StructView:
    """One struct of a message together with the versions that can reach it."""

    def __init__(self, message, name, fields, context):
        self.message = message
        self.name = name
        self.fields = fields
        self.context = context

    def flexible(self, field):
        return self.message.flexible if field.flexible is None else field.flexible

    def label(self, field):
        return f'"{self.name}.{field.name}"'

    @property
    def tagged(self):
        return sorted((f for f in self.fields
                       if f.tag is not None and not f.tagged.meet(self.context).empty),
                      key=lambda f: f.tag)

    @property
    def is_plain(self):
        """All members are numbers: constructors may stay in the header."""
        return all(f.type in SCALARS and not f.array for f in self.fields)


def views(message):
    """All structs, children first, the message itself last."""
    reach = {}

    def walk(fields, context):
        for field in fields:
            if not field.is_struct:
                continue
            inner = field.fields or message.structs[field.type].fields
            met = field.versions.meet(context)
            if field.type in reach and not met.empty:
                old = reach[field.type]
                met = old if met.empty else Versions(min(old.low, met.low), max(old.high, met.high))
                if old.empty:
                    met = field.versions.meet(context)
            reach[field.type] = met
            walk(inner, met)

    walk(message.fields, message.valid)
    out = [StructView(message, s.name, s.fields, reach[s.name]) for s in message.structs.values()]
    return out + [StructView(message, message.name, message.fields, message.valid)]


def min_size(message, fields, version):
    """The fewest bytes that these fields take in a version."""
    total = 1 if version in message.flexible else 0
    for field in fields:
        if version in untagged(field):
            total += _min_field(message, field, version)
    return total


def _min_field(message, field, version):
    flexible = message.flexible if field.flexible is None else field.flexible
    if field.array:
        return 1 if version in flexible else 4
    if field.type in SCALARS:
        return SCALARS[field.type]
    if field.type == 'string':
        return 1 if version in flexible else 2
    if field.type in ('bytes', 'records'):
        return 1 if version in flexible else 4
    if version in field.nullable:
        return 1
    return min_size(message, field.fields or message.structs[field.type].fields, version)


def min_element(view, field):
    """The fewest bytes of one element of an array, over all versions; at least 1."""
    message = view.message
    context = field.versions.meet(view.context)
    if context.empty:
        return 1
    sizes = []
    for version in range(context.low, min(context.high, OPEN) + 1):
        if field.type in SCALARS:
            sizes.append(SCALARS[field.type])
        elif field.is_struct:
            inner = field.fields or message.structs[field.type].fields
            sizes.append(min_size(message, inner, version))
        else:
            wide = 2 if field.type == 'string' else 4
            sizes.append(1 if version in view.flexible(field) else wide)
    return max(1, min(sizes))
