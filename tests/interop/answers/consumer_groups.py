# SPDX-License-Identifier: Apache-2.0
"""Groups of the consumer protocol (KIP-848), and classic members among them."""

from . import about, coordinator, topic
from .groups import join, join_body


def beat(ask, version, group, member, epoch, on='a', quiet=False, **more):
    body = {'groupId': group, 'memberId': member, 'memberEpoch': epoch, **more}
    asked = ask.quiet if quiet else ask
    return asked('ConsumerGroupHeartbeat', version, on, **body)


def enter(ask, version, group, member, topics, on='a', **more):
    body = {'rebalanceTimeoutMs': 60000, 'subscribedTopicNames': topics, 'topicPartitions': []}
    return beat(ask, version, group, member, 0, on, **{**body, **more})


def owned(*pairs):
    return [{'topicId': one, 'partitions': list(which)} for one, which in pairs]


def settle(ask, version, group, members):
    """Beats until no member has anything to give up or to take; the members' (epoch, owned)."""
    while True:
        moved = False
        for member, (epoch, have) in members.items():
            answer = beat(ask, version, group, member, epoch, quiet=True, topicPartitions=have)
            if answer['errorCode'] != 0:
                raise KeyError(str(answer))
            now = have
            if answer['assignment'] is not None:
                now = answer['assignment']['topicPartitions']
            if answer['memberEpoch'] != epoch or now != have:
                members[member] = (answer['memberEpoch'], now)
                moved = True
        if not moved:
            return


def describe(ask, group, version=1):
    ask('ConsumerGroupDescribe', version, groupIds=[group])


@about('ConsumerGroupHeartbeat')
def one_member_lives(ask, version, name):
    one = topic(ask, name + '-t', 3)
    coordinator(ask, name)
    describe(ask, name)
    first = enter(ask, version, name, 'm1', [name + '-t'])
    describe(ask, name)
    beat(ask, version, name, 'm1', first['memberEpoch'], topicPartitions=owned((one, range(3))))
    beat(ask, version, name, 'm1', first['memberEpoch'])
    describe(ask, name)
    beat(ask, version, name, 'm1', -1)
    describe(ask, name)
    ask('ListGroups', 5)
    ask('DeleteGroups', 2, groupsNames=[name])
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def refused_heartbeats(ask, version, name):
    topic(ask, name + '-t')
    coordinator(ask, name)
    good = {'groupId': name, 'memberId': 'm', 'memberEpoch': 0, 'rebalanceTimeoutMs': 1000,
            'subscribedTopicNames': [name + '-t'], 'topicPartitions': []}
    for wrong in ({'groupId': ''}, {'groupId': ' '}, {'memberId': ''}, {'memberEpoch': -3},
                  {'rebalanceTimeoutMs': -1}, {'subscribedTopicNames': None},
                  {'topicPartitions': None}, {'instanceId': ''}, {'rackId': ''},
                  {'serverAssignor': 'nothing'}, {'serverAssignor': ''}, {'memberEpoch': 1},
                  {'memberEpoch': -1}, {'memberEpoch': -2}, {'memberEpoch': -2, 'instanceId': 'i'},
                  {'memberEpoch': -1, 'instanceId': 'i'}, {'memberEpoch': 5, 'instanceId': 'i'},
                  {'topicPartitions': owned(('AAAAAAAAAAAAAAAAAAAAAQ', [0]))}):
        ask('ConsumerGroupHeartbeat', version, **{**good, **wrong})
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def empty_subscriptions(ask, version, name):
    coordinator(ask, name)
    enter(ask, version, name, 'm1', [])
    describe(ask, name)
    enter(ask, version, name, 'm2', ['not-there', 'nor-this'])
    describe(ask, name)


