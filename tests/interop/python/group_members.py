# SPDX-License-Identifier: Apache-2.0
"""kafka-python as members of a group at BOOTSTRAP: shares, hands over, commits, comes back."""

import queue
import sys
import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition

TOPIC = 'members'
PARTITIONS = 6
GROUP = 'python-members'


class Member:
    """A consumer that polls in a thread of its own: a join waits for the polls of the others."""

    def __init__(self, bootstrap, name):
        self.consumer = KafkaConsumer(TOPIC, bootstrap_servers=bootstrap, group_id=GROUP,
                                      client_id=name, auto_offset_reset='earliest',
                                      enable_auto_commit=False, session_timeout_ms=10000,
                                      heartbeat_interval_ms=500, max_poll_interval_ms=30000)
        self.records = []
        self.wishes = queue.Queue()
        self.failure = None
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while True:
                for batch in self.consumer.poll(timeout_ms=50).values():
                    self.records += batch
                try:
                    wish, done = self.wishes.get_nowait()
                except queue.Empty:
                    continue
                done.put(wish(self.consumer))
                if wish == KafkaConsumer.close:
                    return
        except Exception as failure:
            self.failure = failure
            raise

    def do(self, wish):
        """Runs `wish(consumer)` between two polls."""
        done = queue.Queue()
        self.wishes.put((wish, done))
        return done.get(timeout=60)

    def count(self):
        return len(self.consumer.assignment())


def wait_until(members, done, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not done():
        for one in members:
            assert one.failure is None, one.failure
        assert time.monotonic() < deadline, (what, [one.consumer.assignment() for one in members])
        time.sleep(0.05)


def take(members):
    """What they have read since the last time."""
    taken = []
    for one in members:
        records, one.records = one.records, []
        taken += records
    return taken


def main(bootstrap):
    producer = KafkaProducer(bootstrap_servers=bootstrap)
    for i in range(120):
        producer.send(TOPIC, value=str(i).encode(), partition=i % PARTITIONS)
    producer.flush(20)

    one = Member(bootstrap, 'one')
    wait_until([one], lambda: len(one.records) == 120, 'one alone')
    assert sorted(int(r.value) for r in take([one])) == list(range(120))
    one.do(KafkaConsumer.commit)
    two = Member(bootstrap, 'two')
    wait_until([one, two], lambda: (one.count(), two.count()) == (3, 3), 'two share')
    for i in range(120, 240):
        producer.send(TOPIC, value=str(i).encode(), partition=i % PARTITIONS)
    producer.flush(20)
    wait_until([one, two], lambda: len(one.records) + len(two.records) == 120, 'both read')
    assert sorted(int(r.value) for r in take([one, two])) == list(range(120, 240)), 'each once'
    one.do(KafkaConsumer.commit)
    two.do(KafkaConsumer.commit)
    one.do(KafkaConsumer.close)
    wait_until([two], lambda: two.count() == 6, 'the other takes over')
    two.do(KafkaConsumer.close)

    back = Member(bootstrap, 'back')
    wait_until([back], lambda: back.count() == 6, 'comes back')
    for partition in range(PARTITIONS):
        at = TopicPartition(TOPIC, partition)
        assert back.do(lambda c, at=at: c.position(at)) == 40, partition
        assert back.do(lambda c, at=at: c.committed(at)) == 40, partition
    back.do(KafkaConsumer.close)
    producer.close()


if __name__ == '__main__':
    main(sys.argv[1])
