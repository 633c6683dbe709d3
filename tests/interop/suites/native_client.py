# SPDX-License-Identifier: Apache-2.0
"""libmoldau against the target: what its producer sends others read, once each and in order, also
when the node is killed or paused; its consumer reads what others wrote. Needs
build/release/examples.

MOLDAU_CLIENT_KILLS and MOLDAU_CLIENT_SEED choose how often and when the node is killed.
"""

import os
import random
import subprocess
import threading
import time

from ..harness import Failed, Skip, case, equal, kcat, python_with, run, run_tool
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


ABORTS = """
import sys
from confluent_kafka import Producer
producer = Producer({'bootstrap.servers': sys.argv[1], 'transactional.id': 'x', 'linger.ms': 1})
producer.init_transactions()
for turn in range(40):
    producer.begin_transaction()
    for i in range(25):
        word = 'kept' if turn % 3 else 'aborted'
        producer.produce('mixed', f'{word} {turn} {i}', partition=i % 5)
        if i % 8 == 7:
            producer.flush()
    if turn % 3:
        producer.commit_transaction()
    else:
        producer.abort_transaction()
"""


def read(node, topic):
    """As stored(), by our consumer; offsets rise within each partition."""
    found = [[] for _ in range(PARTITIONS)]
    last = [-1] * PARTITIONS
    said = run([example('consume'), node.bootstrap, topic, PARTITIONS], timeout=60)
    for line in said.lines():
        partition, offset, record = line.split(' ', 2)
        if int(offset) <= last[int(partition)]:
            raise Failed(f'offset {offset} follows {last[int(partition)]} in {partition}')
        last[int(partition)] = int(offset)
        found[int(partition)].append(record)
    return found


@case(smoke=True)
def reads_what_others_wrote(context):
    """Every codec, and only what is committed; also after the node was killed."""
    node = start_node(context.kind, 'native')
    create(node, 'mixed')
    for codec in ('none', 'gzip', 'snappy', 'lz4', 'zstd'):
        kcat('-P', '-b', node.bootstrap, '-t', 'mixed', '-z', codec, '-K', '\t',
             stdin=lines(4_000))
    run([python_with('confluent_kafka'), '-c', ABORTS, node.bootstrap], timeout=60)
    theirs = stored(node, 'mixed')
    equal(sum('aborted' in record for part in theirs for record in part), 0, 'aborted records')
    equal(sum(len(part) for part in theirs), 20_000 + 26 * 25, 'records')
    # Keys that are null are printed in another way.
    plain = [[record.strip() for record in part] for part in theirs]
    equal([[record.removeprefix('null ') for record in part] for part in read(node, 'mixed')],
          plain, 'records of each partition')
    node.kill()
    node.start()
    equal([[record.removeprefix('null ') for record in part] for part in read(node, 'mixed')],
          plain, 'records after a kill')
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
