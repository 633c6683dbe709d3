# SPDX-License-Identifier: Apache-2.0
"""kafka-python at BOOTSTRAP: reads topic "in" as GROUP and writes each record once to "out", in
transactions of which one in three is aborted, until COUNT records are written."""

import sys
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.structs import OffsetAndMetadata


def main(bootstrap, group, count):
    consumer = KafkaConsumer('in', bootstrap_servers=bootstrap, group_id=group,
                             enable_auto_commit=False, isolation_level='read_committed',
                             auto_offset_reset='earliest', max_poll_records=20)
    producer = KafkaProducer(bootstrap_servers=bootstrap, transactional_id=group)
    producer.init_transactions()
    source = TopicPartition('in', 0)
    turn, deadline = 0, time.monotonic() + 90
    while (consumer.committed(source) or 0) < int(count):
        assert time.monotonic() < deadline, consumer.committed(source)
        records = consumer.poll(timeout_ms=2000).get(source, [])
        if not records:
            continue
        producer.begin_transaction()
        for record in records:
            producer.send('out', value=record.value, partition=0)
        offsets = {source: OffsetAndMetadata(records[-1].offset + 1, '', -1)}
        producer.send_offsets_to_transaction(offsets, consumer.group_metadata()
                                             if hasattr(consumer, 'group_metadata') else group)
        if turn % 3 == 1:
            producer.abort_transaction()
            consumer.seek(source, consumer.committed(source) or 0)
        else:
            producer.commit_transaction()
        turn += 1
    consumer.close()
    producer.close()


main(*sys.argv[1:])
