# SPDX-License-Identifier: Apache-2.0
"""kafka-python against BOOTSTRAP: admin, every codec and acks, assigned partitions."""

import sys

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import (ConfigResource, ConfigResourceType, KafkaAdminClient, NewPartitions,
                         NewTopic)
from kafka.errors import TopicAlreadyExistsError

CODECS = (None, 'gzip', 'snappy', 'lz4', 'zstd')
ACKS = (0, 1, 'all')
TOPIC = 'kafka-python'


def administer(bootstrap):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(TOPIC, 2, 1, topic_configs={'retention.ms': '86400000'})])
    try:
        admin.create_topics([NewTopic(TOPIC, 1, 1)])
        raise AssertionError('a topic was created twice')
    except TopicAlreadyExistsError:
        pass
    assert TOPIC in admin.list_topics()
    described = admin.describe_topics([TOPIC])[0]
    assert len(described['partitions']) == 2, described
    admin.create_partitions({TOPIC: NewPartitions(3)})
    configs = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, TOPIC)])
    assert 'retention.ms' in repr(configs), configs
    admin.close()


def produce(bootstrap, codec, acks):
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks=acks, compression_type=codec,
                             enable_idempotence=False, linger_ms=5)
    values = [f'{codec}-{acks}-{i} '.encode() + b'moldau' * (i % 9) for i in range(100)]
    futures = [producer.send(TOPIC, value=value, key=str(i).encode(), partition=0,
                             headers=[('h', b'v')]) for i, value in enumerate(values)]
    for future in futures:
        future.get(timeout=20)
    producer.flush(20)
    producer.close(10)
    return values


def consume(bootstrap, expected):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, group_id=None,
                             auto_offset_reset='earliest', consumer_timeout_ms=20000)
    partition = TopicPartition(TOPIC, 0)
    consumer.assign([partition])
    consumer.seek_to_beginning(partition)
    got = []
    for record in consumer:
        assert record.offset == len(got), record
        assert record.headers == [('h', b'v')], record
        got.append(record.value)
        if len(got) == len(expected):
            break
    assert got == expected, f'{len(got)} of {len(expected)} records, or other ones'
    assert consumer.end_offsets([partition]) == {partition: len(expected)}
    assert consumer.beginning_offsets([partition]) == {partition: 0}
    assert consumer.offsets_for_times({partition: 0})[partition].offset == 0
    consumer.close()


def main(bootstrap):
    administer(bootstrap)
    expected = []
    for codec in CODECS:
        for acks in ACKS:
            expected += produce(bootstrap, codec, acks)
    consume(bootstrap, expected)
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.delete_topics([TOPIC])
    admin.close()


main(sys.argv[1])
