# SPDX-License-Identifier: Apache-2.0
"""Records: writing, reading, offsets."""

from . import about, topic
from .transactions import batch


def produce_body(name, topic_id, records, **more):
    return dict({'acks': -1, 'timeoutMs': 20000, 'topicData': [
        {'name': name, 'topicId': topic_id, 'partitionData': [{'index': 0, 'records': records}]}]},
                **more)


def plain(**more):
    return batch(transactional=False, **more)


@about('Produce', first=3)
def producing(ask, version, name):
    made = topic(ask, name)
    ask('Produce', version, **produce_body(name, made, plain(count=3)))
    ask('Produce', version, **produce_body(name, made, plain(), acks=1))
    ask('Produce', version, **produce_body(name, made, plain(), acks=7))
    ask('Produce', version, **produce_body('nowhere', 'AAAAAAAAAAAAAAAAAAAAbw', plain()))
    body = produce_body(name, made, plain())
    body['topicData'][0]['partitionData'][0]['index'] = 44
    ask('Produce', version, **body)
    ask('Produce', version, **produce_body('__consumer_offsets', 'AAAAAAAAAAAAAAAAAAAAbw', plain()))


@about('Produce', first=3)
def producing_idempotently(ask, version, name):
    made = topic(ask, name)
    for sequence in (0, 1, 1, 5, 2, 0):
        ask('Produce', version, **produce_body(name, made, plain(
            producer_id=77, epoch=0, sequence=sequence)))
    ask('Produce', version, **produce_body(name, made, plain(
        producer_id=77, epoch=1, sequence=3)))
    ask('Produce', version, **produce_body(name, made, plain(
        producer_id=77, epoch=1, sequence=0)))
    ask('Produce', version, **produce_body(name, made, plain(
        producer_id=77, epoch=0, sequence=3)))
    ask('DescribeProducers', 0, topics=[{'name': name, 'partitionIndexes': [0, 1]},
                                        {'name': 'nowhere', 'partitionIndexes': [0]}])


@about('Produce', first=3)
def producing_rubbish(ask, version, name):
    made = topic(ask, name, configs=[('max.message.bytes', '200')])
    ask('Produce', version, **produce_body(name, made, plain(count=100)))
    whole = plain()
    ask('Produce', version, **produce_body(name, made, whole[:60] + 'AAAA' + whole[64:]))
    compacted = topic(ask, name + '-c', configs=[('cleanup.policy', 'compact')])
    ask('Produce', version, **produce_body(name + '-c', compacted, plain(count=2)))


def fetch_body(name, topic_id, offset=0, partition=0, **more):
    return dict({'replicaId': -1, 'replicaState': {'replicaId': -1, 'replicaEpoch': -1},
                 'maxWaitMs': 10, 'minBytes': 1, 'maxBytes': 1 << 20, 'isolationLevel': 0,
                 'sessionId': 0, 'sessionEpoch': -1, 'topics': [
                     {'topic': name, 'topicId': topic_id, 'partitions': [
                         {'partition': partition, 'fetchOffset': offset, 'currentLeaderEpoch': -1,
                          'lastFetchedEpoch': -1, 'logStartOffset': -1,
                          'partitionMaxBytes': 1 << 20}]}]}, **more)


@about('Fetch', first=4)
def fetching(ask, version, name):
    made = topic(ask, name)
    ask.quiet('Produce', 9, **produce_body(name, made, plain(count=3)))
    ask('Fetch', version, **fetch_body(name, made))
    ask('Fetch', version, **fetch_body(name, made, 3))
    ask('Fetch', version, **fetch_body(name, made, 4))
    ask('Fetch', version, **fetch_body(name, made, -5))
    ask('Fetch', version, **fetch_body(name, made, 0, 9))
    ask('Fetch', version, **fetch_body('nowhere', 'AAAAAAAAAAAAAAAAAAAAbw'))
    body = fetch_body(name, made)
    body['topics'][0]['partitions'][0]['currentLeaderEpoch'] = 55
    ask('Fetch', version, **body)
    body['topics'][0]['partitions'][0]['currentLeaderEpoch'] = 0
    ask('Fetch', version, **body)
    ask('Fetch', version, **fetch_body(name, made, isolationLevel=1))


