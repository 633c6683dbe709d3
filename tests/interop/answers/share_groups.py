# SPDX-License-Identifier: Apache-2.0
"""Groups whose members share records (KIP-932): membership and offsets."""

from . import about, coordinator, topic
from .consumer_groups import enter as enter_consumer
from .data import plain, produce_body
from .groups import join, join_body


def share_config(ask, group, **configs):
    ask.quiet('IncrementalAlterConfigs', 1, resources=[{
        'resourceType': 32, 'resourceName': group, 'configs': [
            {'name': key.replace('_', '.'), 'configOperation': 0, 'value': value}
            for key, value in configs.items()]}])


def write(ask, name, topic_id, count=1, partition=0, **more):
    body = produce_body(name, topic_id, plain(count=count, **more))
    body['topicData'][0]['partitionData'][0]['index'] = partition
    return ask.quiet('Produce', 13, **body)


def share_beat(ask, group, member, epoch, on='a', quiet=False, **more):
    asked = ask.quiet if quiet else ask
    return asked('ShareGroupHeartbeat', 1, on, groupId=group, memberId=member, memberEpoch=epoch,
                 **more)


def assigned(answer):
    return (answer.get('assignment') or {}).get('topicPartitions') or []


def enter_share(ask, group, member, topics, on='a', partitions=1):
    """A member that beats until it has so many partitions; its epoch."""
    answer = share_beat(ask, group, member, 0, on, quiet=True, subscribedTopicNames=topics)
    epoch = answer['memberEpoch']
    while sum(len(one['partitions']) for one in assigned(answer)) < partitions:
        answer = share_beat(ask, group, member, epoch, on, quiet=True, subscribedTopicNames=topics)
        epoch = answer['memberEpoch']
    return epoch


def describe_share(ask, group, **more):
    ask('ShareGroupDescribe', 1, groupIds=[group], **more)


def starts(ask, version, group, topics=None):
    """Where a group is: of these topics (name, partitions), or of all."""
    named = None if topics is None else [
        {'topicName': one, 'partitions': list(which)} for one, which in topics]
    return ask('DescribeShareGroupOffsets', version, groups=[
        {'groupId': group, 'topics': named}])


def alter(ask, group, *topics):
    return ask('AlterShareGroupOffsets', 0, groupId=group, topics=[
        {'topicName': one, 'partitions': [{'partitionIndex': p, 'startOffset': at}
                                          for p, at in offsets]} for one, offsets in topics])


@about('ShareGroupHeartbeat')
def refused_share_heartbeats(ask, version, name):
    topic(ask, name + '-t')
    coordinator(ask, name)
    good = {'groupId': name, 'memberId': 'm', 'memberEpoch': 0,
            'subscribedTopicNames': [name + '-t']}
    for wrong in ({'groupId': ''}, {'groupId': ' '}, {'memberId': ''}, {'memberId': ' '},
                  {'memberEpoch': -2}, {'memberEpoch': -3}, {'memberEpoch': 3}, {'rackId': ''},
                  {'memberEpoch': -1}, {'memberId': 'x' * 37}, {'memberId': 'x' * 36},
                  {'subscribedTopicNames': None}, {'subscribedTopicNames': []},
                  {'memberEpoch': 7}, {'memberId': 'stranger', 'memberEpoch': 1}):
        ask('ShareGroupHeartbeat', version, **{**good, **wrong})
    describe_share(ask, name)


@about('ShareGroupHeartbeat')
def one_share_member_lives(ask, version, name):
    topic(ask, name + '-t', 3)
    coordinator(ask, name)
    describe_share(ask, name)
    epoch = enter_share(ask, name, 'm1', [name + '-t'])
    share_beat(ask, name, 'm1', epoch)
    share_beat(ask, name, 'm1', epoch, subscribedTopicNames=[name + '-t'])
    describe_share(ask, name, includeAuthorizedOperations=True)
    ask('DeleteGroups', 2, groupsNames=[name])
    share_beat(ask, name, 'm1', -1)
    share_beat(ask, name, 'm1', -1)
    describe_share(ask, name)
    ask('DeleteGroups', 2, groupsNames=[name])
    describe_share(ask, name)
    starts(ask, 1, name)


@about('ShareGroupHeartbeat')
def the_first_share_heartbeats(ask, version, name):
    """Nothing is assigned before its state is there."""
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    first = share_beat(ask, name, 'm1', 0, subscribedTopicNames=[name + '-t'])
    share_beat(ask, name, 'm2', 0, subscribedTopicNames=['not-there'])
    share_beat(ask, name, 'm1', first['memberEpoch'] + 5)
    share_beat(ask, name, 'm3', 0, subscribedTopicNames=[], rackId='r3')


