# SPDX-License-Identifier: Apache-2.0
"""Transactions, both generations."""

import base64
import struct

from . import about, coordinator, topic


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def batch(producer_id=-1, epoch=-1, sequence=-1, transactional=True, count=1):
    """A batch of `count` records with the value "v", as JSON carries it."""
    records = b''
    for number in range(count):
        body = bytes([0, 0, number * 2, 1, 2]) + b'v' + b'\0'
        records += bytes([len(body) * 2]) + body
    rest = struct.pack('>hiqqqhii', 0x10 if transactional else 0, count - 1, 1000, 1000,
                       producer_id, epoch, sequence, count) + records
    rest = struct.pack('>I', crc32c(rest)) + rest
    head = struct.pack('>qiib', 0, len(rest) + 5, -1, 2)
    return base64.b64encode(head + rest).decode()


def init(ask, name, version=5, **more):
    return ask.until('InitProducerId', version, **dict(
        {'transactionalId': name, 'transactionTimeoutMs': 60000, 'producerId': -1,
         'producerEpoch': -1}, **more))


def produce(ask, version, name, topic_id, who, sequence, partition=0, **more):
    return ask.until('Produce', version, transactionalId=name, acks=-1, timeoutMs=20000, topicData=[
        {'name': name, 'topicId': topic_id, 'partitionData': [
            {'index': partition,
             'records': batch(who['producerId'], who['producerEpoch'], sequence, **more)}]}])


def add(ask, version, name, who, partitions=(0,), **more):
    """Versions of clients: below 4."""
    return ask.until('AddPartitionsToTxn', version, **dict(
        {'v3AndBelowTransactionalId': name, 'v3AndBelowProducerId': who['producerId'],
         'v3AndBelowProducerEpoch': who['producerEpoch'],
         'v3AndBelowTopics': [{'name': name, 'partitions': list(partitions)}]}, **more))


def end(ask, version, name, who, committed=True, **more):
    return ask.until('EndTxn', version, **dict(
        {'transactionalId': name, 'producerId': who['producerId'],
         'producerEpoch': who['producerEpoch'], 'committed': committed}, **more))


def settled(ask, name):
    """Waits until the markers of the last transaction are written; tells how it is then."""
    while True:
        answer = ask.quiet('DescribeTransactions', 0, transactionalIds=[name])
        if not answer['transactionStates'][0]['transactionState'].startswith('Prepare'):
            ask.answers.append(('DescribeTransactions', answer))
            return


def fetch(ask, name, topic_id, isolation=1):
    answer = ask.quiet('Fetch', 17, maxWaitMs=100, minBytes=1, maxBytes=1 << 20,
                       isolationLevel=isolation, topics=[{'topicId': topic_id, 'partitions': [
                           {'partition': 0, 'fetchOffset': 0, 'partitionMaxBytes': 1 << 20,
                            'currentLeaderEpoch': -1, 'lastFetchedEpoch': -1,
                            'logStartOffset': -1}]}])
    one = answer['responses'][0]['partitions'][0]
    one.pop('records', None)
    one.pop('recordsSizeInBytes', None)
    ask.answers.append(('Fetch', answer))


@about('InitProducerId')
def beginning(ask, version, name):
    coordinator(ask, name, 1)
    first = init(ask, name, version)
    init(ask, name, version)
    init(ask, name, version, transactionTimeoutMs=0)
    init(ask, name, version, transactionTimeoutMs=99_999_999)
    init(ask, '', version)
    init(ask, None, version)
    if version >= 3:
        init(ask, name, version, producerId=first['producerId'], producerEpoch=1)
        init(ask, name, version, producerId=first['producerId'], producerEpoch=0)
        init(ask, name, version, producerId=12345, producerEpoch=0)
        init(ask, name, version, producerId=-1, producerEpoch=3)
        init(ask, name, version, producerId=7, producerEpoch=-1)


