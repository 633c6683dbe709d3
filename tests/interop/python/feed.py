# SPDX-License-Identifier: Apache-2.0
"""Writes the records of the standard input, a JSON list [topic, key, value, time] per line, each
once, to where Java's partitioner would; prints where each has gone, in their order."""

import json
import sys

from confluent_kafka import Producer


def main(bootstrap):
    producer = Producer({'bootstrap.servers': bootstrap, 'enable.idempotence': True,
                         'linger.ms': 2, 'partitioner': 'murmur2_random',
                         'metadata.recovery.strategy': 'none'})
    records = [json.loads(line) for line in sys.stdin]
    places = [None] * len(records)

    def done(error, message, number):
        assert error is None, error
        places[number] = [message.partition(), message.offset()]

    for number, (topic, key, value, time) in enumerate(records):
        producer.produce(topic, value, key=key, timestamp=time,
                         on_delivery=lambda error, message, n=number: done(error, message, n))
        producer.poll(0)
    assert producer.flush(60) == 0
    for place in places:
        print(json.dumps(place))


main(sys.argv[1])