@about('Fetch', first=7)
def fetch_sessions(ask, version, name):
    made = topic(ask, name)
    first = ask('Fetch', version, **fetch_body(name, made, sessionEpoch=0))
    session = {'sessionId': first['sessionId']}
    ask('Fetch', version, **dict(fetch_body(name, made), sessionEpoch=1, topics=[], **session))
    ask.quiet('Produce', 9, **produce_body(name, made, plain()))
    ask('Fetch', version, **dict(fetch_body(name, made), sessionEpoch=2, topics=[], **session))
    ask('Fetch', version, **dict(fetch_body(name, made), sessionEpoch=9, topics=[], **session))
    ask('Fetch', version, **dict(fetch_body(name, made), sessionEpoch=1, sessionId=4711,
                                 topics=[]))
    ask('Fetch', version, **dict(fetch_body(name, made), sessionEpoch=-1, topics=[], **session))


@about('ListOffsets')
def listing_offsets(ask, version, name):
    made = topic(ask, name)
    ask.quiet('Produce', 9, **produce_body(name, made, plain(count=3)))
    for timestamp in (-1, -2, 1000, 1001, 0, -3, -4, -5, -77):
        if timestamp in (-3, -4, -5) and version < {-3: 7, -4: 8, -5: 9}[timestamp]:
            continue
        ask('ListOffsets', version, replicaId=-1, timeoutMs=5000, topics=[
            {'name': name, 'partitions': [{'partitionIndex': 0, 'currentLeaderEpoch': -1,
                                           'timestamp': timestamp}]}])
    ask('ListOffsets', version, replicaId=-1, topics=[
        {'name': name, 'partitions': [
            {'partitionIndex': 0, 'currentLeaderEpoch': 66, 'timestamp': -1},
            {'partitionIndex': 8, 'currentLeaderEpoch': -1, 'timestamp': -1}]},
        {'name': 'nowhere', 'partitions': [
            {'partitionIndex': 0, 'currentLeaderEpoch': -1, 'timestamp': -1}]}])


@about('DeleteRecords')
def deleting_records(ask, version, name):
    made = topic(ask, name)
    ask.quiet('Produce', 9, **produce_body(name, made, plain(count=5)))
    for offset in (2, 1, 9, -1):
        ask('DeleteRecords', version, timeoutMs=5000, topics=[
            {'name': name, 'partitions': [{'partitionIndex': 0, 'offset': offset}]}])
    ask('DeleteRecords', version, timeoutMs=5000, topics=[
        {'name': name, 'partitions': [{'partitionIndex': 3, 'offset': 0}]},
        {'name': 'nowhere', 'partitions': [{'partitionIndex': 0, 'offset': 0}]}])


@about('OffsetForLeaderEpoch')
def epochs(ask, version, name):
    made = topic(ask, name)
    ask.quiet('Produce', 9, **produce_body(name, made, plain(count=5)))
    ask('OffsetForLeaderEpoch', version, replicaId=-2, topics=[
        {'topic': name, 'partitions': [
            {'partition': 0, 'currentLeaderEpoch': current, 'leaderEpoch': epoch}]}
        for current, epoch in ((-1, 0),)])
    for current, epoch in ((0, 0), (0, 5), (7, 0), (-1, -1), (-1, 9)):
        ask('OffsetForLeaderEpoch', version, replicaId=-2, topics=[
            {'topic': name, 'partitions': [
                {'partition': 0, 'currentLeaderEpoch': current, 'leaderEpoch': epoch},
                {'partition': 6, 'currentLeaderEpoch': current, 'leaderEpoch': epoch}]}])


@about('Metadata')
def metadata(ask, version, name):
    topic(ask, name, 2)
    wanted = [{'name': name}, {'name': 'nowhere-' + name}, {'name': 'bad name!'}]
    ask('Metadata', version, topics=wanted, allowAutoTopicCreation=False,
        includeTopicAuthorizedOperations=True, includeClusterAuthorizedOperations=True)
    if version >= 1:
        ask('Metadata', version, topics=[], allowAutoTopicCreation=False)
    if version >= 12:
        ask('Metadata', version, topics=[{'topicId': 'AAAAAAAAAAAAAAAAAAAAbw', 'name': None}],
            allowAutoTopicCreation=False)


@about('DescribeTopicPartitions')
def topic_partitions(ask, version, name):
    topic(ask, name, 3)
    ask('DescribeTopicPartitions', version, topics=[{'name': name}, {'name': 'nowhere'}],
        responsePartitionLimit=100)
    ask('DescribeTopicPartitions', version, topics=[{'name': name}], responsePartitionLimit=2)
    ask('DescribeTopicPartitions', version, topics=[{'name': name}], responsePartitionLimit=2,
        cursor={'topicName': name, 'partitionIndex': 2})
    ask('DescribeTopicPartitions', version, topics=[{'name': name}], responsePartitionLimit=2,
        cursor={'topicName': name, 'partitionIndex': -2})
