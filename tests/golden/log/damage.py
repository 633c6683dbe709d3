# SPDX-License-Identifier: Apache-2.0
"""Makes damaged.tar.gz and damaged.txt: directories that an Apache Kafka 4.3.1 left behind when it
was killed, damaged as in the suite `recovery`, and what Apache answered when it had opened them.
Run from the root of the repository: python3 tests/golden/log/damage.py

damaged.txt, for each topic (partition 0):
  <topic> offsets <start> <end> <last stable>
  <topic> time <timestamp> <found timestamp> <offset>
  <topic> epoch <epoch> <found epoch> <end offset>
  <topic> aborted <producer id> <first offset> 0
  <topic> batches <count> <bytes> <sum of their CRCs>
  <topic> producer <id> <last sequence> <start of its transaction>
"""

import random
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

from tests.golden.log.make import pack  # noqa: E402
from tests.interop.harness import raw  # noqa: E402
from tests.interop.harness.clients import python_with  # noqa: E402
from tests.interop.harness.node import Node  # noqa: E402
from tests.interop.harness.process import run  # noqa: E402
from tests.interop.suites import recovery  # noqa: E402

LOAD = r'''
import os, sys
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic
bootstrap, part, topics = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
BASE = 1760000000000 + part * 1000000
def flush(p):
    assert p.flush(60) == 0
if part == 1:
    admin = AdminClient({'bootstrap.servers': bootstrap})
    for made in admin.create_topics([NewTopic(topic, 1, 1, config={
            'segment.bytes': '1048576', 'segment.index.bytes': '2048', 'retention.ms': '-1'})
            for topic in topics]).values():
        made.result(60)
held = []
for topic in topics:
    for codec in ('none', 'lz4'):
        p = Producer({'bootstrap.servers': bootstrap, 'enable.idempotence': True, 'linger.ms': 5,
                      'compression.type': codec})
        for i in range(10):
            p.produce(topic, codec[0] * (60000 if codec == 'none' else 600), key=str(i),
                      partition=0, timestamp=BASE + i)
            if i % 3 == 0:
                flush(p)
        flush(p)
    t = Producer({'bootstrap.servers': bootstrap, 'transactional.id': 't' + topic,
                  'transaction.timeout.ms': 900000})
    t.init_transactions(60)
    for n in range(4):
        t.begin_transaction()
        for i in range(3):
            t.produce(topic, 't' * 50000, partition=0, timestamp=BASE + 500000 + i)
        flush(t)
        t.abort_transaction(60) if n % 2 else t.commit_transaction(60)
    if part == 2 and topic.startswith('open'):
        t.begin_transaction()
        t.produce(topic, 'open', partition=0)
        flush(t)
        held.append(t)
os._exit(0)
'''


def told(node, topic):
    """The lines of one topic."""
    found = recovery.answers_of(node, topic)
    start, end = found['offset at -2'][2], found['offset at -1'][2]
    whole = found[f'read_committed from {start}']
    yield 'offsets', start, end, whole[0][3]
    for what, answer in found.items():
        if what.startswith('offset at 1'):
            yield 'time', what.split()[-1], answer[1], answer[2]
        if what in ('end of epoch 0', 'end of epoch 1'):  # later ones come with later leaders
            yield 'epoch', what.split()[-1], answer[2], answer[3]
    for producer, first in sorted({one for answer in whole for one in answer[4]}):
        yield 'aborted', producer, first, 0
    yield 'batches', *sum_of_batches(node, topic, start)
    for producer, _, sequence, _, first in found['producers'][1]:
        yield 'producer', producer, sequence, first


def sum_of_batches(node, topic, offset):
    count = size = total = 0
    with raw.connect(node, timeout=60) as connection:
        while True:
            records, at = recovery.fetch(connection, topic, offset, 0)[4], 0
            if not records:
                return count, size, total % 2**32
            while at < len(records):
                base, length = struct.unpack_from('>qi', records, at)
                crc, = struct.unpack_from('>I', records, at + 17)
                count, size, total = count + 1, size + 12 + length, total + crc
                at += 12 + length
            offset = recovery.next_offset(records, offset)


def main():
    topics = list(recovery.DAMAGE)
    node = Node('apache', 'damage')
    node.format()
    node.start(300)
    load = [python_with('confluent_kafka'), '-c', LOAD]
    run([*load, node.bootstrap, '1', *topics], timeout=600)
    node.kill()
    node.start(300)
    run([*load, node.bootstrap, '2', *topics], timeout=600)
    node.kill()
    for topic, harm in recovery.DAMAGE.items():
        harm(node.partition_folder(topic), random.Random(topic))
    pack(node.log_dirs[0], 'damaged.tar.gz', topics)
    copy = recovery.twin(node, 'apache')
    copy.start(300)
    recovery.wait_until_led(copy, topics)
    lines = [' '.join(str(word) for word in (topic, *line))
             for topic in topics for line in told(copy, topic)]
    copy.stop()
    (HERE / 'damaged.txt').write_text('\n'.join(lines) + '\n', encoding='utf-8')
    print((HERE / 'damaged.tar.gz').stat().st_size, len(lines))


main()
