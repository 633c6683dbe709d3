# SPDX-License-Identifier: Apache-2.0
"""One picture: for each row with a bar, our share of Apache's figure, and the bar as a line."""

import math
from html import escape

LEFT, WIDTH, LINE, RIGHT = 400, 520, 24, 90
LEAST, MOST = 0.005, 4.0


def place(ratio):
    """The logarithmic axis."""
    inside = min(MOST, max(LEAST, ratio))
    return LEFT + WIDTH * math.log(inside / LEAST) / math.log(MOST / LEAST)


def text(x, y, content, anchor='start', color='#222'):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{color}">'
            f'{escape(content)}</text>')


def line(x, y0, y1, color, width):
    return (f'<line x1="{x:.1f}" y1="{y0:.1f}" x2="{x:.1f}" y2="{y1:.1f}" stroke="{color}" '
            f'stroke-width="{width}"/>')


def svg(rows):
    rows = [row for row in rows if row['ratio'] is not None and row['bar'] is not None]
    bottom = 60 + LINE * len(rows)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + RIGHT}" '
           f'height="{bottom + 40}" font-family="sans-serif" font-size="12">',
           '<rect width="100%" height="100%" fill="white"/>',
           text(10, 22, 'Moldau ÷ Apache Kafka 4.3.1 (logarithmic; black mark: the bar; '
                        'grey: 1 = as Apache)')]
    for tick in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2):
        x = place(tick)
        out += [line(x, 40, bottom, '#bbb' if tick == 1 else '#eee', 2 if tick == 1 else 1),
                text(x, bottom + 18, f'{tick:g}', 'middle', '#666')]
    for i, row in enumerate(rows):
        y = 48 + LINE * i
        color = '#2a8f4f' if row['verdict'] == 'met' else '#c0392b'
        end = place(row['ratio'])
        out += [text(LEFT - 8, y + 13, row['what'].strip()[:62], 'end'),
                f'<rect x="{LEFT}" y="{y}" width="{max(1.0, end - LEFT):.1f}" height="{LINE - 8}" '
                f'fill="{color}" opacity="0.8"/>',
                line(place(row['bar']), y - 3, y + LINE - 5, 'black', 2),
                text(end + 6, y + 13, f'{row["ratio"]:.3g}')]
    out.append('</svg>')
    return '\n'.join(out) + '\n'
