# SPDX-License-Identifier: Apache-2.0
"""Classic groups and their offsets."""

from ..harness.ask import NO_UUID
from . import about, coordinator, topic

SUBSCRIPTION = 'AAAAAAABAAFh'  # version 0, topic "a"
PROTOCOLS = [{'name': 'range', 'metadata': SUBSCRIPTION}]


def join_body(group, member='', **more):
    return dict({'groupId': group, 'sessionTimeoutMs': 10000, 'rebalanceTimeoutMs': 10000,
                 'memberId': member, 'protocolType': 'consumer', 'protocols': PROTOCOLS}, **more)


def join(ask, version, group, on='a', **more):
    """A member alone: joins, again with its id where that is needed."""
    answer = ask.until('JoinGroup', version, on, **join_body(group, **more))
    if answer['errorCode'] == 79:
        answer = ask.until('JoinGroup', version, on,
                           **join_body(group, **dict(more, member=answer['memberId'])))
    return answer


def sync(ask, version, group, joined, on='a', **more):
    return ask('SyncGroup', version, on, **dict({
        'groupId': group, 'generationId': joined['generationId'], 'memberId': joined['memberId'],
        'protocolType': 'consumer', 'protocolName': 'range',
        'assignments': [{'memberId': joined['memberId'], 'assignment': 'AAECAw=='}]}, **more))


@about('JoinGroup')
def one_member_lives(ask, version, name):
    coordinator(ask, name)
    joined = join(ask, version, name)
    sync(ask, min(version, 5), name, joined)
    ask('Heartbeat', min(version, 4), groupId=name, generationId=joined['generationId'],
        memberId=joined['memberId'])
    ask('DescribeGroups', min(version, 6), groups=[name])
    ask('LeaveGroup', min(version, 2), groupId=name, memberId=joined['memberId'])
    ask('DescribeGroups', min(version, 6), groups=[name])


@about('JoinGroup')
def refused_joins(ask, version, name):
    coordinator(ask, name)
    ask('JoinGroup', version, **join_body(''))
    ask('JoinGroup', version, **join_body(name, sessionTimeoutMs=1))
    ask('JoinGroup', version, **join_body(name, sessionTimeoutMs=99_999_999))
    ask('JoinGroup', version, **join_body(name, 'nobody'))
    ask('JoinGroup', version, **join_body(name, protocolType=''))
    ask('JoinGroup', version, **join_body(name, protocols=[]))


@about('JoinGroup')
def another_protocol_does_not_fit(ask, version, name):
    coordinator(ask, name)
    joined = join(ask, version, name)
    sync(ask, min(version, 5), name, joined)
    ask('JoinGroup', version, **join_body(name, protocolType='connect'))
    ask('JoinGroup', version, **join_body(
        name, protocols=[{'name': 'other', 'metadata': SUBSCRIPTION}]))


@about('JoinGroup', first=5)
def static_members(ask, version, name):
    coordinator(ask, name)
    first = join(ask, version, name, groupInstanceId='one')
    sync(ask, 5, name, first, groupInstanceId='one')
    again = join(ask, version, name, groupInstanceId='one')
    ask('Heartbeat', 4, groupId=name, generationId=first['generationId'],
        memberId=first['memberId'], groupInstanceId='one')
    ask('Heartbeat', 4, groupId=name, generationId=again['generationId'],
        memberId=again['memberId'], groupInstanceId='one')
    ask('Heartbeat', 4, groupId=name, generationId=again['generationId'],
        memberId=again['memberId'], groupInstanceId='two')
    ask('JoinGroup', version, **join_body(name, 'stranger', groupInstanceId='one'))
    ask('LeaveGroup', 5, groupId=name, members=[
        {'memberId': '', 'groupInstanceId': 'one'}, {'memberId': '', 'groupInstanceId': 'two'}])


@about('JoinGroup')
def a_second_member_rebalances(ask, version, name):
    coordinator(ask, name)
    first = join(ask, version, name)
    sync(ask, min(version, 5), name, first)
    known = ''
    if version >= 4:
        known = ask('JoinGroup', version, 'b', **join_body(name))['memberId']
    ask.send('JoinGroup', version, 'b', **join_body(name, known))
    while ask.quiet('Heartbeat', 4, groupId=name, generationId=first['generationId'],
                    memberId=first['memberId'])['errorCode'] == 0:
        pass
    leader = ask('JoinGroup', version, **join_body(name, first['memberId']))
    second = ask.receive('b')
    ask('SyncGroup', min(version, 5), 'a', groupId=name, generationId=first['generationId'],
        memberId=leader['memberId'], assignments=[])
    ask.send('SyncGroup', min(version, 5), 'b', groupId=name,
             generationId=second['generationId'], memberId=second['memberId'],
             protocolType='consumer', protocolName='range', assignments=[])
    sync(ask, min(version, 5), name, leader, assignments=[
        {'memberId': leader['memberId'], 'assignment': 'AQ=='},
        {'memberId': second['memberId'], 'assignment': 'Ag=='}])
    ask.receive('b')
    ask('LeaveGroup', 0, groupId=name, memberId=second['memberId'])


