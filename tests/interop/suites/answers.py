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
import re
import time

from .. import answers
from ..harness import BUILD, Failed, case, equal, run_tool
from ..harness.ask import Asker, normal
from ..harness.node import start_node

SCRIPT_SECONDS = 60
# Else what a heartbeat tells hangs on how long ago the last assignment was.
AT_ONCE = {f'group.{kind}.assignment.interval.ms': 0 for kind in ('consumer', 'share', 'streams')}
AT_ONCE['group.streams.initial.rebalance.delay.ms'] = 0


def scripts(only):
    """(name, function, version) of those whose names begin so."""
    found = []
    for module in pkgutil.iter_modules(answers.__path__):
        loaded = importlib.import_module(f'{answers.__name__}.{module.name}')
        for function in vars(loaded).values():
            for version in getattr(function, 'versions', ()):
                name = f'{module.name}-{function.__name__}-{version}'
                if name.startswith(only):
                    found.append((name, function, version))
    return found


def play(kind, chosen, **configs):
    """The transcripts of the scripts on a fresh node, that node, and the names of topics."""
    node = start_node(kind, f'answers-{kind}', **AT_ONCE, **configs)
    asker = Asker(node)
    played = {}
    try:
        for name, function, version in chosen:
            asker.answers, asker.deadline = [], time.monotonic() + SCRIPT_SECONDS
            try:
                function(asker, version, name.replace('_', '-'))
            except (KeyError, IndexError, TypeError, TimeoutError) as error:
                asker.answers.append(('broken off', {'by': f'{type(error).__name__} {error}'}))
            played[name] = normal(asker.answers, asker.topics)
    finally:
        asker.close()
        node.stop()
    return played, node, asker.topics


def lines_of(transcript):
    return [line for what, answer in transcript
            for line in (what, *json.dumps(answer, indent=1, sort_keys=True).splitlines())]


@case()
def every_field_is_equal(context):
    chosen = scripts(os.environ.get('MOLDAU_ANSWERS', ''))
    theirs, ours = play('apache', chosen)[0], play(context.kind, chosen)[0]
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


# Their records hang on the hash of a random id, or on when share state is begun, written and
# dropped.
UNSTABLE = ('share_groups-a_shared_topic_grows_and_goes',
            'share_groups-more_share_members_than_partitions',
            'share_groups-the_first_share_heartbeats', 'share_fetch-records_deleted_below')
SHARE_STATE = '__share_group_state'
# Members that a script leaves behind do not expire while others are played.
LASTING = {'group.share.session.timeout.ms': 600000, 'group.share.max.session.timeout.ms': 600000}
RANDOM = re.compile(r'("(?:memberId|metadataHash|[A-Za-z]*[tT]imestamp)":)(?:"[^"]{20,}"|-?\d+)')


def ordered(value):
    """Lists that come out of a map of Java's have no order of their own."""
    if isinstance(value, dict):
        return {key: ordered(one) for key, one in value.items()}
    if isinstance(value, list):
        return sorted((ordered(one) for one in value), key=json.dumps)
    return value


def records_of(node, topics):
    """What kafka-dump-log makes of the topics that groups are kept in: by group, in order."""
    found = {}
    for topic, decoder in (('__consumer_offsets', '--offsets-decoder'),
                           (SHARE_STATE, '--share-group-state-decoder')):
        logs = sorted(str(path) for path in node.log_dirs[0].glob(f'{topic}-*/*.log')
                      if path.stat().st_size > 0)
        text = run_tool('kafka-dump-log', decoder, '--files', ','.join(logs)).out
        for key, payload in re.findall(r'key: (\{.*?\}) payload: (.*)$', text, re.M):
            value = payload if payload.startswith('{') else json.dumps(payload)
            line = RANDOM.sub(r'\1"-"', f'[{key}, {value}]')
            for one, name in topics.items():
                line = line.replace(one, f'<{name}>')
            parts = json.loads(line)
            of = parts[0]['data']
            group = of.get('groupId') or of.get('group')
            # The share coordinator does the partitions of a group in no order.
            name = f'{topic} {group} {of["partition"] if topic == SHARE_STATE else ""}'
            found.setdefault(name, []).append(json.dumps(ordered(parts)))
    return found


@case()
def records_are_equal(context):
    """The same scripts leave the same records of share groups and of share state."""
    chosen = [one for family in ('share_groups', 'share_state', 'share_fetch')
              for one in scripts(family) if not one[0].startswith(UNSTABLE)]
    found = {}
    for kind in ('apache', context.kind):
        _, node, topics = play(kind, chosen, **LASTING)
        found[kind] = records_of(node, topics)
    equal(sorted(found[context.kind]), sorted(found['apache']), 'groups with records')
    different = []
    for group, theirs in found['apache'].items():
        change = difflib.unified_diff(theirs, found[context.kind][group], 'apache', 'target', n=2,
                                      lineterm='')
        if lines := list(change)[2:40]:
            different.append(group + ':\n' + '\n'.join(lines))
    count = sum(len(one) for one in found['apache'].values())
    print(f'    {count} records of {len(found["apache"])} groups', flush=True)
    if different:
        raise Failed(f'{len(different)} groups differ\n' + '\n'.join(different))
