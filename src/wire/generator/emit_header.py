# SPDX-License-Identifier: Apache-2.0
"""Writes the header of one message."""

from model import cpp_type, initializer, member, snake, views

NOTICE = '// SPDX-License-Identifier: Apache-2.0\n// Generated from {source}; do not edit.\n'


def header_name(message):
    return f'wire/{snake(message.name)}.h'


def write_header(message):
    out = [NOTICE.format(source='schema/' + message.source) + '#pragma once\n']
    out.append('#include "wire/message.h"\n')
    out.append('namespace moldau::wire {\n')
    *nested, top = views(message)
    out.append(_comment(message))
    out.append(f'struct {message.name} {{')
    out += _constants(message)
    for view in nested:
        out.append('')
        out.append(f'  struct {view.name} {{')
        out += _members(view, '    ')
        out.append('')
        out += _methods(view, '    ', False)
        out.append('  };')
    out.append('')
    out += _members(top, '  ')
    out.append('')
    out += _methods(top, '  ', True)
    out.append('};\n')
    out.append('}  // namespace moldau::wire')
    return '\n'.join(out) + '\n'


def _comment(message):
    known = {'request': 'request', 'response': 'response', 'metadata': 'record',
             'key': 'record key', 'value': 'record value', 'data': 'embedded message',
             'header': 'header'}
    text = f'/// Kafka {known[message.kind]}, versions {message.valid}'
    if message.unstable:
        text += ' (the last is unstable)'
    return text + '.\n/// Thread   a value; what it views must outlive it.'


def _constants(message):
    out = []
    if message.kind in ('request', 'response'):
        out.append(f'  static constexpr std::int16_t kApiKey = {message.key};')
    elif message.key is not None:
        out.append(f'  static constexpr std::int16_t kRecordType = {message.key};')
    flexible = 'kNeverFlexible' if message.flexible.empty else message.flexible.low
    out += [
        f'  static constexpr std::string_view kName = "{message.name}";',
        f'  static constexpr std::int16_t kMinVersion = {message.valid.low};',
        f'  static constexpr std::int16_t kMaxVersion = {message.stable_high};',
        f'  static constexpr std::int16_t kMaxVersionUnstable = {message.valid.high};',
        f'  static constexpr std::int16_t kFlexibleSince = {flexible};',
    ]
    return out


def _members(view, indent):
    out = []
    for field in view.fields:
        line = f'{indent}{cpp_type(field)} {member(field)}{initializer(field)};'
        if not field.versions.holds(view.message.valid):
            line += f'  // {field.versions}'
        out.append(line)
    return out


def _methods(view, indent, top):
    name = view.name
    inline = ' = default' if view.is_plain else ''
    out = [
        f'{name}(){inline};',
        f'{name}(const {name}&){inline};',
        f'{name}({name}&&) noexcept{inline};',
        f'{name}& operator=(const {name}&){inline};',
        f'{name}& operator=({name}&&) noexcept{inline};',
        f'~{name}(){inline};',
        f'bool operator==(const {name}& other) const;',
    ]
    if top:
        out.append('Result<void> decode(Reader& reader, std::int16_t version);')
    out += [
        'std::size_t size(std::int16_t version) const;',
        'void encode(Writer& writer, std::int16_t version) const;',
        'bool representable(std::int16_t version) const;',
        'void read(Reader& reader, std::int16_t version);',
    ]
    return [indent + line for line in out]
