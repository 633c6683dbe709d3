# SPDX-License-Identifier: Apache-2.0
"""recovery_fill.py BOOTSTRAP PART TOPIC…: fills partition 0 of each topic with several segments of
transactions that commit and abort, idempotent and plain batches of every codec. PART 1 makes the
topics; PART 2 leaves a transaction open in each topic whose name begins with `open`.
"""

import os
import random
import sys

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

BASE = 1760000000000
CODECS = ('none', 'gzip', 'snappy', 'lz4', 'zstd')


CONFIGS = {'segment.bytes': '1048576', 'index.interval.bytes': '2000', 'retention.ms': '-1'}


def make(bootstrap, topics):
    admin = AdminClient({'bootstrap.servers': bootstrap})
    wanted = [NewTopic(topic, 1, 1, config=CONFIGS) for topic in topics]
    for made in admin.create_topics(wanted).values():
        made.result(60)


def flush(producer):
    if producer.flush(60):
        sys.exit('not delivered in 60 s')


def big(chance, size):
    """Text that no codec makes small."""
    return chance.randbytes(size // 2).hex()


def plain(bootstrap, topics, part, chance):
    for number, codec in enumerate(CODECS):
        producer = Producer({'bootstrap.servers': bootstrap, 'compression.type': codec,
                             'linger.ms': 20, 'enable.idempotence': number % 2 == 0})
        for topic in topics:
            for i in range(40):
                producer.produce(topic, None if i % 13 == 12 else f'{codec} {big(chance, 8000)}',
                                 key=f'k{i % 11}', partition=0,
                                 timestamp=BASE + part * 1000000 + number * 1000 + i,
                                 headers=[('h', b'v'), ('n', None)] if i % 7 == 0 else None)
                if i % 20 == 19:
                    flush(producer)
        flush(producer)


def transactions(bootstrap, topics, part, chance):
    for topic in topics:
        producer = Producer({'bootstrap.servers': bootstrap, 'transactional.id': f't-{topic}',
                             'transaction.timeout.ms': 900000, 'compression.type': 'lz4'})
        producer.init_transactions(60)
        for number in range(8):
            producer.begin_transaction()
            for i in range(5):
                producer.produce(topic, f'transaction {number} {big(chance, 30000)}', key=f'k{i}',
                                 partition=0, timestamp=BASE + part * 1000000 + 500000 + i)
            flush(producer)
            if number % 2:
                producer.abort_transaction(60)
            else:
                producer.commit_transaction(60)


def leave_open(bootstrap, topics):
    held = []
    for topic in topics:
        producer = Producer({'bootstrap.servers': bootstrap, 'transactional.id': f'o-{topic}',
                             'transaction.timeout.ms': 900000})
        producer.init_transactions(60)
        producer.begin_transaction()
        for i in range(5):
            producer.produce(topic, f'open {i}', partition=0)
        flush(producer)
        held.append(producer)
    os._exit(0)  # without the abort that a clean end would send


def main(bootstrap, part, *topics):
    chance = random.Random(f'{part}')
    if part == '1':
        make(bootstrap, topics)
    plain(bootstrap, topics, int(part), chance)
    transactions(bootstrap, topics, int(part), chance)
    if part == '2':
        leave_open(bootstrap, [topic for topic in topics if topic.startswith('open')])


main(*sys.argv[1:])
