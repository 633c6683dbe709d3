# SPDX-License-Identifier: Apache-2.0
"""python3 -m tests.interop [SUITE…] [--target moldau|apache] [--only PART] [--keep] [--list]

Runs suites of foreign clients and tools against a node. The same cases must pass with
`--target apache`, which proves the suite before it judges us. `smoke` is the short session.
Exit code 0: all that ran passed; 1: a case failed; 77: nothing could run.
"""

import argparse
import importlib
import pkgutil
import signal
import sys
import time

from . import suites
from .harness.places import remove_run
from .harness.suite import Context, cases_of, run_cases

SKIPPED = 77


def all_suites():
    return sorted(module.name for module in pkgutil.iter_modules(suites.__path__))


def collect(names, only):
    cases = []
    for name in names:
        if name == 'smoke':
            cases += [one for suite in all_suites() for one in load(suite) if one.smoke]
        else:
            cases += load(name)
    return [one for one in cases if only in one.__name__]


def load(name):
    return cases_of(importlib.import_module(f'{suites.__name__}.{name}'))


def main():
    parser = argparse.ArgumentParser(prog='./dev interop')
    parser.add_argument('suites', nargs='*', metavar='SUITE')
    parser.add_argument('--target', choices=('moldau', 'apache'), default='moldau')
    parser.add_argument('--only', default='', help='only cases whose name contains this')
    parser.add_argument('--keep', action='store_true', help='keep directories and logs')
    parser.add_argument('--list', action='store_true')
    parser.add_argument('--strict', action='store_true',
                        help='exit with 77 if any case was skipped')
    arguments = parser.parse_args()
    names = arguments.suites or all_suites()
    unknown = set(names) - set(all_suites()) - {'smoke'}
    if unknown:
        parser.error(f'no such suite: {" ".join(sorted(unknown))}; there are: '
                     f'smoke {" ".join(all_suites())}')
    cases = collect(names, arguments.only)
    if arguments.list:
        for one in cases:
            print(f'{one.__module__.rsplit(".", 1)[-1]}.{one.__name__}')
        return 0
    # So that a run that is ended ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    context = Context(arguments.target)
    began = time.monotonic()
    failed = ['the run']
    try:
        passed, failed, skipped = run_cases(cases, context, lambda text: print(text, flush=True))
        context.close()
    finally:
        if not failed and not arguments.keep:
            remove_run()
    print(f'interop against {arguments.target}: {len(passed)} passed, {len(failed)} failed, '
          f'{len(skipped)} skipped, {time.monotonic() - began:.0f} s')
    if failed:
        return 1
    return SKIPPED if not passed or (skipped and arguments.strict) else 0


if __name__ == '__main__':
    sys.exit(main())
