# SPDX-License-Identifier: Apache-2.0
"""The same scripts of single requests to Apache Kafka and to the target, in every version: every
field of every answer is equal, ids, times and texts apart.

MOLDAU_ANSWERS names scripts to run alone, by the beginning of their names.
"""

import difflib
import importlib
import json
import os
import pkgutil

from .. import answers
from ..harness import BUILD, Failed, case
from ..harness.ask import Asker, normal
from ..harness.node import start_node


def scripts():
    """(name, function, version) of all."""
    found = []
    only = os.environ.get('MOLDAU_ANSWERS', '')
    for module in pkgutil.iter_modules(answers.__path__):
        loaded = importlib.import_module(f'{answers.__name__}.{module.name}')
        for function in vars(loaded).values():
            for version in getattr(function, 'versions', ()):
                name = f'{module.name}-{function.__name__}-{version}'
                if name.startswith(only):
                    found.append((name, function, version))
    return found


def play(kind, chosen):
    """The transcripts of the scripts on a fresh node."""
    node = start_node(kind, f'answers-{kind}')
    asker = Asker(node)
    played = {}
    try:
        for name, function, version in chosen:
            asker.answers = []
            try:
                function(asker, version, name.replace('_', '-'))
            except (KeyError, IndexError, TypeError) as error:
                asker.answers.append(('broken off', {'by': f'{type(error).__name__} {error}'}))
            played[name] = normal(asker.answers)
    finally:
        asker.close()
        node.stop()
    return played


def lines_of(transcript):
    return [line for what, answer in transcript
            for line in (what, *json.dumps(answer, indent=1, sort_keys=True).splitlines())]


@case()
def every_field_is_equal(context):
    chosen = scripts()
    theirs, ours = play('apache', chosen), play(context.kind, chosen)
    for kind, played in ('apache', theirs), ('target', ours):
        (BUILD / f'answers-{kind}.txt').write_text('\n'.join(
            line for name in played for line in (f'== {name}', *lines_of(played[name]))),
            encoding='utf-8')
    different, asked = [], 0
    for name, _, _ in chosen:
        asked += len(theirs[name])
        if theirs[name] != ours[name]:
            change = difflib.unified_diff(lines_of(theirs[name]), lines_of(ours[name]), 'apache',
                                          'target', n=4, lineterm='')
            different.append(name + ':\n' + '\n'.join(list(change)[2:40]))
    print(f'    {len(chosen)} scripts, {asked} answers, {len(different)} different', flush=True)
    if different:
        raise Failed(f'{len(different)} of {len(chosen)} differ\n' + '\n'.join(different))
