# SPDX-License-Identifier: Apache-2.0
"""Findings, and the list of exceptions that may only shrink."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    rule: str
    path: str
    line: int
    text: str
    value: int = 1     # what is counted against an exception: lines, columns, occurrences
    symbol: str = ''   # function name, where the rule is about functions

    def key(self):
        return (self.rule, self.path + (':' + self.symbol if self.symbol else ''))

    def __str__(self):
        return f'{self.path}:{self.line}: [{self.rule}] {self.text}'


def parse_exceptions(text, path='tools/tidy/exceptions.txt'):
    """`rule path[:symbol] value  reason`, and one line `ceiling N`."""
    entries, problems, ceiling = {}, [], None
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith('#'):
            continue
        match = re.match(r'ceiling (\d+)$', line)
        if match:
            ceiling = int(match.group(1))
            continue
        match = re.match(r'(\S+) (\S+) (\d+)\s+(\S.*)$', line)
        if not match:
            problems.append(Finding('exceptions', path, number,
                                    'expected: rule path value reason'))
            continue
        entries[(match.group(1), match.group(2))] = (int(match.group(3)), number)
    if ceiling is None or len(entries) > ceiling:
        problems.append(Finding('exceptions', path, 1,
                                f'{len(entries)} exceptions, ceiling {ceiling}: it may only sink'))
    elif len(entries) < ceiling:
        problems.append(Finding('exceptions', path, 1,
                                f'good: only {len(entries)} exceptions left; lower the ceiling'))
    return entries, problems


SIZED = ('file-length', 'function-length', 'line-length')


def apply_exceptions(findings, text, path='tools/tidy/exceptions.txt'):
    """The findings no exception covers, and those about the exceptions themselves."""
    entries, problems = parse_exceptions(text, path)
    measured = {}
    for finding in findings:
        key = finding.key()
        old = measured.get(key, 0)
        measured[key] = max(old, finding.value) if finding.rule in SIZED else old + finding.value
    left = []
    for finding in findings:
        allowed = entries.get(finding.key())
        if allowed is None or measured[finding.key()] > allowed[0]:
            left.append(finding)
    for (rule, name), (value, number) in entries.items():
        now = measured.get((rule, name), 0)
        if now < value:
            problems.append(Finding('exceptions', path, number,
                                    f'{rule} {name} is {now} now, not {value}: lower or drop it'))
    return left + problems
