# SPDX-License-Identifier: Apache-2.0
"""libmoldau against Apache Kafka and the target: what its producer sends others read, once each and
in order, also when the node is killed or paused. Needs build/release/examples.

MOLDAU_CLIENT_KILLS and MOLDAU_CLIENT_SEED choose how often and when the node is killed.
"""

import os
import random
import subprocess
import threading
import time

from ..harness import Failed, Skip, case, equal, kcat, run, run_tool
from ..harness.node import MOLDAU, start_node

KEYS = 97
PARTITIONS = 5


def example(name):
    path = MOLDAU.parent / 'examples' / f'moldau-example-{name}'
    if not os.access(path, os.X_OK):
        raise Skip(f'{path} is not built')
    return str(path)


def lines(count, begin=0):
    return ''.join(f'k{i % KEYS}\tk{i % KEYS}={i}\n' for i in range(begin, begin + count))


def create(node, topic):
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', topic,
             '--partitions', str(PARTITIONS))


def stored(node, topic):
    """Lists of "key value", one for each partition, in order."""
    return [kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', topic, '-p', str(partition), '-o',
                 'beginning', '-f', '%k %s\n', timeout=120).lines()
            for partition in range(PARTITIONS)]


def verify(node, topic, count):
    """Each record once, those of a key in one partition and in order."""
    found, homes = 0, {}
    for partition, records in enumerate(stored(node, topic)):
        last = {}
        for record in records:
            key, value = record.split(' ')
            number = int(value.split('=')[1])
            equal(value.split('=')[0], key, 'key')
            equal(homes.setdefault(key, partition), partition, f'partition of {key}')
            if number != last.get(key, int(key[1:]) - KEYS) + KEYS:
                raise Failed(f'{key}: {number} follows {last.get(key)} in partition {partition}')
            last[key] = number
        found += len(records)
    equal(found, count, 'records')


@case(smoke=True)
def partitions_are_those_of_java(context):
    """Keys go where the Java producer puts them; offsets are those that are told."""
    node = start_node(context.kind, 'native')
    create(node, 'ours')
    create(node, 'java')
    said = run([example('produce'), node.bootstrap, 'ours'], stdin=lines(20_000), timeout=60)
    verify(node, 'ours', 20_000)
    run_tool('kafka-console-producer', '--bootstrap-server', node.bootstrap, '--topic', 'java',
             '--command-property', 'acks=all', '--reader-property', 'parse.key=true',
             stdin=lines(20_000))
    homes = [[{record.split(' ')[0] for record in part} for part in stored(node, topic)]
             for topic in ('ours', 'java')]
    equal(homes[0], homes[1], 'keys of each partition')
    told = {}
    for line in said.lines():
        partition, offset = map(int, line.split())
        told.setdefault(partition, []).append(offset)
    for partition, offsets in told.items():
        equal(offsets, list(range(len(offsets))), f'offsets told of partition {partition}')
    node.stop()


@case()
def once_each_under_kills(context):
    kills = int(os.environ.get('MOLDAU_CLIENT_KILLS', '3' if context.kind == 'apache' else '15'))
    seed = int(os.environ.get('MOLDAU_CLIENT_SEED', '1'))
    moments = random.Random(seed)
    node = start_node(context.kind, 'native')
    create(node, 'ours')
    client = subprocess.Popen([example('produce'), node.bootstrap, 'ours'], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    sent, over = [0], threading.Event()

    def feed():
        while not over.is_set():
            client.stdin.write(lines(500, sent[0]))
            client.stdin.flush()
            sent[0] += 500
            time.sleep(0.01)  # the pace of the load
        client.stdin.close()

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        for turn in range(kills):
            time.sleep(moments.uniform(0.05, 0.6))  # the moment of the crash, no wait
            if turn % 4 == 3:
                node.process.freeze()
                time.sleep(moments.uniform(0.5, 3))
                node.process.resume()
                continue
            node.kill()
            node.start()
    finally:
        over.set()
        feeder.join()
    text = client.stderr.read()
    if client.wait(150) != 0:
        raise Failed(f'seed {seed}: the client failed: {text[-2000:]}')
    try:
        verify(node, 'ours', sent[0])
    except Failed as error:
        raise Failed(f'seed {seed}: {error}') from error
    print(f'    {kills} kills and pauses, {sent[0]} records, each once and in order', flush=True)
    node.stop()
