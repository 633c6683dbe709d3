# SPDX-License-Identifier: Apache-2.0
"""Writes the C++ of all messages from the notation.

generate.py --schema DIR --out DIR [--list] [--parts N]
  --list   prints the files that would be written (for CMake) instead
"""

import argparse
import sys
from pathlib import Path

from emit_api import write_api_enum, write_api_table
from emit_code import write_code
from emit_header import NOTICE, header_name, write_header
from emit_random import write_random, write_random_table
from notation import NotationError, read_schema


def split(messages, parts):
    """Even parts, by size, in the order of the names: an edit rebuilds few of them."""
    rows = sorted((m.name, m) for m in messages)
    weights = [(m, len(write_code(m))) for _, m in rows]
    total = sum(w for _, w in weights)
    out = [[] for _ in range(parts)]
    done = 0
    for message, weight in weights:
        out[min(parts - 1, done * parts // total)].append(message)
        done += weight
    return out


def code_part(messages, emit, include):
    out = [NOTICE.format(source=', '.join(sorted({'schema/' + m.source for m in messages})[:1])
                         + ' and others')]
    out += [f'#include "{header_name(m)}"' for m in messages]
    out += [f'#include "{name}"' for name in include]
    out.append('\nnamespace moldau::wire {\n')
    out += [emit(m) for m in messages]
    out.append('}  // namespace moldau::wire')
    return '\n'.join(out) + '\n'


def outputs(schema, parts):
    """File name → function that gives its text."""
    apis, messages = read_schema(schema)
    files = {}
    for message in messages:
        files[header_name(message)] = lambda m=message: write_header(m)
    for number, group in enumerate(split(messages, parts)):
        files[f'wire/messages_{number:02}.cc'] = (
            lambda g=group: code_part(g, write_code, ['wire/codec.h']))
        files[f'wire/random_{number:02}.cc'] = (
            lambda g=group: code_part(g, write_random, ['wire/random_codec.h']))
    files['wire/random_table.cc'] = lambda: write_random_table(messages)
    files['wire/api_key_enum.h'] = lambda: write_api_enum(apis)
    files['wire/api_table.cc'] = lambda: write_api_table(apis)
    return files


def main():
    options = argparse.ArgumentParser()
    options.add_argument('--schema', required=True)
    options.add_argument('--out', required=True)
    options.add_argument('--parts', type=int, default=12)
    options.add_argument('--list', action='store_true')
    given = options.parse_args()
    try:
        files = outputs(given.schema, given.parts)
    except NotationError as error:
        sys.exit(f'notation: {error}')
    for name, text in files.items():
        path = Path(given.out) / name
        if given.list:
            print(path)
            continue
        new = text()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding='utf-8') != new:
            path.write_text(new, encoding='utf-8')
    if not given.list:
        (Path(given.out) / 'wire/generated.stamp').touch()


if __name__ == '__main__':
    main()
