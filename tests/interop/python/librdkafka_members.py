# SPDX-License-Identifier: Apache-2.0
"""librdkafka as members of GROUP at BOOTSTRAP, by PROTOCOL: share topic "members", hand over."""

import sys
import threading
import time

from confluent_kafka import Consumer, Producer

PARTITIONS = 4


class Member:
    def __init__(self, bootstrap, protocol, group):
        config = {'bootstrap.servers': bootstrap, 'group.id': group, 'group.protocol': protocol,
                  'auto.offset.reset': 'earliest', 'auto.commit.interval.ms': 200}
        if protocol == 'classic':
            config['heartbeat.interval.ms'] = 500
        self.consumer = Consumer(config)
        self.consumer.subscribe(['members'])
        self.read = set()
        self.count = 0
        self.failure = None
        self.ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ending:
            message = self.consumer.poll(0.05)
            self.count = len(self.consumer.assignment())
            if message is not None and message.error():
                self.failure = message.error()
            elif message is not None:
                self.read.add(int(message.value()))
        self.consumer.close()

    def leave(self):
        self.ending = True
        self.thread.join(60)
        assert not self.thread.is_alive()


def write(bootstrap, numbers):
    producer = Producer({'bootstrap.servers': bootstrap})
    for i in numbers:
        producer.produce('members', str(i), partition=i % PARTITIONS)
    assert producer.flush(30) == 0


def until(members, done, what):
    deadline = time.monotonic() + 60
    while not done():
        assert all(one.failure is None for one in members), [one.failure for one in members]
        assert time.monotonic() < deadline, (what, [(m.count, len(m.read)) for m in members])
        time.sleep(0.02)


def main(bootstrap, protocol, group):
    write(bootstrap, range(80))
    one = Member(bootstrap, protocol, group)
    until([one], lambda: (one.count, len(one.read)) == (4, 80), 'one alone')
    two = Member(bootstrap, protocol, group)
    both = [one, two]
    until(both, lambda: (one.count, two.count) == (2, 2), 'two share')
    write(bootstrap, range(80, 160))
    until(both, lambda: one.read | two.read == set(range(160)), 'both read')
    one.leave()
    until([two], lambda: two.count == 4, 'the other takes over')
    write(bootstrap, range(160, 200))
    until([two], lambda: two.read >= set(range(160, 200)), 'the other reads')
    two.leave()


main(*sys.argv[1:])
