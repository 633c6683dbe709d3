# SPDX-License-Identifier: Apache-2.0
"""Reads topic IN at BOOTSTRAP as group ID and writes each record once to topic OUT, in
transactions of ID of which one in four is aborted and done again. Lives through crashes of the
node; ends when COUNT records are written. The older protocol of transactions, by librdkafka."""

import random
import sys
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

RANDOM = random.Random(5)


def producer_of(bootstrap, name):
    # When it bootstraps anew, librdkafka 2.x may wait for ever for a coordinator that is back.
    producer = Producer({'bootstrap.servers': bootstrap, 'transactional.id': name,
                         'transaction.timeout.ms': 8000, 'linger.ms': 2,
                         'reconnect.backoff.max.ms': 200, 'socket.timeout.ms': 5000,
                         'metadata.recovery.strategy': 'none'})
    producer.init_transactions(30)
    return producer


def committed(consumer, topic):
    while True:
        try:
            offset = consumer.committed([TopicPartition(topic, 0)], 10)[0].offset
            return max(offset, 0)
        except KafkaException as error:
            print('no committed offset:', error, flush=True)
            time.sleep(0.2)


def once(producer, consumer, records, out):
    producer.begin_transaction()
    for record in records:
        producer.produce(out, record.value(), key=record.key(), partition=record.offset() % 3)
    offsets = [TopicPartition(records[-1].topic(), 0, records[-1].offset() + 1)]
    producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata(), 20)
    if RANDOM.random() < 0.25:
        producer.flush(20)
        producer.abort_transaction(20)
    else:
        producer.commit_transaction(20)


def main(bootstrap, topic, out, name, count):
    consumer = Consumer({'bootstrap.servers': bootstrap, 'group.id': name,
                         'enable.auto.commit': False, 'auto.offset.reset': 'earliest',
                         'isolation.level': 'read_committed', 'reconnect.backoff.max.ms': 200})
    begun, restarts, producer = 0, 0, None
    while (begin := committed(consumer, topic)) < int(count):
        consumer.assign([TopicPartition(topic, 0, begin)])
        records = [record for record in consumer.consume(20, 2) if not record.error()]
        if not records:
            continue
        try:
            if producer is None:
                producer = producer_of(bootstrap, name)
            begun += 1
            once(producer, consumer, records, out)
            print('committed', begin, flush=True)
        except KafkaException as error:
            print('again after', error, flush=True)
            try:
                if error.args[0].txn_requires_abort():
                    producer.abort_transaction(20)
                    continue
            except KafkaException as worse:
                print('no abort:', worse, flush=True)
            producer = None
            restarts += 1
            time.sleep(0.2)
    print(f'done {begin} records, {begun} transactions, {restarts} restarts')
    consumer.close()


main(*sys.argv[1:])