@about('ConsumerGroupHeartbeat', first=1)
def expressions(ask, version, name):
    topic(ask, name + '-t1', 2)
    topic(ask, name + '-t2', 2)
    coordinator(ask, name)
    enter(ask, version, name, 'bad', None, subscribedTopicRegex='(')
    enter(ask, version, name, 'bad', None, subscribedTopicRegex='a(?=b)')
    enter(ask, version, name, 'empty', None, subscribedTopicRegex='')
    first = enter(ask, version, name, 'm1', None, subscribedTopicRegex=name + '-t.')
    while not (first.get('assignment') or {}).get('topicPartitions'):
        first = beat(ask, version, name, 'm1', first['memberEpoch'], quiet=True,
                     topicPartitions=[])
    have = first['assignment']['topicPartitions']
    beat(ask, version, name, 'm1', first['memberEpoch'], topicPartitions=have)
    describe(ask, name)
    beat(ask, version, name, 'm1', first['memberEpoch'], subscribedTopicRegex='')
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def a_second_member_takes_its_part(ask, version, name):
    one = topic(ask, name + '-t', 4)
    coordinator(ask, name)
    first = enter(ask, version, name, 'm1', [name + '-t'])
    have = owned((one, range(4)))
    beat(ask, version, name, 'm1', first['memberEpoch'], topicPartitions=have)
    second = enter(ask, version, name, 'm2', [name + '-t'])
    describe(ask, name)
    told = beat(ask, version, name, 'm1', first['memberEpoch'], topicPartitions=have)
    describe(ask, name)
    beat(ask, version, name, 'm2', second['memberEpoch'])
    left = told['assignment']['topicPartitions']
    now = beat(ask, version, name, 'm1', first['memberEpoch'], topicPartitions=left)
    mine = beat(ask, version, name, 'm2', second['memberEpoch'])
    describe(ask, name)
    beat(ask, version, name, 'm2', mine['memberEpoch'],
         topicPartitions=mine['assignment']['topicPartitions'])
    describe(ask, name)
    beat(ask, version, name, 'm2', -1)
    describe(ask, name)
    beat(ask, version, name, 'm1', now['memberEpoch'], topicPartitions=left)
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def stale_epochs(ask, version, name):
    one = topic(ask, name + '-t', 2)
    coordinator(ask, name)
    first = enter(ask, version, name, 'm1', [name + '-t'])
    epoch = first['memberEpoch']
    enter(ask, version, name, 'm2', [name + '-t'])
    have = owned((one, range(2)))
    told = beat(ask, version, name, 'm1', epoch, topicPartitions=have)
    now = beat(ask, version, name, 'm1', epoch,
               topicPartitions=told['assignment']['topicPartitions'])
    beat(ask, version, name, 'm1', epoch, topicPartitions=have)
    beat(ask, version, name, 'm1', epoch, topicPartitions=told['assignment']['topicPartitions'])
    beat(ask, version, name, 'm1', now['memberEpoch'] + 1)
    beat(ask, version, name, 'm1', 0, rebalanceTimeoutMs=60000,
         subscribedTopicNames=[name + '-t'], topicPartitions=[])
    beat(ask, version, name, 'stranger', 3)
    beat(ask, version, name, 'stranger', -1)
    beat(ask, version, name, 'm1', -2)
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def static_members(ask, version, name):
    one = topic(ask, name + '-t', 2)
    coordinator(ask, name)
    first = enter(ask, version, name, 'm1', [name + '-t'], instanceId='i1')
    epoch = first['memberEpoch']
    enter(ask, version, name, 'm2', [name + '-t'], instanceId='i1')
    beat(ask, version, name, 'm2', epoch, instanceId='i1')
    beat(ask, version, name, 'm1', epoch, instanceId='i2')
    beat(ask, version, name, 'm2', -2, instanceId='i1')
    beat(ask, version, name, 'm1', epoch, instanceId='i1',
         topicPartitions=owned((one, range(2))))
    beat(ask, version, name, 'm1', -2, instanceId='i1')
    describe(ask, name)
    again = enter(ask, version, name, 'm3', [name + '-t'], instanceId='i1')
    describe(ask, name)
    beat(ask, version, name, 'm1', epoch, instanceId='i1')
    beat(ask, version, name, 'm3', again['memberEpoch'], instanceId='i1')
    beat(ask, version, name, 'm3', -1, instanceId='i1')
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def a_static_member_comes_back_with_other_topics(ask, version, name):
    topic(ask, name + '-t1', 2)
    topic(ask, name + '-t2', 2)
    coordinator(ask, name)
    enter(ask, version, name, 'm1', [name + '-t1'], instanceId='i1')
    beat(ask, version, name, 'm1', -2, instanceId='i1')
    enter(ask, version, name, 'm2', [name + '-t2'], instanceId='i1')
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def a_changed_subscription(ask, version, name):
    topic(ask, name + '-t1', 2)
    topic(ask, name + '-t2', 1)
    coordinator(ask, name)
    first = enter(ask, version, name, 'm1', [name + '-t1'])
    have = first['assignment']['topicPartitions']
    both = [name + '-t2', name + '-t1']
    told = beat(ask, version, name, 'm1', first['memberEpoch'], subscribedTopicNames=both,
                topicPartitions=have)
    describe(ask, name)
    beat(ask, version, name, 'm1', told['memberEpoch'], subscribedTopicNames=both)
    beat(ask, version, name, 'm1', told['memberEpoch'], serverAssignor='range', rackId='r1')
    describe(ask, name)
    beat(ask, version, name, 'm1', told['memberEpoch'], rebalanceTimeoutMs=500)
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def range_of_two_topics(ask, version, name):
    topic(ask, name + '-t1', 3)
    topic(ask, name + '-t2', 3)
    coordinator(ask, name)
    members = {}
    for member in ('m1', 'm2'):
        answer = enter(ask, version, name, member, [name + '-t1', name + '-t2'],
                       serverAssignor='range')
        members[member] = (answer['memberEpoch'], answer['assignment']['topicPartitions'])
    settle(ask, version, name, members)
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def a_topic_grows_and_goes(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    first = enter(ask, version, name, 'm1', [name + '-t'])
    ask.quiet('CreatePartitions', 3, timeoutMs=20000, topics=[
        {'name': name + '-t', 'count': 3, 'assignments': None}])
    now = first
    while len((now['assignment'] or first['assignment'])['topicPartitions'][0]['partitions']) < 3:
        now = beat(ask, version, name, 'm1', now['memberEpoch'], quiet=True)
    describe(ask, name)
    ask.quiet('DeleteTopics', 6, timeoutMs=20000, topics=[{'name': name + '-t'}])
    grown = now['memberEpoch']
    while now['memberEpoch'] == grown:
        now = beat(ask, version, name, 'm1', grown, quiet=True, topicPartitions=[])
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def offsets_of_members(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    first = enter(ask, version, name, 'm1', [name + '-t'])
    epoch = first['memberEpoch']

    def commit(at, member='m1', commit_version=9, **more):
        ask('OffsetCommit', commit_version, **{
            'groupId': name, 'generationIdOrMemberEpoch': at, 'memberId': member,
            'topics': [{'name': name + '-t', 'partitions': [
                {'partitionIndex': 0, 'committedOffset': 7, 'committedMetadata': 'm'}]}], **more})

    def fetch(at, member='m1', fetch_version=9):
        ask('OffsetFetch', fetch_version, groups=[{
            'groupId': name, 'memberId': member, 'memberEpoch': at,
            'topics': [{'name': name + '-t', 'partitionIndexes': [0, 1]}]}])

    commit(epoch)
    commit(epoch + 1)
    commit(epoch - 1)
    commit(epoch, commit_version=8)
    commit(epoch + 1, commit_version=8)
    commit(epoch, 'stranger')
    commit(-1, '')
    commit(epoch, groupInstanceId='i')
    fetch(epoch)
    fetch(epoch + 1)
    fetch(epoch - 1)
    fetch(epoch, 'stranger')
    fetch(-1, None)
    fetch(-1, '', 8)
    ask('OffsetDelete', 0, groupId=name, topics=[
        {'name': name + '-t', 'partitions': [{'partitionIndex': 0}]}])
    ask('DeleteGroups', 2, groupsNames=[name])
    beat(ask, version, name, 'm1', -1)
    commit(-1, '')
    ask('OffsetDelete', 0, groupId=name, topics=[
        {'name': name + '-t', 'partitions': [{'partitionIndex': 0}]}])
    fetch(-1, None)
    ask('DeleteGroups', 2, groupsNames=[name])


@about('ConsumerGroupDescribe')
def described_groups(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    coordinator(ask, name + '-classic')
    join(ask, 9, name + '-classic')
    enter(ask, 0, name, 'm1', [name + '-t'], instanceId='i', rackId='r')
    ask('ConsumerGroupDescribe', version, includeAuthorizedOperations=True, groupIds=[
        name, name + '-classic', name + '-none', '', name])
    ask('ConsumerGroupDescribe', version, groupIds=[])
    ask('DescribeGroups', 6, groups=[name])
    ask('DescribeGroups', 5, groups=[name])
    ask('ShareGroupDescribe', 1, groupIds=[name])
    ask('StreamsGroupDescribe', 0, groupIds=[name])


@about('ListGroups', first=5)
def listed_by_type_and_state(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    enter(ask, 0, name, 'm1', [name + '-t'])

    def own(**filters):
        found = ask.quiet('ListGroups', version, **filters)
        found['groups'] = [one for one in found['groups'] if one['groupId'] == name]
        ask.answers.append(('ListGroups own', found))

    own()
    own(typesFilter=['consumer'])
    own(typesFilter=['Consumer', 'classic'])
    own(typesFilter=['share'])
    own(typesFilter=['streams'])
    own(typesFilter=['what'])
    own(statesFilter=['Stable'])
    own(statesFilter=['stable', 'EMPTY'])
    own(statesFilter=['Empty'])
    own(statesFilter=['Reconciling', 'Assigning'])
    own(statesFilter=['what'])


@about('ConsumerGroupHeartbeat')
def classic_requests_to_a_consumer_group(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    enter(ask, version, name, 'm1', [name + '-t'])
    ask('JoinGroup', 9, **join_body(name))
    ask('JoinGroup', 9, **join_body(name, protocolType='connect'))
    ask('JoinGroup', 9, **join_body(name, protocols=[]))
    ask('SyncGroup', 5, groupId=name, generationId=1, memberId='m1', protocolType='consumer',
        protocolName='range', assignments=[])
    ask('Heartbeat', 4, groupId=name, generationId=1, memberId='m1')
    ask('Heartbeat', 4, groupId=name, generationId=1, memberId='other')
    ask('LeaveGroup', 5, groupId=name, members=[{'memberId': 'm1'}, {'memberId': 'other'}])
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def a_classic_group_is_not_joined(ask, version, name):
    """Members whose protocol cannot be converted."""
    coordinator(ask, name)
    join(ask, 9, name, protocolType='connect', protocols=[{'name': 'x', 'metadata': 'AAAA'}])
    enter(ask, version, name, 'm1', [name + '-t'])
    ask('DescribeGroups', 6, groups=[name])
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def an_empty_classic_group_becomes_one_of_consumers(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    joined = join(ask, 9, name)
    ask('LeaveGroup', 5, groupId=name, members=[{'memberId': joined['memberId']}])
    enter(ask, version, name, 'm1', [name + '-t'])
    describe(ask, name)
    beat(ask, version, name, 'm1', -1)
    join(ask, 9, name)
    ask('DescribeGroups', 6, groups=[name])
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def a_living_classic_group_is_upgraded(ask, version, name):
    topic(ask, 'a', 2)
    coordinator(ask, name)
    joined = join(ask, 9, name)
    ask('SyncGroup', 5, groupId=name, generationId=joined['generationId'],
        memberId=joined['memberId'], protocolType='consumer', protocolName='range',
        assignments=[{'memberId': joined['memberId'],
                      'assignment': 'AAEAAAABAAFhAAAAAgAAAAAAAAAB/////w=='}])
    told = enter(ask, version, name, 'new', ['a'])
    describe(ask, name)
    ask('DescribeGroups', 6, groups=[name])
    ask('Heartbeat', 4, groupId=name, generationId=joined['generationId'],
        memberId=joined['memberId'])
    ask('LeaveGroup', 5, groupId=name, members=[{'memberId': joined['memberId']}])
    describe(ask, name)
    beat(ask, version, name, 'new', told['memberEpoch'], topicPartitions=[])
    describe(ask, name)


@about('ConsumerGroupHeartbeat')
def offsets_fetched_by_members_of_classic_and_consumer(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    ask('OffsetCommit', 9, groupId=name, generationIdOrMemberEpoch=-1, memberId='',
        topics=[{'name': name + '-t', 'partitions': [
            {'partitionIndex': 0, 'committedOffset': 5, 'committedMetadata': ''}]}])
    ask('DescribeGroups', 6, groups=[name])
    enter(ask, version, name, 'm1', [name + '-t'])
    describe(ask, name)
    ask('OffsetFetch', 9, groups=[{'groupId': name, 'memberId': 'm1', 'memberEpoch': 1,
                                   'topics': None}])
    ask('TxnOffsetCommit', 4, groupId=name, transactionalId=name, producerId=0, producerEpoch=0,
        generationId=7, memberId='m1', topics=[{'name': name + '-t', 'partitions': [
            {'partitionIndex': 0, 'committedOffset': 6, 'committedMetadata': ''}]}])
