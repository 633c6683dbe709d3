# SPDX-License-Identifier: Apache-2.0
"""Replicas move between log directories under load, with Apache's tool; the node is killed in the
middle of it. Nothing acknowledged is lost, changed or doubled.
"""

import json
import time

from ..harness import Failed, case, equal, new_folder, run_tool, within
from ..harness.node import start_node
from .crash import PARTITIONS, Producer, create, finish_all


def plan(node, folder, topic, to):
    """The tool's file: every partition of `topic` into log directory number `to`."""
    path = folder / f'{topic}-to-{to}.json'
    path.write_text(json.dumps({'version': 1, 'partitions': [
        {'topic': topic, 'partition': number, 'replicas': [1], 'log_dirs': [str(node.log_dirs[to])]}
        for number in range(int(PARTITIONS))]}), encoding='utf-8')
    return path


def reassign(node, file, *arguments):
    return run_tool('kafka-reassign-partitions', '--bootstrap-server', node.bootstrap,
                    '--reassignment-json-file', str(file), *arguments).out


def wait_until_moved(node, file, timeout=120):
    deadline = time.monotonic() + timeout
    while True:
        out = reassign(node, file, '--verify', '--preserve-throttles')
        if 'is still in progress' not in out:
            return out
        if time.monotonic() > deadline:
            raise Failed(f'the move does not end:\n{out}')


def in_folder(node, topic, at):
    """The partitions of `topic` in a log directory, future ones with a + behind."""
    found = set()
    for path in node.log_dirs[at].iterdir():
        if path.name.startswith(topic + '-') and not path.name.endswith('-delete'):
            name = path.name[len(topic) + 1:]
            found.add(name.split('.')[0] + ('+' if name.endswith('-future') else ''))
    return found


@case(smoke=True)
def move_under_load(context):
    """There and back again, slowly enough to be seen, and once with a kill on the way."""
    folder = new_folder('move')
    node = start_node(context.kind, 'move', log_dirs=2)
    create(node, 'strict')
    create(node, 'plain')
    producers = [Producer(node, 'strict', 'idempotent', folder),
                 Producer(node, 'plain', 'plain', folder)]
    everything = {str(number) for number in range(int(PARTITIONS))}
    try:
        for one in producers:
            one.wait_for_news()
        for topic in ('strict', 'plain'):
            for to in (1, 0, 1):
                file = plan(node, folder, topic, to)
                within(reassign(node, file, '--execute'), 'Successfully started')
                wait_until_moved(node, file)
                equal(in_folder(node, topic, to), everything, f'{topic} in directory {to}')
                equal(in_folder(node, topic, 1 - to), set(), f'{topic} in directory {1 - to}')
        # Slowly now, so that the kill comes while the copies are being made.
        file = plan(node, folder, 'strict', 0)
        reassign(node, file, '--execute', '--replica-alter-log-dirs-throttle', '20000')
        out = run_tool('kafka-log-dirs', '--bootstrap-server', node.bootstrap, '--describe',
                       '--topic-list', 'strict').out
        within(out, '"isFuture":true')
        for one in producers:
            one.wait_for_news()
        node.kill()
        node.start()
        for one in producers:
            one.wait_for_news()
        reassign(node, file, '--execute', '--additional', '--replica-alter-log-dirs-throttle',
                 '100000000')
        wait_until_moved(node, file)
        equal(in_folder(node, 'strict', 0), everything, 'after the kill')
    finally:
        problems = finish_all(producers)
    if problems:
        raise Failed('; '.join(problems))
    for one in producers:
        print(f'    {one.words[-1]}: {one.verify()} after seven moves and a kill')
    node.stop()
    node.start()
    for one in producers:
        one.verify()
    node.stop()
    logs = ','.join(str(path) for number in everything for path in sorted(
        node.partition_folder('strict', number).glob('*.log')))
    out = run_tool('kafka-dump-log', '--deep-iteration', '--skip-record-metadata', '--files', logs,
                   timeout=300).out
    if 'isvalid: false' in out:
        raise Failed(out[-500:])


@case
def chosen_before_it_is_there(context):
    """AlterReplicaLogDirs for a replica that does not exist yet says where it is to be made."""
    folder = new_folder('chosen')
    node = start_node(context.kind, 'chosen', log_dirs=2)
    create(node, 'first')
    at = 1 if in_folder(node, 'first', 0) else 0
    file = plan(node, folder, 'chosen', at)
    run_tool('kafka-reassign-partitions', '--bootstrap-server', node.bootstrap,
             '--reassignment-json-file', str(file), '--execute', ok=False)
    nowhere = json.loads(file.read_text(encoding='utf-8'))
    nowhere['partitions'] = nowhere['partitions'][:1]
    nowhere['partitions'][0].update(topic='first', log_dirs=['/no/such/directory'])
    file.write_text(json.dumps(nowhere), encoding='utf-8')
    refused = run_tool('kafka-reassign-partitions', '--bootstrap-server', node.bootstrap,
                       '--reassignment-json-file', str(file), '--execute', ok=False)
    within(refused.out + refused.err, 'not found')
    node.stop()
