# SPDX-License-Identifier: Apache-2.0
"""The table as text, JSON and a picture."""

import json

from .plot import svg

HEAD = ('what', 'unit', 'moldau', 'apache', 'ratio', 'bar', '', 'toy', '× toy')


def number(value):
    if value is None:
        return '–'
    if value == 0:
        return '0'
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f'{value:,.{digits}f}'


def with_spread(one):
    if one is None:
        return '–'
    if one['runs'] == 1 or one['min'] == one['max']:
        return number(one['median'])
    return f'{number(one["median"])} ({number(one["min"])}–{number(one["max"])})'


def bar_text(row):
    parts = []
    if row['bar'] is not None:
        parts.append(f'{"≥" if row["more_is_better"] else "≤"} {row["bar"]:.3g}')
    if row['bar_absolute'] is not None:
        parts.append(f'≤ {row["bar_absolute"]:g} {row["unit"]}')
    return ', '.join(parts)


def table(rows):
    lines = [HEAD]
    for row in rows:
        toy = row['toy']['median'] if row['toy'] else None
        limit = row['times_the_limit']
        lines.append((row['what'], row['unit'], with_spread(row['moldau']),
                      with_spread(row['apache']), number(row['ratio']), bar_text(row),
                      row['verdict'], number(toy), number(limit)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    text = []
    for line in lines:
        cells = [cell.ljust(width) if i < 2 or i in (5, 6) else cell.rjust(width)
                 for i, (cell, width) in enumerate(zip(line, widths))]
        text.append('  '.join(cells).rstrip())
    text.insert(1, '-' * max(map(len, text)))
    return '\n'.join(text)


def write(folder, facts, rows, bench):
    """bench.txt, bench.json and bench.svg in `folder`; the text is returned."""
    folder.mkdir(parents=True, exist_ok=True)
    judged = [row for row in rows if row['verdict']]
    met = sum(row['verdict'] == 'met' for row in judged)
    text = '\n'.join([f'{key}: {value}' for key, value in facts.items()] + [
        'medians (least–most) of the runs; ratio: moldau ÷ apache; × toy: moldau ÷ toy', '',
        table(rows), '', f'{met} of {len(judged)} bars met', *bench.notes]) + '\n'
    (folder / 'bench.txt').write_text(text, encoding='utf-8')
    (folder / 'bench.svg').write_text(svg(rows), encoding='utf-8')
    (folder / 'bench.json').write_text(json.dumps(
        {'facts': facts, 'rows': rows, 'samples': bench.samples, 'notes': bench.notes,
         'seconds': bench.seconds}, indent=1, ensure_ascii=False) + '\n', encoding='utf-8')
    return text
