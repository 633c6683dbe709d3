# SPDX-License-Identifier: Apache-2.0
"""Rows of the table and the samples taken for them."""

import json
import statistics
import sys
import time
from dataclasses import dataclass
from typing import Optional


@dataclass(frozen=True)
class Row:
    """One line of the table. `figure` is the key of a sample that is compared; `bar` the ratio
    ours ÷ Apache's that we want (None: for information); `bar_absolute` a limit for ours alone."""
    name: str
    what: str
    figure: str
    unit: str
    bar: Optional[float] = None
    more_is_better: bool = False
    bar_absolute: Optional[float] = None


@dataclass
class Work:
    """Something that is done and fills some rows; `act(bench)` calls bench.add()."""
    name: str
    rows: list
    act: object


class Bench:
    """What a work gets: how much to do, and where its samples go."""

    def __init__(self, runs, scale):
        self.runs = runs
        self.scale = scale
        self.samples = {}
        self.seconds = {}
        self.notes = []

    def add(self, work, kind, sample, warmup=False):
        if not warmup:
            self.samples.setdefault(work, {}).setdefault(kind, []).append(sample)
        short = {key: round(value, 4) if isinstance(value, float) else value
                 for key, value in sample.items()}
        self.say(f'  {work} {kind}{" (warm-up)" if warmup else ""}: {json.dumps(short)}')

    def note(self, text):
        self.notes.append(text)
        self.say(f'  {text}')

    @staticmethod
    def say(text):
        print(f'{time.strftime("%H:%M:%S")} {text}', file=sys.stderr, flush=True)

    def alternate(self, work, servers, do, warmups=1):
        """`do(server, run)` on each in turn, the order changing from run to run; the first runs
        warm up."""
        for run in range(self.runs + warmups):
            order = list(servers) if run % 2 == 0 else list(reversed(servers))
            for server in order:
                self.add(work, server.kind, do(server, run), warmup=run < warmups)


def summary(values):
    return {'median': statistics.median(values), 'min': min(values), 'max': max(values),
            'runs': len(values)} if values else None


def row_result(row, samples):
    """Medians, spreads, ratio and verdict of one row; None if it was not measured."""
    found = {kind: summary([one[row.figure] for one in list_of if one.get(row.figure) is not None])
             for kind, list_of in samples.items()}
    ours, theirs, toy = (found.get(kind) for kind in ('moldau', 'apache', 'toy'))
    if not ours:
        return None
    result = {'name': row.name, 'what': row.what, 'unit': row.unit, 'moldau': ours,
              'apache': theirs, 'toy': toy, 'ratio': None, 'bar': row.bar,
              'bar_absolute': row.bar_absolute, 'more_is_better': row.more_is_better,
              'times_the_limit': None, 'verdict': ''}
    if theirs and theirs['median']:
        result['ratio'] = ours['median'] / theirs['median']
    if toy and toy['median']:
        result['times_the_limit'] = ours['median'] / toy['median']
    verdicts = []
    if row.bar is not None and result['ratio'] is not None:
        verdicts.append(result['ratio'] >= row.bar if row.more_is_better
                        else result['ratio'] <= row.bar)
    if row.bar_absolute is not None:
        verdicts.append(ours['median'] <= row.bar_absolute)
    if verdicts:
        result['verdict'] = 'met' if all(verdicts) else 'MISSED'
    return result
