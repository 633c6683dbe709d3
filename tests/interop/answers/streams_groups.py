# SPDX-License-Identifier: Apache-2.0
"""Groups of Kafka Streams (KIP-1071)."""

from . import about, coordinator, topic
from .consumer_groups import enter as enter_consumer
from .groups import join, join_body
from .share_groups import share_beat


def sub(name, sources=(), changelogs=(), sinks=(), repartitions=(), copartitions=(), regex=()):
    def topics(ones):
        return [{'name': one, 'partitions': count, 'replicationFactor': 0, 'topicConfigs': []}
                for one, count in ones]
    return {'subtopologyId': name, 'sourceTopics': list(sources), 'sourceTopicRegex': list(regex),
            'stateChangelogTopics': topics(changelogs), 'repartitionSinkTopics': list(sinks),
            'repartitionSourceTopics': topics(repartitions),
            'copartitionGroups': list(copartitions)}


def topology(*subs, epoch=0):
    return {'epoch': epoch, 'subtopologies': list(subs)}


def streams_beat(ask, group, member, epoch, on='a', quiet=False, **more):
    asked = ask.quiet if quiet else ask
    return asked('StreamsGroupHeartbeat', 0, on, **{
        'groupId': group, 'memberId': member, 'memberEpoch': epoch,
        'endpointInformationEpoch': 0, **more})


def enter_streams(ask, group, member, shape, quiet=False, **more):
    return streams_beat(ask, group, member, 0, quiet=quiet, **{
        'rebalanceTimeoutMs': 60000, 'topology': shape, 'activeTasks': [], 'standbyTasks': [],
        'warmupTasks': [], 'processId': 'p-' + member, 'clientTags': [], **more})


def describe_streams(ask, group, **more):
    ask('StreamsGroupDescribe', 0, groupIds=[group], **more)


def tasks(**by_sub):
    return [{'subtopologyId': one, 'partitions': list(which)} for one, which in by_sub.items()]


def owning(active, standby=()):
    return {'activeTasks': active, 'standbyTasks': list(standby), 'warmupTasks': []}


@about('StreamsGroupHeartbeat')
def one_streams_member_lives(ask, version, name):
    topic(ask, name + '-t', 3)
    coordinator(ask, name)
    describe_streams(ask, name)
    first = enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'])))
    describe_streams(ask, name)
    streams_beat(ask, name, 'm1', first['memberEpoch'], **owning(tasks(**{'0': range(3)})))
    streams_beat(ask, name, 'm1', first['memberEpoch'])
    describe_streams(ask, name, includeAuthorizedOperations=True)
    ask('DeleteGroups', 2, groupsNames=[name])
    streams_beat(ask, name, 'm1', -1)
    describe_streams(ask, name)
    ask('DeleteGroups', 2, groupsNames=[name])
    describe_streams(ask, name)


