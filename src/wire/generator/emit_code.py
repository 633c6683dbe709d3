# SPDX-License-Identifier: Apache-2.0
"""Writes the functions of one message: decode, size, encode, comparison."""

from model import (READER_CALLS, condition, is_optional, member, min_element, non_default,
                   untagged, views)
from notation import SCALARS


def write_code(message):
    out = []
    for view in views(message):
        qualified = view.name if view.name == message.name else f'{message.name}::{view.name}'
        out += _special_members(view, qualified)
        out += _equality(view, qualified)
        out += _read(view, qualified)
        out += _size(view, qualified)
        out += _encode(view, qualified)
        out += _representable(view, qualified)
    out += _decode(message)
    return '\n'.join(out) + '\n'


class _Lines:
    """Statements under conditions; neighbours under the same one share an `if`."""

    def __init__(self):
        self.rows = []

    def add(self, when, statement):
        if when == 'false':
            return
        if self.rows and self.rows[-1][0] == when:
            self.rows[-1][1].append(statement)
        else:
            self.rows.append((when, [statement]))

    def render(self, indent='  '):
        out = []
        for when, statements in self.rows:
            if when == 'true':
                out += [indent + s for s in statements]
            elif len(statements) == 1 and '{' not in statements[0]:
                out.append(f'{indent}if ({when}) {statements[0]}')
            else:
                out.append(f'{indent}if ({when}) {{')
                out += [indent + '  ' + s for s in statements]
                out.append(indent + '}')
        return out


def _special_members(view, qualified):
    if view.is_plain:
        return []
    name = view.name
    return [
        f'{qualified}::{name}() = default;',
        f'{qualified}::{name}(const {name}&) = default;',
        f'{qualified}::{name}({name}&&) noexcept = default;',
        # By way of a copy: a third of the code of an assignment member by member.
        f'{qualified}& {qualified}::operator=(const {name}& o) {{ return *this = {name}(o); }}',
        f'{qualified}& {qualified}::operator=({name}&&) noexcept = default;',
        f'{qualified}::~{name}() = default;',
    ]


def _equality(view, qualified):
    names = [member(f) for f in view.fields]
    parameter = 'o' if names else ''
    test = ' && '.join(f'{n} == o.{n}' for n in names) or 'true'
    return [f'bool {qualified}::operator==(const {view.name}& {parameter}) const {{',
            f'  return {test};', '}']


def _flex(view, field, context):
    return condition(view.flexible(field), context)


def _read_statement(view, field, context, tagged):
    name = member(field)
    label = view.label(field)
    flexible = 'true' if tagged else _flex(view, field, context)
    nullable = condition(field.nullable, context)
    if field.array:
        least = min_element(view, field)
        return f'read_array(r, v, {flexible}, {nullable}, {least}, {name}, {label});'
    if field.is_struct:
        if is_optional(field):
            how = 'true' if tagged else 'false'
            return f'read_struct(r, v, {nullable}, {how}, {name}, {label});'
        return f'{name}.read(r, v);'
    call = READER_CALLS[field.type]
    if field.type in SCALARS:
        return f'{name} = r.{call}({label});'
    return f'{name} = r.{call}({flexible}, {nullable}, {label});'


def _read(view, qualified):
    lines = _Lines()
    for field in view.fields:
        place = untagged(field).meet(view.context)
        lines.add(condition(place, view.context), _read_statement(view, field, place, False))
    flexible = condition(view.message.flexible, view.context)
    body = lines.render()
    if flexible != 'false':
        tags = []
        for field in view.tagged:
            place = field.tagged.meet(view.context)
            when = condition(field.tagged, view.context.meet(view.message.flexible))
            refuse = '' if when == 'true' else f'if (!({when})) r.refuse_tag({view.label(field)}); '
            tags.append(f'case {field.tag}: {refuse}'
                        f'{_read_statement(view, field, place, True)} break;')
        if tags:
            block = ['for (auto tags = r.tag_count(); tags > 0 && r.ok(); --tags) {',
                     '  const auto tag = r.tag();', '  switch (tag.number) {']
            block += ['    ' + t for t in tags]
            block += ['    default: r.skip_tag(tag);', '  }', '}']
        else:
            block = ['r.skip_tags();']
        if flexible != 'true':
            block = [f'if ({flexible}) {{'] + ['  ' + b for b in block] + ['}']
        body += ['  ' + b for b in block]
    return _function(f'void {qualified}::read(Reader& r, std::int16_t v)', body)


def _function(head, body):
    """Leaves unused parameters without a name."""
    import re
    text = '\n'.join(body)
    for name in ('r', 'w', 'v'):
        if not re.search(rf'\b{name}\b', text):
            head = re.sub(rf'( |&){name}([,)])', lambda m: m.group(1).replace(' ', '') + m.group(2),
                          head)
    return [head + ' {'] + body + ['}']