@about('SyncGroup')
def refused_syncs(ask, version, name):
    coordinator(ask, name)
    body = {'groupId': name, 'generationId': 1, 'memberId': 'nobody', 'protocolType': 'consumer',
            'protocolName': 'range', 'assignments': []}
    ask('SyncGroup', version, **dict(body, groupId=''))
    ask('SyncGroup', version, **body)
    joined = join(ask, 9, name)
    body['memberId'] = joined['memberId']
    ask('SyncGroup', version, **dict(body, generationId=joined['generationId'] + 1))
    ask('SyncGroup', version, **dict(body, memberId='nobody'))
    ask('SyncGroup', version, **dict(body, protocolName='other'))
    ask('SyncGroup', version, **dict(body, protocolType='connect'))
    ask('SyncGroup', version, **body)


@about('Heartbeat')
def heartbeats(ask, version, name):
    coordinator(ask, name)
    ask('Heartbeat', version, groupId='', generationId=1, memberId='x')
    ask('Heartbeat', version, groupId=name, generationId=1, memberId='x')
    joined = join(ask, 9, name)
    body = {'groupId': name, 'memberId': joined['memberId']}
    ask('Heartbeat', version, generationId=joined['generationId'], **body)
    ask('Heartbeat', version, generationId=joined['generationId'] + 1, **body)
    ask('Heartbeat', version, generationId=-1, **body)


@about('LeaveGroup')
def leaving(ask, version, name):
    coordinator(ask, name)
    members = [{'memberId': 'x'}, {'memberId': 'y', 'groupInstanceId': 'z'}]
    ask('LeaveGroup', version, groupId='', memberId='x', members=members)
    ask('LeaveGroup', version, groupId=name, memberId='x', members=members)
    joined = join(ask, 9, name)
    members.append({'memberId': joined['memberId'], 'reason': 'tired'})
    ask('LeaveGroup', version, groupId=name, memberId=joined['memberId'], members=members)


def offsets(name, topic_id, partitions, **more):
    return dict({'groupId': name, 'generationIdOrMemberEpoch': -1, 'memberId': '',
                 'topics': [{'name': name, 'topicId': topic_id, 'partitions': [
                     {'partitionIndex': p, 'committedOffset': o, 'committedMetadata': m}
                     for p, o, m in partitions]}]}, **more)


def fetch_body(version, name, topic_id, partitions, **more):
    wanted = None if partitions is None else [
        {'name': name, 'topicId': topic_id, 'partitionIndexes': partitions}]
    return dict({'groupId': name, 'topics': wanted,
                 'groups': [{'groupId': name, 'topics': wanted}]}, **more)


@about('OffsetCommit')
def committing(ask, version, name):
    coordinator(ask, name)
    made = topic(ask, name, 2)
    ask('OffsetCommit', version, **offsets(name, made, [(0, 5, 'five'), (1, 0, None)]))
    ask('OffsetCommit', version, **offsets(name, made, [(0, 3, ''), (7, 1, '')]))
    ask('OffsetCommit', version, **offsets(name, made, [(0, 9, 'x' * 5000)]))
    ask('OffsetCommit', version, **offsets('', made, [(0, 1, '')]))
    ask('OffsetCommit', version, **offsets(name, made, [(0, 1, '')], memberId='x',
                                           generationIdOrMemberEpoch=1))
    ask('OffsetCommit', version, **offsets(name, made, [(0, 1, '')],
                                           generationIdOrMemberEpoch=4))
    ask('OffsetFetch', 7, **fetch_body(7, name, made, [0, 1, 7]))
    ask('OffsetDelete', 0, groupId=name, topics=[
        {'name': name, 'partitions': [{'partitionIndex': 1}, {'partitionIndex': 8}]},
        {'name': 'nowhere', 'partitions': [{'partitionIndex': 0}]}])
    ask('OffsetFetch', 7, **fetch_body(7, name, made, None))