@about('StreamsGroupHeartbeat')
def refused_streams_heartbeats(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    good = {'groupId': name, 'memberId': 'm', 'memberEpoch': 0, 'rebalanceTimeoutMs': 1000,
            'topology': topology(sub('0', [name + '-t'])), 'activeTasks': [], 'standbyTasks': [],
            'warmupTasks': [], 'processId': 'p', 'clientTags': [], 'endpointInformationEpoch': 0}
    for wrong in ({'groupId': ''}, {'groupId': ' '}, {'memberId': ''}, {'memberEpoch': -3},
                  {'rebalanceTimeoutMs': -1}, {'topology': None}, {'activeTasks': None},
                  {'standbyTasks': None}, {'warmupTasks': None}, {'processId': None},
                  {'processId': ''}, {'clientTags': None}, {'instanceId': ''}, {'rackId': ''},
                  {'instanceId': 'i'}, {'memberEpoch': 1}, {'memberEpoch': -1},
                  {'memberEpoch': -2}, {'memberEpoch': -2, 'instanceId': 'i'},
                  {'activeTasks': tasks(**{'0': [0]})}, {'standbyTasks': tasks(**{'0': [0]})},
                  {'warmupTasks': tasks(**{'0': [0]})},
                  {'memberEpoch': 4, 'topology': topology(sub('0', [name + '-t']))},
                  {'userEndpoint': {'host': '', 'port': 0}}):
        ask('StreamsGroupHeartbeat', version, **{**good, **wrong})
    describe_streams(ask, name)


@about('StreamsGroupHeartbeat')
def bad_topologies(ask, version, name):
    topic(ask, name + '-t', 2)
    topic(ask, name + '-u', 3)
    for number, shape in enumerate((
            topology(), topology(sub('', [name + '-t'])),
            topology(sub('0', [name + '-t']), sub('0', [name + '-u'])),
            topology(sub('0')), topology(sub('0', ['not-there'])),
            topology(sub('0', [name + '-t'], regex=['x'])),
            topology(sub('0', [name + '-t'], changelogs=[('c', 5)])),
            topology(sub('0', [name + '-t'], sinks=['r'])),
            topology(sub('0', repartitions=[('r', 0)])),
            topology(sub('0', [name + '-t'], sinks=['__r'])),
            topology(sub('0', [name + '-t', name + '-u'], copartitions=[
                {'sourceTopics': [0, 1], 'sourceTopicRegex': [], 'repartitionSourceTopics': []}])),
            topology(sub('0', [name + '-t'], copartitions=[
                {'sourceTopics': [7], 'sourceTopicRegex': [], 'repartitionSourceTopics': []}])),
            topology(sub('0', ['bad name!'])), topology(sub('0', [name + '-t']), epoch=-1),
            topology(sub('0', [name + '-t'], changelogs=[('bad name!', 0)])),
            topology(sub('0', [name + '-t']), epoch=3))):
        group = f'{name}-{number}'
        coordinator(ask, group)
        enter_streams(ask, group, 'm', shape)
        describe_streams(ask, group)


@about('StreamsGroupHeartbeat')
def internal_topics_are_made(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    shape = topology(
        sub('0', [name + '-t'], sinks=[name + '-r']),
        sub('1', repartitions=[(name + '-r', 0)], changelogs=[(name + '-c', 0)]))
    first = enter_streams(ask, name, 'm1', shape)
    describe_streams(ask, name)
    epoch = first['memberEpoch']
    while not first.get('activeTasks'):
        first = streams_beat(ask, name, 'm1', epoch, quiet=True, **owning([]))
        epoch = first['memberEpoch']
    for one in ('-r', '-c'):
        found = ask.quiet('Metadata', 12, topics=[{'name': name + one}])['topics'][0]
        ask.answers.append(('topic', {'error': found['errorCode'], 'of': len(found['partitions'])}))
    ask('DescribeConfigs', 4, resources=[
        {'resourceType': 2, 'resourceName': name + one, 'configurationKeys': [
            'cleanup.policy', 'segment.bytes', 'retention.ms', 'message.timestamp.type']}
        for one in ('-r', '-c')])
    streams_beat(ask, name, 'm1', epoch, **owning(first['activeTasks']))
    describe_streams(ask, name)


@about('StreamsGroupHeartbeat')
def two_streams_members(ask, version, name):
    topic(ask, name + '-t', 4)
    coordinator(ask, name)
    shape = topology(sub('0', [name + '-t']))
    first = enter_streams(ask, name, 'm1', shape)
    have = first['activeTasks']
    epoch = first['memberEpoch']
    streams_beat(ask, name, 'm1', epoch, **owning(have))
    second = enter_streams(ask, name, 'm2', shape)
    describe_streams(ask, name)
    told = streams_beat(ask, name, 'm1', epoch, **owning(have))
    describe_streams(ask, name)
    streams_beat(ask, name, 'm2', second['memberEpoch'], **owning([]))
    left = told['activeTasks']
    now = streams_beat(ask, name, 'm1', epoch, **owning(left))
    mine = streams_beat(ask, name, 'm2', second['memberEpoch'], **owning([]))
    streams_beat(ask, name, 'm2', mine['memberEpoch'], **owning(mine['activeTasks']))
    describe_streams(ask, name)
    streams_beat(ask, name, 'm1', now['memberEpoch'] + 1, **owning(left))
    streams_beat(ask, name, 'stranger', 3)
    streams_beat(ask, name, 'm2', -1)
    describe_streams(ask, name)
    streams_beat(ask, name, 'm1', now['memberEpoch'], **owning(left))
    describe_streams(ask, name)


@about('StreamsGroupHeartbeat')
def standbys(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    ask.quiet('IncrementalAlterConfigs', 1, resources=[{
        'resourceType': 32, 'resourceName': name, 'configs': [
            {'name': 'streams.num.standby.replicas', 'configOperation': 0, 'value': '1'}]}])
    shape = topology(sub('0', [name + '-t'], changelogs=[(name + '-c', 0)]))
    epochs = {}
    held = {'m1': ([], []), 'm2': ([], [])}
    for member in held:
        epochs[member] = enter_streams(ask, name, member, shape, quiet=True)['memberEpoch']
    calm = 0
    while calm < 4:
        calm += 1
        for member, (active, standby) in held.items():
            told = streams_beat(ask, name, member, epochs[member], quiet=True,
                                **owning(active, standby))
            if told['memberEpoch'] != epochs[member] or told['activeTasks'] is not None:
                calm = 0
            epochs[member] = told['memberEpoch']
            if told['activeTasks'] is not None:
                held[member] = (told['activeTasks'], told['standbyTasks'])
        calm = 0 if not held['m2'][1] else calm
    found = ask.quiet('StreamsGroupDescribe', 0, groupIds=[name])['groups'][0]
    # How often the epoch rose hangs on when the config was seen.
    for one in (found, *found['members']):
        for key in 'groupEpoch', 'assignmentEpoch', 'memberEpoch':
            one.pop(key, None)
    ask.answers.append(('StreamsGroupDescribe', found))


@about('StreamsGroupHeartbeat')
def endpoints_are_told(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    shape = topology(sub('0', [name + '-t']))
    first = enter_streams(ask, name, 'm1', shape,
                          userEndpoint={'host': 'one', 'port': 8080})
    streams_beat(ask, name, 'm1', first['memberEpoch'], endpointInformationEpoch=-1,
                 **owning(first['activeTasks']))
    streams_beat(ask, name, 'm1', first['memberEpoch'],
                 endpointInformationEpoch=first['endpointInformationEpoch'])
    streams_beat(ask, name, 'm1', first['memberEpoch'],
                 endpointInformationEpoch=first['endpointInformationEpoch'] + 9)
    describe_streams(ask, name)


@about('StreamsGroupHeartbeat')
def another_topology(ask, version, name):
    topic(ask, name + '-t', 2)
    topic(ask, name + '-u', 2)
    coordinator(ask, name)
    first = enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'])))
    enter_streams(ask, name, 'm2', topology(sub('0', [name + '-u'])))
    enter_streams(ask, name, 'm3', topology(sub('0', [name + '-u']), epoch=1))
    describe_streams(ask, name)
    streams_beat(ask, name, 'm1', first['memberEpoch'], **owning(first['activeTasks']))
    streams_beat(ask, name, 'm1', -1)
    enter_streams(ask, name, 'm4', topology(sub('0', [name + '-u'])))
    describe_streams(ask, name)


@about('StreamsGroupHeartbeat')
def an_application_is_shut_down(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    shape = topology(sub('0', [name + '-t']))
    first = enter_streams(ask, name, 'm1', shape)
    second = enter_streams(ask, name, 'm2', shape)
    streams_beat(ask, name, 'm1', first['memberEpoch'], shutdownApplication=True)
    streams_beat(ask, name, 'm2', second['memberEpoch'])
    streams_beat(ask, name, 'm1', -1)
    streams_beat(ask, name, 'm2', second['memberEpoch'])


@about('StreamsGroupHeartbeat')
def source_topics_come_and_grow(ask, version, name):
    coordinator(ask, name)
    first = enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'])))
    describe_streams(ask, name)
    topic(ask, name + '-t', 1)
    epoch, told = first['memberEpoch'], first
    while not told.get('activeTasks'):
        told = streams_beat(ask, name, 'm1', epoch, quiet=True, **owning([]))
        epoch = told['memberEpoch']
    describe_streams(ask, name)
    ask.quiet('CreatePartitions', 3, timeoutMs=20000, topics=[
        {'name': name + '-t', 'count': 2, 'assignments': None}])
    while len((told.get('activeTasks') or [{'partitions': []}])[0]['partitions']) < 2:
        told = streams_beat(ask, name, 'm1', epoch, quiet=True, **owning(tasks(**{'0': [0]})))
        epoch = told['memberEpoch']
    describe_streams(ask, name)


@about('StreamsGroupHeartbeat')
def other_protocols_at_a_streams_group(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'])))
    ask('JoinGroup', 9, **join_body(name))
    ask('SyncGroup', 5, groupId=name, generationId=1, memberId='m1', protocolType='consumer',
        protocolName='range', assignments=[])
    ask('Heartbeat', 4, groupId=name, generationId=1, memberId='m1')
    ask('LeaveGroup', 5, groupId=name, members=[{'memberId': 'm1'}])
    enter_consumer(ask, 1, name, 'm2', [name + '-t'])
    share_beat(ask, name, 'm3', 0, subscribedTopicNames=[name + '-t'])
    ask('DescribeGroups', 6, groups=[name])
    ask('ConsumerGroupDescribe', 1, groupIds=[name])
    ask('ShareGroupDescribe', 1, groupIds=[name])
    ask('OffsetDelete', 0, groupId=name, topics=[
        {'name': name + '-t', 'partitions': [{'partitionIndex': 0}]}])
    streams_beat(ask, name, 'm1', -1)
    enter_consumer(ask, 1, name, 'm2', [name + '-t'])
    share_beat(ask, name, 'm3', 0, subscribedTopicNames=[name + '-t'])
    join(ask, 9, name)
    ask('DescribeGroups', 6, groups=[name])
    describe_streams(ask, name)


@about('StreamsGroupHeartbeat')
def streams_members_at_other_groups(ask, version, name):
    topic(ask, name + '-t', 1)
    shape = topology(sub('0', [name + '-t']))
    for group in (name + '-classic', name + '-consumer', name + '-share', name + '-offsets'):
        coordinator(ask, group)
    joined = join(ask, 9, name + '-classic')
    enter_consumer(ask, 1, name + '-consumer', 'm', [name + '-t'])
    share_beat(ask, name + '-share', 'm', 0, subscribedTopicNames=[name + '-t'])
    ask('OffsetCommit', 9, groupId=name + '-offsets', generationIdOrMemberEpoch=-1, memberId='',
        topics=[{'name': name + '-t', 'partitions': [
            {'partitionIndex': 0, 'committedOffset': 7, 'committedMetadata': ''}]}])
    for group in (name + '-classic', name + '-consumer', name + '-share', name + '-offsets'):
        enter_streams(ask, group, 'm1', shape)
        streams_beat(ask, group, 'm2', 1)
        describe_streams(ask, group)
    ask('LeaveGroup', 5, groupId=name + '-classic', members=[{'memberId': joined['memberId']}])
    enter_streams(ask, name + '-classic', 'm1', shape)
    describe_streams(ask, name + '-classic')


@about('StreamsGroupHeartbeat')
def offsets_of_streams_members(ask, version, name):
    topic(ask, name + '-t', 2)
    coordinator(ask, name)
    first = enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'])))
    epoch = first['memberEpoch']

    def commit(at, member='m1', commit_version=9):
        ask('OffsetCommit', commit_version, groupId=name, generationIdOrMemberEpoch=at,
            memberId=member, topics=[{'name': name + '-t', 'partitions': [
                {'partitionIndex': 0, 'committedOffset': 7, 'committedMetadata': 'm'}]}])

    def fetch(at, member='m1'):
        ask('OffsetFetch', 9, groups=[{
            'groupId': name, 'memberId': member, 'memberEpoch': at,
            'topics': [{'name': name + '-t', 'partitionIndexes': [0, 1]}]}])

    commit(epoch)
    commit(epoch + 1)
    commit(epoch - 1)
    commit(epoch, commit_version=8)
    commit(epoch, 'stranger')
    commit(-1, '')
    fetch(epoch)
    fetch(epoch + 1)
    fetch(epoch, 'stranger')
    fetch(-1, None)
    streams_beat(ask, name, 'm1', -1)
    commit(-1, '')
    ask('DeleteGroups', 2, groupsNames=[name])


@about('StreamsGroupDescribe')
def described_streams_groups(ask, version, name):
    topic(ask, name + '-t', 2)
    for group in (name, name + '-classic', name + '-consumer'):
        coordinator(ask, group)
    join(ask, 9, name + '-classic')
    enter_consumer(ask, 1, name + '-consumer', 'm', [name + '-t'])
    enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'], changelogs=[('c', 0)])),
                  rackId='r', clientTags=[{'key': 'zone', 'value': 'a'}])
    ask('StreamsGroupDescribe', version, groupIds=[
        name, name + '-classic', name + '-consumer', name + '-none', '', name])
    ask('StreamsGroupDescribe', version, groupIds=[])


@about('ListGroups', first=5)
def listed_streams_groups(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'])))

    def own(**filters):
        found = ask.quiet('ListGroups', version, **filters)
        found['groups'] = [one for one in found['groups'] if one['groupId'] == name]
        ask.answers.append(('ListGroups own', found))

    for filters in ({}, {'typesFilter': ['streams']}, {'typesFilter': ['Streams', 'x']},
                    {'typesFilter': ['consumer']}, {'statesFilter': ['Stable']},
                    {'statesFilter': ['NotReady', 'Assigning']}, {'statesFilter': ['Empty']}):
        own(**filters)
    streams_beat(ask, name, 'm1', -1)
    own()


@about('StreamsGroupHeartbeat')
def an_empty_streams_group_becomes_a_classic_one(ask, version, name):
    topic(ask, name + '-t', 1)
    coordinator(ask, name)
    enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'])))
    streams_beat(ask, name, 'm1', -1)
    joined = join(ask, 9, name)
    ask('DescribeGroups', 6, groups=[name])
    describe_streams(ask, name)
    ask('LeaveGroup', 5, groupId=name, members=[{'memberId': joined['memberId']}])
    enter_streams(ask, name, 'm1', topology(sub('0', [name + '-t'])))
    describe_streams(ask, name)