def _size_expression(view, field, context, tagged):
    """C++ for the bytes that the value of a field takes, or an int."""
    name = member(field)
    flexible = 'true' if tagged else _flex(view, field, context)
    if field.array:
        return f'array_size({name}, v, {flexible})'
    if field.type in SCALARS:
        return SCALARS[field.type]
    if field.is_struct:
        if is_optional(field):
            nullable = condition(field.nullable, context)
            return f'struct_size({name}, v, {nullable})'
        return f'{name}.size(v)'
    return f'{READER_CALLS[field.type]}_size({name}, {flexible})'


def _size(view, qualified):
    constants, variable = {}, {}
    for field in view.fields:
        place = untagged(field).meet(view.context)
        when = condition(place, view.context)
        if when == 'false':
            continue
        size = _size_expression(view, field, place, False)
        if isinstance(size, int):
            constants[when] = constants.get(when, 0) + size
        else:
            variable.setdefault(when, []).append(f'n += {size};')
    flexible = condition(view.message.flexible, view.context)
    if flexible != 'false':
        constants[flexible] = constants.get(flexible, 0) + 1
    for field in view.tagged:
        place = field.tagged.meet(view.context)
        when = condition(field.tagged, view.context)
        size = _size_expression(view, field, place, True)
        variable.setdefault(when, []).append(
            f'if ({non_default(field)}) n += tagged_size({field.tag}, {size});')
    body = [f'  std::size_t n = {constants.pop("true", 0)};']
    for when, size in constants.items():
        body.append(f'  if ({when}) n += {size};')
    for when, statements in variable.items():
        if when == 'true':
            body += ['  ' + s for s in statements]
        else:
            body += [f'  if ({when}) {{'] + ['    ' + s for s in statements] + ['  }']
    body.append('  return n;')
    return _function(f'std::size_t {qualified}::size(std::int16_t v) const', body)


def _write_statement(view, field, context, tagged):
    name = member(field)
    flexible = 'true' if tagged else _flex(view, field, context)
    nullable = condition(field.nullable, context)
    if field.array:
        return f'write_array(w, v, {flexible}, {nullable}, {name});'
    if field.is_struct:
        if is_optional(field):
            how = 'true' if tagged else 'false'
            return f'write_struct(w, v, {nullable}, {how}, {name});'
        return f'{name}.encode(w, v);'
    call = READER_CALLS[field.type]
    if field.type in SCALARS:
        return f'w.{call}({name});'
    return f'w.{call}({name}, {flexible}, {nullable});'


def _encode(view, qualified):
    lines = _Lines()
    for field in view.fields:
        place = untagged(field).meet(view.context)
        lines.add(condition(place, view.context), _write_statement(view, field, place, False))
    body = lines.render()
    if view.name == view.message.name:
        body.insert(0, '  MOLDAU_CHECK(v >= kMinVersion && v <= kMaxVersionUnstable, kName);')
    flexible = condition(view.message.flexible, view.context)
    if flexible != 'false':
        block = _encode_tags(view)
        if flexible != 'true':
            block = [f'if ({flexible}) {{'] + ['  ' + b for b in block] + ['}']
        body += ['  ' + b for b in block]
    return _function(f'void {qualified}::encode(Writer& w, std::int16_t v) const', body)


def _encode_tags(view):
    if not view.tagged:
        return ['w.uvarint(0);']
    within = view.context.meet(view.message.flexible)
    block = []
    for field in view.tagged:
        when = condition(field.tagged, within)
        test = non_default(field)
        block.append(f'const bool t{field.tag} = '
                     + (test if when == 'true' else f'{when} && {test}') + ';')
    block.append('w.uvarint(' + ' + '.join(f'std::uint32_t{{t{f.tag}}}' for f in view.tagged)
                 + ');')
    for field in view.tagged:
        place = field.tagged.meet(view.context)
        size = _size_expression(view, field, place, True)
        block += [f'if (t{field.tag}) {{', f'  w.tag({field.tag}, {size});',
                  '  ' + _write_statement(view, field, place, True), '}']
    return block


def _representable(view, qualified):
    lines = _Lines()
    for field in view.fields:
        name = member(field)
        absent = condition(field.versions, view.context)
        if absent != 'true' and not field.ignorable:
            test = non_default(field)
            lines.add('true', f'if ({test}) return false;' if absent == 'false' else
                      f'if (!({absent}) && {test}) return false;')
        if field.type in SCALARS and not is_optional(field):
            continue
        nullable = condition(field.nullable, field.versions.meet(view.context))
        lines.add(absent, f'if (!fits({name}, v, {nullable})) return false;')
    body = lines.render() + ['  return true;']
    return _function(f'bool {qualified}::representable(std::int16_t v) const', body)


def _decode(message):
    name = message.name
    return [
        f'Result<void> {name}::decode(Reader& r, std::int16_t v) {{',
        '  if (v < kMinVersion || v > kMaxVersionUnstable) return unsupported_version(kName, v);',
        f'  *this = {name}();',
        '  read(r, v);',
        '  return r.status(kName, v);',
        '}',
    ]
