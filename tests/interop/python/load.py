# SPDX-License-Identifier: Apache-2.0
"""load.py produce BOOTSTRAP TOPIC PARTITIONS ACKS-FILE MODE: writes until stdin closes, and one
line "partition offset number" per acknowledged record.
load.py verify BOOTSTRAP TOPIC PARTITIONS ACKS-FILE MODE: every acknowledged record is where its
answer said; with MODE idempotent nothing is there twice.
"""

import os
import select
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

MODES = {
    'idempotent': {'enable.idempotence': True, 'compression.type': 'lz4'},
    'plain': {'enable.idempotence': False, 'acks': 'all'},
}


def value_of(mode, number):
    return f'{mode}-{number}-'.encode() + b'moldau' * (number % 40)


class Load:
    def __init__(self, bootstrap, topic, partitions, acks_path, mode):
        self.bootstrap, self.topic, self.mode = bootstrap, topic, mode
        self.partitions = int(partitions)
        self.acks_path = acks_path
        self.fatal = []

    def produce(self):
        acks = open(self.acks_path, 'a', encoding='utf-8', buffering=1)
        producer = Producer({'bootstrap.servers': self.bootstrap, 'linger.ms': 2,
                             'message.timeout.ms': 120000, 'retry.backoff.ms': 50,
                             'reconnect.backoff.ms': 20, 'reconnect.backoff.max.ms': 200,
                             'queue.buffering.max.messages': 5000, 'socket.timeout.ms': 10000,
                             **MODES[self.mode]})

        def delivered(number):
            def take(error, message):
                if error:
                    self.fatal.append(f'{number}: {error}')
                else:
                    acks.write(f'{message.partition()} {message.offset()} {number}\n')
            return take

        number, began, rate = 0, time.monotonic(), float(os.environ.get('MOLDAU_CRASH_RATE', '1e9'))
        while not select.select([sys.stdin], [], [], 0)[0]:
            if number > (time.monotonic() - began) * rate:
                producer.poll(0.005)
                continue
            try:
                producer.produce(self.topic, value_of(self.mode, number),
                                 partition=number % self.partitions, on_delivery=delivered(number))
                number += 1
            except BufferError:
                producer.poll(0.05)
            producer.poll(0)
        left = producer.flush(110)
        acks.close()
        if left or self.fatal:
            sys.exit(f'{left} not delivered, errors: {self.fatal[:5]}')
        print(f'{number} produced')

    def read_all(self):
        consumer = Consumer({'bootstrap.servers': self.bootstrap, 'group.id': 'unused',
                             'enable.auto.commit': False, 'enable.partition.eof': False})
        ends = {}
        for partition in range(self.partitions):
            ends[partition] = consumer.get_watermark_offsets(
                TopicPartition(self.topic, partition), timeout=30)[1]
        consumer.assign([TopicPartition(self.topic, one, 0) for one in ends])
        found = {one: {} for one in ends}
        missing = sum(1 for end in ends.values() if end)
        while missing:
            message = consumer.poll(30)
            if message is None:
                sys.exit(f'no record for 30 s; ends {ends}, got '
                         f'{({one: len(got) for one, got in found.items()})}')
            if message.error():
                raise KafkaException(message.error())
            found[message.partition()][message.offset()] = message.value()
            if message.offset() == ends[message.partition()] - 1:
                missing -= 1
        consumer.close()
        return found

    def verify(self):
        found = self.read_all()
        known = {value for records in found.values() for value in records.values()}
        acknowledged, wrong = 0, []
        for line in open(self.acks_path, encoding='utf-8'):
            partition, offset, number = (int(word) for word in line.split())
            acknowledged += 1
            # librdkafka does not know the offset of a record it had to send twice.
            value = value_of(self.mode, number)
            there = found[partition].get(offset) == value if offset >= 0 else value in known
            if not there:
                wrong.append((partition, offset, number))
        if wrong:
            sys.exit(f'{len(wrong)} of {acknowledged} acknowledged records lost or changed, '
                     f'first: {wrong[:3]}')
        total = 0
        for partition, records in found.items():
            mine = [value for _, value in sorted(records.items())
                    if value.startswith(self.mode.encode())]
            total += len(mine)
            numbers = [int(value.split(b'-')[1]) for value in mine]
            if self.mode == 'idempotent':
                if numbers != list(range(partition, partition + len(numbers) * self.partitions,
                                         self.partitions)):
                    sys.exit(f'partition {partition}: a record is there twice, missing or late')
        print(f'{acknowledged} acknowledged, {total} found')
        if acknowledged == 0:
            sys.exit('nothing was acknowledged: the test proves nothing')


if __name__ == '__main__':
    load = Load(*sys.argv[2:])
    load.produce() if sys.argv[1] == 'produce' else load.verify()
