# SPDX-License-Identifier: Apache-2.0
"""A recent librdkafka (through confluent-kafka) against BOOTSTRAP."""

import sys

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   NewPartitions, NewTopic, OffsetSpec, ResourceType)

TOPIC = 'librdkafka'


def finish(futures):
    return {key: future.result(20) for key, future in futures.items()}


def administer(admin):
    finish(admin.create_topics([NewTopic(TOPIC, 2, 1, config={'retention.ms': '86400000'})]))
    try:
        finish(admin.create_topics([NewTopic(TOPIC, 1, 1)]))
        raise AssertionError('a topic was created twice')
    except KafkaException as error:
        assert error.args[0].name() == 'TOPIC_ALREADY_EXISTS', error
    finish(admin.create_partitions([NewPartitions(TOPIC, 3)]))
    resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[
        ConfigEntry('segment.bytes', '1048576', incremental_operation=AlterConfigOpType.SET)])
    finish(admin.incremental_alter_configs([resource]))
    configs = list(finish(admin.describe_configs([resource])).values())[0]
    assert configs['retention.ms'].value == '86400000'
    assert configs['segment.bytes'].value == '1048576'
    cluster = admin.describe_cluster().result(20)
    assert len(cluster.nodes) == 1, cluster
    assert len(admin.list_topics(timeout=20).topics[TOPIC].partitions) == 3


def produce(bootstrap, codec, acks, idempotent):
    problems = []
    producer = Producer({'bootstrap.servers': bootstrap, 'compression.type': codec, 'acks': acks,
                         'enable.idempotence': idempotent, 'linger.ms': 5})
    values = [f'{codec}-{acks}-{i} '.encode() + b'moldau' * (i % 9) for i in range(200)]
    for value in values:
        producer.produce(TOPIC, value, key=b'k', partition=0, headers={'h': b'v'},
                         on_delivery=lambda error, _: error and problems.append(error))
    assert producer.flush(20) == 0
    assert not problems, problems
    return values


def consume(bootstrap, expected):
    consumer = Consumer({'bootstrap.servers': bootstrap, 'group.id': 'unused',
                         'enable.auto.commit': False, 'auto.offset.reset': 'earliest'})
    consumer.assign([TopicPartition(TOPIC, 0, 0)])
    got = []
    while len(got) < len(expected):
        message = consumer.poll(20)
        assert message is not None, f'only {len(got)} of {len(expected)} records'
        assert not message.error(), message.error()
        assert message.offset() == len(got)
        got.append(message.value())
    assert got == expected
    assert consumer.get_watermark_offsets(TopicPartition(TOPIC, 0), timeout=20) == (
        0, len(expected))
    consumer.close()


def main(bootstrap):
    admin = AdminClient({'bootstrap.servers': bootstrap})
    administer(admin)
    expected = []
    for codec in ('none', 'gzip', 'snappy', 'lz4', 'zstd'):
        for acks in ('0', '1', 'all'):
            expected += produce(bootstrap, codec, acks, False)
        expected += produce(bootstrap, codec, 'all', True)
    consume(bootstrap, expected)
    partition = TopicPartition(TOPIC, 0)
    latest = finish(admin.list_offsets({partition: OffsetSpec.latest()}))
    assert list(latest.values())[0].offset == len(expected)
    finish(admin.delete_records([TopicPartition(TOPIC, 0, 10)]))
    earliest = finish(admin.list_offsets({partition: OffsetSpec.earliest()}))
    assert list(earliest.values())[0].offset == 10
    finish(admin.delete_topics([TOPIC]))


main(sys.argv[1])
