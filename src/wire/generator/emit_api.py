# SPDX-License-Identifier: Apache-2.0
"""Writes the API keys and their table."""

from emit_header import NOTICE


def write_api_enum(apis):
    out = [NOTICE.format(source='schema/*.api') + '#pragma once\n', '#include <cstdint>\n',
           'namespace moldau::wire {\n',
           '/// The live API keys of Kafka 4.3; 4 to 7 are gone for good.',
           'enum class ApiKey : std::int16_t {']
    out += [f'  k{api.name} = {api.key},' for api in apis]
    out += ['};\n', f'inline constexpr std::int16_t kMaxApiKey = {apis[-1].key};\n',
            '}  // namespace moldau::wire']
    return '\n'.join(out) + '\n'


def _flag(given):
    return 'true' if given else 'false'


def write_api_table(apis):
    out = [NOTICE.format(source='schema/*.api'), '#include "wire/api_keys.h"\n',
           'namespace moldau::wire {\n', 'namespace {', '// clang-format off',
           'constexpr ApiSpec kApis[] = {']
    for api in apis:
        request = api.request
        never = 'kNeverFlexible'
        flex = [never if m.flexible.empty else str(m.flexible.low)
                for m in (request, api.response)]
        out.append(
            f'    {{ApiKey::k{api.name}, "{api.name}", {request.valid.low}, {request.stable_high}, '
            f'{request.valid.high}, {flex[0]}, {flex[1]}, {_flag("broker" in api.listeners)}, '
            f'{_flag("controller" in api.listeners)}, {_flag("cluster-action" in api.flags)}, '
            f'{_flag("forwarded" in api.flags)}, {_flag("request" in api.sensitive)}, '
            f'{_flag("response" in api.sensitive)}}},')
    out += ['};', '// clang-format on', '}  // namespace\n',
            'std::span<const ApiSpec> all_apis() { return kApis; }\n',
            'const ApiSpec* find_api(std::int16_t key) {']
    out += ['  constexpr std::int8_t kNone = -1;', '  static constexpr std::int8_t rows[] = {']
    row_of = {api.key: row for row, api in enumerate(apis)}
    cells = [str(row_of.get(key, 'kNone')) for key in range(apis[-1].key + 1)]
    for start in range(0, len(cells), 16):
        out.append('      ' + ', '.join(cells[start:start + 16]) + ',')
    out += ['  };', '  if (key < 0 || key > kMaxApiKey || rows[key] == kNone) return nullptr;',
            '  return &kApis[rows[key]];', '}\n', '}  // namespace moldau::wire']
    return '\n'.join(out) + '\n'