@about('EndTxn', last=4)
def old_clients(ask, version, name):
    coordinator(ask, name, 1)
    made = topic(ask, name, 2)
    who = init(ask, name, min(version, 4))
    end(ask, version, name, who)
    add(ask, min(version, 3), name, who, (0, 1))
    ask('DescribeTransactions', 0, transactionalIds=[name])
    produce(ask, 11, name, made, who, 0)
    fetch(ask, name, made)
    end(ask, version, name, who)
    settled(ask, name)
    end(ask, version, name, who)
    end(ask, version, name, who, False)
    settled(ask, name)
    fetch(ask, name, made)
    add(ask, min(version, 3), name, who)
    produce(ask, 11, name, made, who, 1, count=3)
    end(ask, version, name, who, False)
    settled(ask, name)
    fetch(ask, name, made)
    ask('DescribeProducers', 0, topics=[{'name': name, 'partitionIndexes': [0, 9]}])


@about('EndTxn')
def refused_ends(ask, version, name):
    coordinator(ask, name, 1)
    nobody = {'producerId': 999, 'producerEpoch': 0}
    end(ask, version, name, nobody)
    end(ask, version, '', nobody)
    who = init(ask, name)
    end(ask, version, name, dict(who, producerId=999))
    end(ask, version, name, dict(who, producerEpoch=9))
    end(ask, version, name, dict(who, producerEpoch=-1))


@about('Produce', first=12)
def new_clients(ask, version, name):
    coordinator(ask, name, 1)
    made = topic(ask, name, 2)
    who = init(ask, name)
    produce(ask, version, name, made, who, 0)
    produce(ask, version, name, made, who, 0, 1)
    ask('DescribeTransactions', 0, transactionalIds=[name])
    fetch(ask, name, made)
    done = end(ask, 5, name, who)
    settled(ask, name)
    fetch(ask, name, made)
    end(ask, 5, name, who)
    produce(ask, version, name, made, who, 1)
    next_ = {'producerId': done['producerId'], 'producerEpoch': done['producerEpoch']}
    produce(ask, version, name, made, next_, 0)
    end(ask, 5, name, next_, False)
    settled(ask, name)
    fetch(ask, name, made)
    ask('DescribeProducers', 0, topics=[{'name': name, 'partitionIndexes': [0, 1]}])


@about('Produce', first=3)
def outside_of_transactions(ask, version, name):
    coordinator(ask, name, 1)
    made = topic(ask, name)
    who = init(ask, name)
    produce(ask, version, name, made, dict(who, producerEpoch=7), 0)
    produce(ask, version, name, made, dict(who, producerId=4711), 0)
    if version < 12:
        produce(ask, version, name, made, who, 0)
        add(ask, 3, name, who)
        produce(ask, version, name, made, who, 0)
        produce(ask, version, name, made, who, 5)
        produce(ask, version, name, made, who, 0)
        produce(ask, version, name, made, who, 1, transactional=False)
        end(ask, 4, name, who)
        settled(ask, name)
        produce(ask, version, name, made, who, 1)
    fetch(ask, name, made)


@about('AddPartitionsToTxn', last=3)
def adding(ask, version, name):
    coordinator(ask, name, 1)
    topic(ask, name, 2)
    who = init(ask, name)
    add(ask, version, name, who, (0, 5))
    add(ask, version, name, who, (0,), v3AndBelowTransactionalId='other')
    add(ask, version, name, dict(who, producerId=77))
    add(ask, version, name, dict(who, producerEpoch=5))
    add(ask, version, name, who)
    add(ask, version, name, who, (1, 0))
    ask('DescribeTransactions', 0, transactionalIds=[name])
    init(ask, name)
    add(ask, version, name, who)


@about('AddPartitionsToTxn', first=4)
def brokers_add_and_verify(ask, version, name):
    coordinator(ask, name, 1)
    topic(ask, name, 2)
    who = init(ask, name)
    one = {'transactionalId': name, 'producerId': who['producerId'],
           'producerEpoch': who['producerEpoch'],
           'topics': [{'name': name, 'partitions': [0]}]}
    ask('AddPartitionsToTxn', version, transactions=[dict(one, verifyOnly=True)])
    ask('AddPartitionsToTxn', version, transactions=[dict(one, verifyOnly=False)])
    ask('AddPartitionsToTxn', version, transactions=[
        dict(one, verifyOnly=True, topics=[{'name': name, 'partitions': [0, 1]}])])
    ask('AddPartitionsToTxn', version, transactions=[
        dict(one, verifyOnly=True, producerEpoch=5),
        dict(one, transactionalId='other', verifyOnly=True)])


