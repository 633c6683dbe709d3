# SPDX-License-Identifier: Apache-2.0
"""Writes the test library: random values of every message, and a table to reach them by name."""

from emit_header import NOTICE
from model import condition, member, views


def write_random(message):
    out = []
    for view in views(message):
        qualified = view.name if view.name == message.name else f'{message.name}::{view.name}'
        out.append(f'static void randomize({qualified}& m, Dice& d, std::int16_t v) {{')
        out.append('  (void)m, (void)d, (void)v;')
        for field in view.fields:
            when = condition(field.versions, view.context)
            if when == 'false':
                continue
            nullable = condition(field.nullable, field.versions.meet(view.context))
            fill = f'fill(m.{member(field)}, d, v, {nullable});'
            tests = [when] if when != 'true' else []
            if field.tag is not None:
                tests.append('d.coin()')
            out.append(f'  if ({" && ".join(tests)}) {fill}' if tests else f'  {fill}')
        out.append('}')
    out.append(f'extern const MessageCase {_case(message)};')
    key = -1 if message.key is None else message.key
    out.append(f'const MessageCase {_case(message)} = '
               f'make_case<{message.name}>("{message.kind}", {key});')
    return '\n'.join(out) + '\n'


def _case(message):
    return 'kCaseOf' + message.name


def write_random_table(messages):
    """The table of all messages."""
    out = [NOTICE.format(source='all of schema/'), '#include "wire/random_codec.h"\n',
           'namespace moldau::wire {\n']
    names = sorted(messages, key=lambda m: m.name)
    out += [f'extern const MessageCase {_case(m)};' for m in names]
    out.append('\nstd::span<const MessageCase* const> all_message_cases() {')
    out.append('  static const MessageCase* const all[] = {')
    out += [f'      &{_case(m)},' for m in names]
    out += ['  };', '  return all;', '}\n', '}  // namespace moldau::wire']
    return '\n'.join(out) + '\n'