@about('OffsetCommit')
def committing_to_what_is_not_there(ask, version, name):
    coordinator(ask, name)
    ask('OffsetCommit', version, **offsets(name, 'AAAAAAAAAAAAAAAAAAAAbw', [(0, 5, 'five')]))
    ask('OffsetCommit', version, **offsets(name, NO_UUID, [(0, 5, 'five')]))


@about('OffsetCommit')
def members_commit(ask, version, name):
    coordinator(ask, name)
    made = topic(ask, name)
    joined = join(ask, 9, name)
    who = {'memberId': joined['memberId'], 'generationIdOrMemberEpoch': joined['generationId']}
    ask('OffsetCommit', version, **offsets(name, made, [(0, 1, '')], **who))
    sync(ask, 5, name, joined)
    ask('OffsetCommit', version, **offsets(name, made, [(0, 2, '')], **who))
    ask('OffsetCommit', version, **offsets(name, made, [(0, 2, '')],
                                           **dict(who, generationIdOrMemberEpoch=77)))
    ask('OffsetCommit', version, **offsets(name, made, [(0, 2, '')],
                                           **dict(who, memberId='stranger')))
    ask('OffsetCommit', version, **offsets(name, made, [(0, 2, '')]))
    ask('OffsetDelete', 0, groupId=name, topics=[
        {'name': name, 'partitions': [{'partitionIndex': 0}]}])
    ask('DeleteGroups', 2, groupsNames=[name])


@about('OffsetFetch')
def fetching(ask, version, name):
    coordinator(ask, name)
    made = topic(ask, name, 3)
    ask('OffsetFetch', version, **fetch_body(version, name, made, [0]))
    ask('OffsetCommit', 8, **offsets(name, made, [(0, 5, 'five'), (2, 0, '')]))
    ask('OffsetFetch', version, **fetch_body(version, name, made, [0, 1, 9]))
    ask('OffsetFetch', version, requireStable=True, **fetch_body(version, name, made, [2]))
    if version >= 2:
        ask('OffsetFetch', version, **fetch_body(version, name, made, None))
    ask('OffsetFetch', version, **fetch_body(version, name, NO_UUID, [0, 1]))
    ask('OffsetFetch', version, **fetch_body(version, name, 'AAAAAAAAAAAAAAAAAAAAbw', [0]))
    ask('OffsetFetch', version, **fetch_body(version, '', made, [0]))
    ask('OffsetFetch', version, **fetch_body(version, 'never-heard-of', made, [0]))


@about('DescribeGroups')
def describing(ask, version, name):
    coordinator(ask, name)
    ask('DescribeGroups', version, groups=[name, '', 'other'], includeAuthorizedOperations=True)
    ask('DescribeGroups', version, groups=[])


@about('ListGroups')
def listing(ask, version, name):
    coordinator(ask, name)
    made = topic(ask, name)
    ask.quiet('OffsetCommit', 8, **offsets(name, made, [(0, 1, '')]))
    for filters in ({}, {'statesFilter': ['Empty']}, {'statesFilter': ['nonsense']},
                    {'typesFilter': ['classic']}, {'typesFilter': ['nonsense']},
                    {'statesFilter': ['stable'], 'typesFilter': ['Classic']}):
        answer = ask.quiet('ListGroups', version, **filters)
        answer['groups'] = [one for one in answer['groups'] if one['groupId'] == name]
        ask.answers.append((f'ListGroups v{version} {filters}', answer))


@about('DeleteGroups')
def deleting(ask, version, name):
    coordinator(ask, name)
    made = topic(ask, name)
    ask('DeleteGroups', version, groupsNames=[name, '', 'other'])
    ask.quiet('OffsetCommit', 8, **offsets(name, made, [(0, 1, '')]))
    ask('DeleteGroups', version, groupsNames=[name])
    joined = join(ask, 9, name)
    ask('DeleteGroups', version, groupsNames=[name])
    ask('LeaveGroup', 2, groupId=name, memberId=joined['memberId'])
    ask('DeleteGroups', version, groupsNames=[name])
    ask('DescribeGroups', 6, groups=[name])


@about('FindCoordinator')
def finding(ask, version, name):
    for kind in (0, 1):
        coordinator(ask, name, kind)
        ask('FindCoordinator', version, key=name, keyType=kind, coordinatorKeys=[name, 'b'])
    ask('FindCoordinator', version, key=name, keyType=9, coordinatorKeys=[name])
    ask('FindCoordinator', version, key='', keyType=0, coordinatorKeys=[])
