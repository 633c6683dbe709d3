# SPDX-License-Identifier: Apache-2.0
"""Writes committed and aborted transactions to TOPIC at BOOTSTRAP, and a group's offset."""

import sys

from confluent_kafka import Consumer, Producer, TopicPartition


def main(bootstrap, topic):
    producer = Producer({'bootstrap.servers': bootstrap, 'transactional.id': 'swap'})
    producer.init_transactions(20)
    for number in range(6):
        producer.begin_transaction()
        for i in range(10):
            producer.produce(topic, f'transaction {number} record {i}', key=str(i), partition=0)
        producer.flush(20)
        if number % 2:
            producer.abort_transaction(20)
        else:
            producer.commit_transaction(20)
    consumer = Consumer({'bootstrap.servers': bootstrap, 'group.id': 'swap-group',
                         'enable.auto.commit': False})
    consumer.commit(offsets=[TopicPartition(topic, 0, 7)], asynchronous=False)
    consumer.close()


main(*sys.argv[1:])