@about('TxnOffsetCommit')
def offsets_in_transactions(ask, version, name):
    coordinator(ask, name, 1)
    coordinator(ask, name)
    made = topic(ask, name, 2)
    who = init(ask, name)
    body = {'transactionalId': name, 'groupId': name, 'producerId': who['producerId'],
            'producerEpoch': who['producerEpoch'], 'generationId': -1, 'memberId': '',
            'topics': [{'name': name, 'partitions': [
                {'partitionIndex': 0, 'committedOffset': 4, 'committedMetadata': 'm'},
                {'partitionIndex': 5, 'committedOffset': 4, 'committedMetadata': ''}]}]}
    fetch_ = {'groups': [{'groupId': name, 'topics': [{'name': name, 'partitionIndexes': [0]}]}]}
    if version < 5:
        ask.until('TxnOffsetCommit', version, **body)
        ask.until('AddOffsetsToTxn', min(version, 3), transactionalId=name, groupId=name,
                  producerId=who['producerId'], producerEpoch=who['producerEpoch'])
    ask.until('TxnOffsetCommit', version, **body)
    ask('OffsetFetch', 9, **fetch_)
    ask('OffsetFetch', 9, requireStable=True, **fetch_)
    ask.until('TxnOffsetCommit', version, **dict(body, groupId=''))
    ask.until('TxnOffsetCommit', version, **dict(body, producerEpoch=8))
    ask.until('TxnOffsetCommit', version, **dict(body, memberId='x', generationId=3))
    end(ask, 5 if version >= 5 else 4, name, who)
    settled(ask, name)
    ask.until('OffsetFetch', 9, requireStable=True, **fetch_)
    fetch(ask, name, made)


@about('AddOffsetsToTxn')
def adding_offsets(ask, version, name):
    coordinator(ask, name, 1)
    coordinator(ask, name)
    who = init(ask, name)
    body = {'transactionalId': name, 'groupId': name, 'producerId': who['producerId'],
            'producerEpoch': who['producerEpoch']}
    ask.until('AddOffsetsToTxn', version, **dict(body, producerId=5))
    ask.until('AddOffsetsToTxn', version, **dict(body, producerEpoch=5))
    ask.until('AddOffsetsToTxn', version, **dict(body, transactionalId='other'))
    ask.until('AddOffsetsToTxn', version, **body)
    ask('DescribeTransactions', 0, transactionalIds=[name, 'other', ''])


@about('ListTransactions')
def listing(ask, version, name):
    coordinator(ask, name, 1)
    topic(ask, name)
    who = init(ask, name)
    add(ask, 3, name, who)
    for filters in ({}, {'stateFilters': ['Ongoing']}, {'stateFilters': ['Empty', 'nonsense']},
                    {'producerIdFilters': [who['producerId']]}, {'producerIdFilters': [987654]},
                    {'durationFilter': 100_000}, {'transactionalIdPattern': name},
                    {'transactionalIdPattern': 'no.*such'}, {'transactionalIdPattern': '['}):
        answer = ask.quiet('ListTransactions', version, **filters)
        answer['transactionStates'] = [one for one in answer['transactionStates']
                                       if one['transactionalId'] == name]
        ask.answers.append((f'ListTransactions v{version} {list(filters)}', answer))


@about('WriteTxnMarkers')
def markers(ask, version, name):
    coordinator(ask, name, 1)
    made = topic(ask, name, 2)
    who = init(ask, name)
    add(ask, 3, name, who)
    produce(ask, 11, name, made, who, 0)
    one = {'producerId': who['producerId'], 'producerEpoch': who['producerEpoch'],
           'transactionResult': False, 'coordinatorEpoch': 0,
           'topics': [{'name': name, 'partitionIndexes': [0, 9]}]}
    ask('WriteTxnMarkers', version, markers=[dict(one, producerEpoch=-1)])
    ask('WriteTxnMarkers', version, markers=[one])
    fetch(ask, name, made)
    ask('WriteTxnMarkers', version, markers=[dict(one, coordinatorEpoch=-1)])
    ask('DescribeProducers', 0, topics=[{'name': name, 'partitionIndexes': [0]}])
    ask('WriteTxnMarkers', version, markers=[])