@about('ShareGroupHeartbeat')
def two_share_members(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    first = enter_share(ask, name, 'm1', [name + '-t'])
    second = enter_share(ask, name, 'm2', [name + '-t'], 'b')
    describe_share(ask, name)
    now = share_beat(ask, name, 'm1', first)
    share_beat(ask, name, 'm1', first)
    share_beat(ask, name, 'm1', now['memberEpoch'])
    share_beat(ask, name, 'm1', now['memberEpoch'] + 1)
    share_beat(ask, name, 'm2', second)
    share_beat(ask, name, 'm2', -1)
    describe_share(ask, name)
    share_beat(ask, name, 'm1', now['memberEpoch'])
    share_beat(ask, name, 'm1', 0, subscribedTopicNames=[name + '-t'])
    describe_share(ask, name)


@about('ShareGroupHeartbeat')
def more_share_members_than_partitions(ask, version, name):
    """Who has which partition hangs on the hash of the topic's id."""

    def parts(group):
        found = ask.quiet('ShareGroupDescribe', 1, groupIds=[group])['groups'][0]
        for member in found['members']:
            held = member.pop('assignment')['topicPartitions']
            member['holds'] = sorted({one['topicName'] for one in held})
        ask.answers.append(('ShareGroupDescribe', found))

    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    members = {}
    for member in ('m1', 'm2', 'm3', 'm4', 'm5'):
        members[member] = enter_share(ask, name, member, [name + '-t'])
    for left in (None, 'm2', 'm4'):
        if left is not None:
            share_beat(ask, name, left, -1)
            del members[left]
        for member, epoch in members.items():
            members[member] = share_beat(ask, name, member, epoch, quiet=True)['memberEpoch']
        parts(name)


@about('ShareGroupHeartbeat')
def a_changed_share_subscription(ask, version, name):
    topic(ask, name + '-t1', 2)
    topic(ask, name + '-t2', 2)
    coordinator(ask, name)
    epoch = enter_share(ask, name, 'm1', [name + '-t1'])
    answer = share_beat(ask, name, 'm1', epoch, quiet=True,
                        subscribedTopicNames=[name + '-t2', name + '-t1', name + '-t1'])
    while len(assigned(answer)) != 2:
        answer = share_beat(ask, name, 'm1', answer['memberEpoch'], quiet=True,
                            subscribedTopicNames=[name + '-t2', name + '-t1'])
    describe_share(ask, name)
    share_beat(ask, name, 'm1', answer['memberEpoch'], subscribedTopicNames=[name + '-t2'])
    describe_share(ask, name)
    share_beat(ask, name, 'm1', answer['memberEpoch'] + 1, subscribedTopicNames=['none'])
    describe_share(ask, name)


@about('ShareGroupHeartbeat')
def a_shared_topic_grows_and_goes(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    epoch = enter_share(ask, name, 'm1', [name + '-t'])
    ask.quiet('CreatePartitions', 3, timeoutMs=20000, topics=[
        {'name': name + '-t', 'count': 3, 'assignments': None}])
    while True:
        answer = share_beat(ask, name, 'm1', epoch, quiet=True,
                            subscribedTopicNames=[name + '-t'])
        epoch = answer['memberEpoch']
        if [len(one['partitions']) for one in assigned(answer)] == [3]:
            break
    describe_share(ask, name)
    starts(ask, 1, name)
    ask.quiet('DeleteTopics', 6, timeoutMs=20000, topics=[{'name': name + '-t'}])
    while True:
        answer = share_beat(ask, name, 'm1', epoch, quiet=True,
                            subscribedTopicNames=[name + '-t'])
        epoch = answer['memberEpoch']
        if answer['assignment'] is not None and not assigned(answer):
            break
    describe_share(ask, name)
    starts(ask, 1, name)


@about('ShareGroupHeartbeat')
def other_protocols_at_a_share_group(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    share_beat(ask, name, 'm1', 0, subscribedTopicNames=[name + '-t'])
    ask('JoinGroup', 9, **join_body(name))
    ask('SyncGroup', 5, groupId=name, generationId=1, memberId='m1', protocolType='consumer',
        protocolName='range', assignments=[])
    ask('Heartbeat', 4, groupId=name, generationId=1, memberId='m1')
    ask('LeaveGroup', 5, groupId=name, members=[{'memberId': 'm1'}])
    enter_consumer(ask, 1, name, 'm2', [name + '-t'])
    ask('DescribeGroups', 6, groups=[name])
    ask('ConsumerGroupDescribe', 1, groupIds=[name])
    ask('StreamsGroupDescribe', 0, groupIds=[name])
    ask('OffsetCommit', 9, groupId=name, generationIdOrMemberEpoch=-1, memberId='', topics=[
        {'name': name + '-t', 'partitions': [
            {'partitionIndex': 0, 'committedOffset': 7, 'committedMetadata': ''}]}])
    ask('OffsetFetch', 9, groups=[{'groupId': name, 'topics': [
        {'name': name + '-t', 'partitionIndexes': [0]}]}])
    ask('OffsetFetch', 9, groups=[{'groupId': name, 'topics': None}])
    ask('OffsetDelete', 0, groupId=name, topics=[
        {'name': name + '-t', 'partitions': [{'partitionIndex': 0}]}])
    ask('TxnOffsetCommit', 4, groupId=name, transactionalId=name, producerId=0, producerEpoch=0,
        generationId=-1, memberId='', topics=[{'name': name + '-t', 'partitions': [
            {'partitionIndex': 0, 'committedOffset': 6, 'committedMetadata': ''}]}])


@about('ShareGroupHeartbeat')
def share_members_at_other_groups(ask, version, name):
    topic(ask, name + '-t', 1)
    for group in (name + '-classic', name + '-consumer', name + '-offsets'):
        coordinator(ask, group)
    joined = join(ask, 9, name + '-classic')
    enter_consumer(ask, 1, name + '-consumer', 'm', [name + '-t'])
    ask('OffsetCommit', 9, groupId=name + '-offsets', generationIdOrMemberEpoch=-1, memberId='',
        topics=[{'name': name + '-t', 'partitions': [
            {'partitionIndex': 0, 'committedOffset': 7, 'committedMetadata': ''}]}])
    for group in (name + '-classic', name + '-consumer', name + '-offsets'):
        share_beat(ask, group, 'm1', 0, subscribedTopicNames=[name + '-t'])
        share_beat(ask, group, 'm1', 1)
        share_beat(ask, group, 'm1', -1)
        describe_share(ask, group)
        alter(ask, group, (name + '-t', [(0, 0)]))
        ask('DeleteShareGroupOffsets', 0, groupId=group, topics=[{'topicName': name + '-t'}])
        starts(ask, 1, group)
    ask('LeaveGroup', 5, groupId=name + '-classic', members=[{'memberId': joined['memberId']}])
    share_beat(ask, name + '-classic', 'm1', 0, subscribedTopicNames=[name + '-t'])
    describe_share(ask, name + '-classic')


@about('ShareGroupDescribe')
def described_share_groups(ask, version, name):
    topic(ask, name + '-t', 2)
    for group in (name, name + '-classic', name + '-consumer'):
        coordinator(ask, group)
    join(ask, 9, name + '-classic')
    enter_consumer(ask, 1, name + '-consumer', 'm', [name + '-t'])
    enter_share(ask, name, 'm1', [name + '-t'])
    ask('ShareGroupDescribe', version, groupIds=[
        name, name + '-classic', name + '-consumer', name + '-none', '', name])
    ask('ShareGroupDescribe', version, groupIds=[])


@about('ListGroups', first=5)
def listed_share_groups(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    enter_share(ask, name, 'm1', [name + '-t'])

    def own(**filters):
        found = ask.quiet('ListGroups', version, **filters)
        found['groups'] = [one for one in found['groups'] if one['groupId'] == name]
        ask.answers.append(('ListGroups own', found))

    for filters in ({}, {'typesFilter': ['share']}, {'typesFilter': ['SHARE', 'x']},
                    {'typesFilter': ['consumer']}, {'statesFilter': ['Stable']},
                    {'statesFilter': ['Empty']}, {'statesFilter': ['dead']}):
        own(**filters)
    share_beat(ask, name, 'm1', -1)
    own()
    own(statesFilter=['empty'], typesFilter=['Share'])


@about('DescribeShareGroupOffsets')
def described_share_offsets(ask, version, name):
    made = topic(ask, name + '-t', 2)
    coordinator(ask, name)
    share_config(ask, name, share_auto_offset_reset='earliest')
    write(ask, name + '-t', made, 5)
    starts(ask, version, name)
    starts(ask, version, name, [])
    starts(ask, version, name, [(name + '-t', [0, 1])])
    enter_share(ask, name, 'm1', [name + '-t'])
    starts(ask, version, name)
    starts(ask, version, name, [])
    starts(ask, version, name, [(name + '-t', [1, 0, 0]), ('not-there', [0, 3])])
    starts(ask, version, name, [(name + '-t', [])])
    starts(ask, version, name, [('not-there', [])])
    starts(ask, version, name, [(name + '-t', [-1])])
    starts(ask, version, '', [(name + '-t', [0])])
    starts(ask, version, '', [('not-there', [0])])
    starts(ask, version, '')
    starts(ask, version, '', [])
    ask('DescribeShareGroupOffsets', version, groups=[])
    ask('DescribeShareGroupOffsets', version, groups=[
        {'groupId': name, 'topics': None},
        {'groupId': name + '-other', 'topics': [{'topicName': name + '-t', 'partitions': [0]}]}])


@about('AlterShareGroupOffsets')
def altered_share_offsets(ask, version, name):
    made = topic(ask, name + '-t', 2)
    topic(ask, name + '-u', 1)
    coordinator(ask, name)
    write(ask, name + '-t', made, 9)
    alter(ask, name, (name + '-t', [(0, 1)]))
    describe_share(ask, name)
    alter(ask, '', (name + '-t', [(0, 1)]))
    enter_share(ask, name, 'm1', [name + '-t'], partitions=2)
    alter(ask, name, (name + '-t', [(0, 1)]))
    share_beat(ask, name, 'm1', -1)
    describe_share(ask, name)
    alter(ask, name, (name + '-t', [(0, 3)]))
    describe_share(ask, name)
    starts(ask, 1, name)
    alter(ask, name, (name + '-t', [(1, 0), (9, 0)]), ('not-there', [(0, 4)]))
    describe_share(ask, name)
    starts(ask, 1, name)
    alter(ask, name, (name + '-u', [(0, 0)]))
    describe_share(ask, name)
    starts(ask, 1, name)
    alter(ask, name)
    alter(ask, name, (name + '-t', []))
    alter(ask, name, (name + '-t', [(0, -1)]))
    starts(ask, 1, name)
    alter(ask, name, (name + '-t', [(0, 99)]), (name + '-t', [(1, 98)]))
    starts(ask, 1, name)
    describe_share(ask, name)
    enter_share(ask, name, 'm2', [name + '-t'], partitions=2)
    describe_share(ask, name)


@about('DeleteShareGroupOffsets')
def deleted_share_offsets(ask, version, name):
    topic(ask, name + '-t', 2)
    topic(ask, name + '-u', 1)
    coordinator(ask, name)

    def forget(group, *topics):
        ask('DeleteShareGroupOffsets', version, groupId=group,
            topics=[{'topicName': one} for one in topics])

    forget(name, name + '-t')
    forget('', name + '-t')
    epoch = enter_share(ask, name, 'm1', [name + '-t'])
    forget(name, name + '-t')
    share_beat(ask, name, 'm1', -1)
    forget(name)
    forget(name, name + '-u', 'not-there')
    describe_share(ask, name)
    forget(name, name + '-t', 'not-there', name + '-t')
    describe_share(ask, name)
    starts(ask, 1, name)
    forget(name, name + '-t')
    share_beat(ask, name, 'm1', epoch)
    enter_share(ask, name, 'm1', [name + '-t'])
    describe_share(ask, name)
    starts(ask, 1, name)


@about('DeleteGroups')
def deleted_share_groups(ask, version, name):
    made = topic(ask, name + '-t', 2)
    coordinator(ask, name)
    share_config(ask, name, share_auto_offset_reset='earliest')
    write(ask, name + '-t', made, 5)
    enter_share(ask, name, 'm1', [name + '-t'])
    ask('DeleteGroups', version, groupsNames=[name])
    share_beat(ask, name, 'm1', -1)
    alter(ask, name, (name + '-t', [(0, 3)]))
    ask('DeleteGroups', version, groupsNames=[name, name + '-none', name])
    starts(ask, 1, name)
    starts(ask, 1, name, [(name + '-t', [0, 1])])
    describe_share(ask, name)
    enter_share(ask, name, 'm1', [name + '-t'])
    describe_share(ask, name)
    starts(ask, 1, name)


@about('FindCoordinator', first=6)
def coordinators_of_share_state(ask, version, name):
    made = topic(ask, name + '-t', 1)
    good = f'{name}:{made}:0'
    ask.until('FindCoordinator', version, keyType=2, coordinatorKeys=[good])
    for keys in (['bad'], ['a:b'], ['a:b:c'], [f'{name}:{made}:x'], [f':{made}:0'],
                 [f'{name}:{made}:-1'], [f'{name}:{made}:'], [''], [good, 'bad'],
                 [f'{name}:{made}:7'], [f'a:b:{made}:0'], [], [good, good]):
        ask('FindCoordinator', version, keyType=2, coordinatorKeys=keys)
    ask('FindCoordinator', version, keyType=3, coordinatorKeys=[good])
    ask('FindCoordinator', version, keyType=-1, coordinatorKeys=[good])
    ask('FindCoordinator', 5, keyType=2, coordinatorKeys=[good])
