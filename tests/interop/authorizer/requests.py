# SPDX-License-Identifier: Apache-2.0
"""What somebody asks who may do some of it: every API a client has, as the JSON of Kafka's own
converters. `@name` stands for the id of a topic."""

TOPIC, GROUP, CLUSTER, TRANSACTION = 2, 3, 4, 5
LITERAL, PREFIXED = 3, 4
ALL, READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE = 2, 3, 4, 5, 6, 7, 8
CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS = 9, 10, 11
DENY, ALLOW = 2, 3
ME, OTHER = 'User:ANONYMOUS', 'User:other'

TOPICS = ('free', 'seen', 'read', 'hidden', 'absent', 'pre-hidden')
EXISTING = ('free', 'seen', 'read', 'hidden')
GROUPS = ('free', 'hidden')
MEMBER = 'AAAAAAAAAAAAAAAAAAAAAQ'
NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
UNKNOWN_ID = 'AAAAAAAAAAAAAAAAAAAABA'
NO_IDS = (NO_ID, UNKNOWN_ID)

# Of answers: what differs between any two nodes, and texts.
IGNORED = {
    'throttleTimeMs', 'errorMessage', 'clusterId', 'port', 'logDir', 'totalBytes', 'usableBytes',
    'partitionSize', 'leaderEpoch', 'producerId', 'timestamp', 'logAppendTimeMs', 'memberId',
    'highWatermark', 'currentVoters', 'observers', 'nodes', 'lastStableOffset', 'logStartOffset',
    'recordsSizeInBytes', 'brokerEpoch', 'commitTimestamp', 'partitionLeaderEpoch', 'message',
    'transactionStartTimeMs', 'documentation', 'coordinatorEpoch', 'lastTimestamp', 'isCordoned',
    'baseOffset', 'lastSequence', 'producerEpoch', 'activeProducers', 'configs', 'sessionId',
    'offsetLag', 'supportedFeatures', 'leader', 'generationId',
    'abortedTransactions',
}

# For the answers of the first script: nobody but me may …
ACLS = [
    (TOPIC, LITERAL, 'seen', ME, DESCRIBE, ALLOW),
    (TOPIC, LITERAL, 'read', ME, READ, ALLOW),
    (TOPIC, LITERAL, 'hidden', OTHER, ALL, ALLOW),
    (TOPIC, LITERAL, 'absent', OTHER, ALL, ALLOW),
    (TOPIC, PREFIXED, 'pre-', OTHER, ALL, ALLOW),
    (TOPIC, PREFIXED, 'may-see', ME, DESCRIBE, ALLOW),
    (GROUP, LITERAL, 'hidden', OTHER, ALL, ALLOW),
    (TRANSACTION, LITERAL, 'hidden', OTHER, ALL, ALLOW),
] + [(CLUSTER, LITERAL, 'kafka-cluster', ME, operation, ALLOW) for operation in (
    ALTER, DESCRIBE, CLUSTER_ACTION, DESCRIBE_CONFIGS, ALTER_CONFIGS)]
# … and then I may not do anything with the cluster but what nodes do.
CLUSTER_ACLS = [
    (CLUSTER, LITERAL, 'kafka-cluster', ME, operation, DENY) for operation in (
        DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS, ALTER)
] + [
    (TOPIC, LITERAL, '*', ME, WRITE, DENY),
]


def acls(rows):
    return {'creations': [
        {'resourceType': type_, 'resourceName': name, 'resourcePatternType': pattern,
         'principal': principal, 'host': '*', 'operation': operation, 'permissionType': permission}
        for type_, pattern, name, principal, operation, permission in rows]}


def fill(value, ids):
    if isinstance(value, dict):
        return {key: fill(one, ids) for key, one in value.items()}
    if isinstance(value, list):
        return [fill(one, ids) for one in value]
    if isinstance(value, str) and value.startswith('@'):
        return ids.get(value[1:], UNKNOWN_ID)
    return value


def creatable(name):
    return {'name': name, 'numPartitions': 1, 'replicationFactor': 1, 'assignments': [],
            'configs': []}


def create(*names):
    return ('CreateTopics', 7, {'topics': [creatable(name) for name in names], 'timeoutMs': 30000,
                                'validateOnly': False})


def coordinator(kind, *keys):
    return ('FindCoordinator', 4, {'keyType': kind, 'coordinatorKeys': list(keys)})


def commit(group, topics=('free',)):
    return ('OffsetCommit', 9, {
        'groupId': group, 'generationIdOrMemberEpoch': -1, 'memberId': '', 'groupInstanceId': None,
        'topics': [{'name': name, 'partitions': [
            {'partitionIndex': 0, 'committedOffset': 3, 'committedLeaderEpoch': -1,
             'committedMetadata': ''}]} for name in topics]})


PREPARATION = [
    create(*EXISTING),
    coordinator(0, 'free', 'hidden'), coordinator(1, 'free', 'hidden'),
    commit('free', EXISTING), commit('hidden', EXISTING),
    ('InitProducerId', 4, {'transactionalId': 'free', 'transactionTimeoutMs': 60000,
                           'producerId': -1, 'producerEpoch': -1}),
    ('InitProducerId', 4, {'transactionalId': 'hidden', 'transactionTimeoutMs': 60000,
                           'producerId': -1, 'producerEpoch': -1}),
]


def metadata(version, names, create_them=False, ids=False):
    body = {'allowAutoTopicCreation': create_them, 'includeTopicAuthorizedOperations': True}
    if version >= 10:
        body['topics'] = names and [
            {'topicId': f'@{name}' if ids else NO_ID, 'name': None if ids else name}
            for name in names]
    else:
        body['topics'] = names and [{'name': name} for name in names]
    if version <= 10:
        body['includeClusterAuthorizedOperations'] = True
    return ('Metadata', version, body)


def fetch(version, names, replica=-1):
    body = {'maxWaitMs': 0, 'minBytes': 0, 'maxBytes': 1000, 'isolationLevel': 0, 'sessionId': 0,
            'sessionEpoch': -1, 'forgottenTopicsData': [], 'rackId': '', 'topics': [
                {'partitions': [{'partition': 0, 'currentLeaderEpoch': -1, 'fetchOffset': 0,
                                 'lastFetchedEpoch': -1, 'logStartOffset': -1,
                                 'partitionMaxBytes': 1000}]} for _ in names]}
    for topic, name in zip(body['topics'], names, strict=True):
        topic['topicId' if version >= 13 else 'topic'] = f'@{name}' if version >= 13 else name
    if version < 15:
        body['replicaId'] = replica
    return ('Fetch', version, body)


def produce(version, names, transaction=None):
    topics = []
    for name in names:
        topic = {'partitionData': [{'index': 0, 'records': None}]}
        topic['topicId' if version >= 13 else 'name'] = f'@{name}' if version >= 13 else name
        topics.append(topic)
    return ('Produce', version, {'transactionalId': transaction, 'acks': -1, 'timeoutMs': 5000,
                                 'topicData': topics})


def of_topics():
    resources = [(2, name) for name in TOPICS] + [(4, '1'), (4, ''), (16, 'm'), (32, 'free'),
                                                  (32, 'hidden')]
    return [
        metadata(13, None), metadata(13, TOPICS), metadata(13, EXISTING + ('absent',), ids=True),
        metadata(9, TOPICS), metadata(10, None), metadata(4, None)[:2] + (
            {'topics': None, 'allowAutoTopicCreation': False},),
        ('DescribeTopicPartitions', 0, {'topics': [{'name': name} for name in TOPICS],
                                        'responsePartitionLimit': 100, 'cursor': None}),
        ('DescribeTopicPartitions', 0, {'topics': [], 'responsePartitionLimit': 100,
                                        'cursor': None}),
        metadata(1, None)[:2] + ({'topics': None},),
        ('Metadata', 0, {'topics': [{'name': name} for name in EXISTING]}), metadata(8, TOPICS),
        produce(9, TOPICS), produce(13, EXISTING + ('absent',)),
        produce(9, ('free', 'hidden'), 'hidden'),
        fetch(12, TOPICS), fetch(4, TOPICS),
        fetch(17, EXISTING + ('absent',)),
        ('ListOffsets', 7, {'replicaId': -1, 'isolationLevel': 0, 'topics': [
            {'name': name, 'partitions': [{'partitionIndex': 0, 'currentLeaderEpoch': -1,
                                           'timestamp': -2}]} for name in TOPICS]}),
        ('OffsetForLeaderEpoch', 4, {'replicaId': -1, 'topics': [
            {'topic': name, 'partitions': [{'partition': 0, 'currentLeaderEpoch': -1,
                                            'leaderEpoch': 0}]} for name in TOPICS]}),
        ('DeleteRecords', 2, {'timeoutMs': 5000, 'topics': [
            {'name': name, 'partitions': [{'partitionIndex': 0, 'offset': 0}]}
            for name in TOPICS if name != 'free']}),
        ('DescribeProducers', 0, {'topics': [{'name': name, 'partitionIndexes': [0]}
                                             for name in TOPICS]}),
        create('seen', 'hidden', 'pre-new', '__cluster_metadata'),
        create('pre-twice', 'pre-twice', 'pre-once'),
        ('CreateTopics', 4, create('pre-old', 'seen')[2]),
        ('CreatePartitions', 3, {'topics': [
            {'name': name, 'count': 2, 'assignments': None} for name in TOPICS if name != 'free'],
            'timeoutMs': 5000, 'validateOnly': True}),
        ('DeleteTopics', 6, {'timeoutMs': 5000, 'topics': [
            {'name': name, 'topicId': NO_ID} for name in TOPICS if name != 'free']}),
        ('DeleteTopics', 6, {'timeoutMs': 5000, 'topics': [
            {'name': None, 'topicId': f'@{name}'} for name in ('seen', 'hidden', 'absent')]}),
        ('DeleteTopics', 6, {'timeoutMs': 5000, 'topics': [
            {'name': 'hidden', 'topicId': NO_ID}, {'name': 'hidden', 'topicId': NO_ID}]}),
        ('DeleteTopics', 5, {'timeoutMs': 5000, 'topicNames': ['seen', 'hidden', 'absent']}),
        ('DescribeConfigs', 4, {'includeSynonyms': False, 'includeDocumentation': False,
                                'resources': [
                                    {'resourceType': kind, 'resourceName': name,
                                     'configurationKeys': ['retention.ms']}
                                    for kind, name in resources]}),
        ('IncrementalAlterConfigs', 1, {'validateOnly': True, 'resources': [
            {'resourceType': kind, 'resourceName': name, 'configs': []}
            for kind, name in resources if kind != 16]}),
        ('AlterConfigs', 2, {'validateOnly': True, 'resources': [
            {'resourceType': 2, 'resourceName': name, 'configs': []} for name in TOPICS]}),
        ('ElectLeaders', 2, {'electionType': 0, 'timeoutMs': 5000, 'topicPartitions': [
            {'topic': name, 'partitions': [0]} for name in TOPICS]}),
        ('ElectLeaders', 0, {'timeoutMs': 5000, 'topicPartitions': [
            {'topic': name, 'partitions': [0]} for name in TOPICS]}),
        ('ElectLeaders', 2, {'electionType': 0, 'timeoutMs': 5000, 'topicPartitions': None}),
        ('AlterPartitionReassignments', 0, {'timeoutMs': 5000, 'topics': [
            {'name': name, 'partitions': [{'partitionIndex': 0, 'replicas': None}]}
            for name in TOPICS]}),
        ('ListPartitionReassignments', 0, {'timeoutMs': 5000, 'topics': None}),
        ('AlterReplicaLogDirs', 2, {'dirs': [{'path': '/absent', 'topics': [
            {'name': 'hidden', 'partitions': [0]}]}]}),
        metadata(13, ('pre-made', 'may-see-it'), create_them=True),
    ]


def of_groups():
    asked = []
    for group in GROUPS:
        asked += [
            commit(group, TOPICS),
            ('OffsetDelete', 0, {'groupId': group, 'topics': [
                {'name': name, 'partitions': [{'partitionIndex': 0}]}
                for name in ('read', 'hidden', 'absent')]}),
            ('JoinGroup', 9, {
                'groupId': group, 'sessionTimeoutMs': 6000, 'rebalanceTimeoutMs': 6000,
                'memberId': 'nobody', 'groupInstanceId': None, 'protocolType': 'consumer',
                'protocols': [{'name': 'range', 'metadata': 'AAA='}], 'reason': None}),
            ('SyncGroup', 5, {
                'groupId': group, 'generationId': 1, 'memberId': 'nobody', 'groupInstanceId': None,
                'protocolType': 'consumer', 'protocolName': 'range', 'assignments': []}),
            ('Heartbeat', 4, {'groupId': group, 'generationId': 1, 'memberId': 'nobody',
                              'groupInstanceId': None}),
            ('LeaveGroup', 5, {'groupId': group, 'members': [
                {'memberId': 'nobody', 'groupInstanceId': None, 'reason': None}]}),
        ]
    asked += [
        ('OffsetFetch', 8, {'requireStable': False, 'groups': [
            {'groupId': group, 'topics': [{'name': name, 'partitionIndexes': [0]}
                                          for name in TOPICS]} for group in GROUPS]}),
        ('OffsetFetch', 8, {'requireStable': False, 'groups': [
            {'groupId': group, 'topics': None} for group in GROUPS]}),
        ('OffsetFetch', 7, {'groupId': 'hidden', 'topics': [
            {'name': 'free', 'partitionIndexes': [0]}], 'requireStable': False}),
        ('OffsetFetch', 10, {'requireStable': False, 'groups': [
            {'groupId': 'free', 'memberId': None, 'memberEpoch': -1, 'topics': [
                {'topicId': f'@{name}', 'partitionIndexes': [0]}
                for name in EXISTING + ('absent',)]}]}),
        ('OffsetFetch', 10, {'requireStable': False, 'groups': [
            {'groupId': 'free', 'memberId': None, 'memberEpoch': -1, 'topics': None}]}),
        ('OffsetCommit', 10, {
            'groupId': 'free', 'generationIdOrMemberEpoch': -1, 'memberId': '',
            'groupInstanceId': None, 'topics': [
                {'topicId': f'@{name}', 'partitions': [
                    {'partitionIndex': 0, 'committedOffset': 4, 'committedLeaderEpoch': -1,
                     'committedMetadata': ''}]} for name in EXISTING + ('absent',)]}),
        ('OffsetFetch', 1, {'groupId': 'hidden', 'topics': [
            {'name': 'free', 'partitionIndexes': [0]}]}),
        ('DescribeGroups', 5, {'groups': ['free', 'hidden', 'absent'],
                               'includeAuthorizedOperations': True}),
        ('ListGroups', 5, {'statesFilter': [], 'typesFilter': []}),
        ('DeleteGroups', 2, {'groupsNames': ['hidden', 'absent']}),
        coordinator(0, *GROUPS), coordinator(1, *GROUPS),
        ('FindCoordinator', 3, {'key': 'hidden', 'keyType': 0}),
    ]
    return asked


def heartbeat(api, version, group, topic, **more):
    return (api, version, {'groupId': group, 'memberId': MEMBER, 'memberEpoch': 5, 'rackId': None,
                           'subscribedTopicNames': [topic], **more})


def of_new_groups():
    """Consumer, share and streams groups: asked by a member that nobody knows."""
    asked = []
    for group, topic in (('free', 'free'), ('free', 'hidden'), ('hidden', 'free')):
        asked += [
            heartbeat('ConsumerGroupHeartbeat', 1, group, topic, instanceId=None,
                      rebalanceTimeoutMs=5000, subscribedTopicRegex=None, serverAssignor=None,
                      topicPartitions=None),
            heartbeat('ShareGroupHeartbeat', 1, group, topic),
            ('StreamsGroupHeartbeat', 0, {
                'groupId': group, 'memberId': MEMBER, 'memberEpoch': 5,
                'endpointInformationEpoch': 0, 'instanceId': None, 'rackId': None,
                'rebalanceTimeoutMs': 5000, 'topology': {'epoch': 1, 'subtopologies': [
                    {'subtopologyId': '0', 'sourceTopics': [topic], 'sourceTopicRegex': [],
                     'stateChangelogTopics': [], 'repartitionSinkTopics': [],
                     'repartitionSourceTopics': [], 'copartitionGroups': []}]},
                'activeTasks': None, 'standbyTasks': None, 'warmupTasks': None, 'processId': None,
                'userEndpoint': None, 'clientTags': None, 'taskOffsets': None,
                'taskEndOffsets': None, 'shutdownApplication': False}),
            ('ShareFetch', 1, {
                'groupId': group, 'memberId': MEMBER, 'shareSessionEpoch': 0, 'maxWaitMs': 0,
                'minBytes': 0, 'maxBytes': 1000, 'maxRecords': 1, 'batchSize': 1, 'topics': [
                    {'topicId': f'@{topic}', 'partitions': [
                        {'partitionIndex': 7, 'acknowledgementBatches': []}]}],
                'forgottenTopicsData': []}),
            ('ShareAcknowledge', 1, {
                'groupId': group, 'memberId': MEMBER, 'shareSessionEpoch': 1, 'topics': [
                    {'topicId': f'@{topic}', 'partitions': [
                        {'partitionIndex': 0, 'acknowledgementBatches': [
                            {'firstOffset': 0, 'lastOffset': 0, 'acknowledgeTypes': [1]}]}]}]}),
            ('AlterShareGroupOffsets', 0, {'groupId': group, 'topics': [
                {'topicName': topic, 'partitions': [{'partitionIndex': 9, 'startOffset': 0}]}]}),
            ('DeleteShareGroupOffsets', 0, {'groupId': group, 'topics': [{'topicName': topic}]}),
        ]
    asked += [(f'{kind}GroupDescribe', 1 if kind != 'Streams' else 0, {
        'groupIds': ['free', 'hidden', 'absent'], 'includeAuthorizedOperations': True})
        for kind in ('Consumer', 'Share', 'Streams')]
    asked.append(('DescribeShareGroupOffsets', 0, {'groups': [
        {'groupId': group, 'topics': [{'topicName': 'hidden', 'partitions': [0]}]}
        for group in GROUPS]}))
    return asked


def of_transactions():
    asked = [('InitProducerId', 4, {'transactionalId': None, 'transactionTimeoutMs': 60000,
                                    'producerId': -1, 'producerEpoch': -1})]
    for name in GROUPS:
        asked += [
            ('AddPartitionsToTxn', 3, {
                'v3AndBelowTransactionalId': name, 'v3AndBelowProducerId': 9999,
                'v3AndBelowProducerEpoch': 0,
                'v3AndBelowTopics': [{'name': topic, 'partitions': [0]} for topic in TOPICS]}),
            ('AddOffsetsToTxn', 3, {'transactionalId': name, 'producerId': 9999,
                                    'producerEpoch': 0, 'groupId': 'hidden'}),
            ('TxnOffsetCommit', 3, {
                'transactionalId': name, 'groupId': 'free', 'producerId': 9999, 'producerEpoch': 0,
                'generationId': -1, 'memberId': '', 'groupInstanceId': None, 'topics': [
                    {'name': topic, 'partitions': [
                        {'partitionIndex': 0, 'committedOffset': 1, 'committedLeaderEpoch': -1,
                         'committedMetadata': ''}]} for topic in ('hidden', 'absent')]}),
            ('EndTxn', 3, {'transactionalId': name, 'producerId': 9999, 'producerEpoch': 0,
                           'committed': True}),
        ]
    asked += [
        ('InitProducerId', 4, {'transactionalId': 'hidden', 'transactionTimeoutMs': 60000,
                               'producerId': -1, 'producerEpoch': -1}),
        ('DescribeTransactions', 0, {'transactionalIds': ['free', 'hidden', 'absent']}),
        ('ListTransactions', 1, {'stateFilters': [], 'producerIdFilters': [],
                                 'durationFilter': -1}),
    ]
    return asked


def of_the_cluster():
    everything_about_acls = {'resourceTypeFilter': 1, 'resourceNameFilter': None,
                             'patternTypeFilter': 1, 'principalFilter': None, 'hostFilter': None,
                             'operation': 1, 'permissionType': 1}
    nothing = dict(everything_about_acls, principalFilter='User:nobody')
    return [
        ('DescribeCluster', 1, {'includeClusterAuthorizedOperations': True, 'endpointType': 1}),
        ('DescribeQuorum', 2, {'topics': [{'topicName': '__cluster_metadata', 'partitions': [
            {'partitionIndex': 0}]}]}),
        ('DescribeLogDirs', 4, {'topics': [{'topic': 'absent', 'partitions': [0]}]}),
        ('DescribeClientQuotas', 1, {'components': [], 'strict': False}),
        ('AlterClientQuotas', 1, {'validateOnly': True, 'entries': [
            {'entity': [{'entityType': 'user', 'entityName': 'u'}],
             'ops': [{'key': 'producer_byte_rate', 'value': 1.0, 'remove': False}]}]}),
        ('UpdateFeatures', 1, {'timeoutMs': 5000, 'validateOnly': True, 'featureUpdates': [
            {'feature': 'transaction.version', 'maxVersionLevel': 2, 'upgradeType': 1}]}),
        ('UnregisterBroker', 0, {'brokerId': 42}),
        ('ListConfigResources', 1, {'resourceTypes': [16]}),
        ('WriteTxnMarkers', 1, {'markers': [
            {'producerId': 9999, 'producerEpoch': 0, 'transactionResult': False,
             'coordinatorEpoch': 0, 'topics': [{'name': 'absent', 'partitionIndexes': [0]}]}]}),
        ('DescribeAcls', 3, everything_about_acls),
        ('DescribeAcls', 3, dict(everything_about_acls, resourceTypeFilter=99)),
        ('DescribeAcls', 3, dict(everything_about_acls, operation=0)),
        ('CreateAcls', 3, acls([(CLUSTER, LITERAL, 'other', OTHER, READ, ALLOW),
                                (TOPIC, LITERAL, '', OTHER, READ, ALLOW),
                                (99, LITERAL, 't', OTHER, READ, ALLOW),
                                (TOPIC, 9, 't', OTHER, READ, ALLOW),
                                (TOPIC, LITERAL, 't', OTHER, 99, ALLOW),
                                (TOPIC, LITERAL, 't', OTHER, READ, 99),
                                (TOPIC, LITERAL, 't', 'nobody', READ, ALLOW),
                                (TOPIC, LITERAL, 'new', OTHER, READ, ALLOW)])),
        ('CreateAcls', 3, acls([(TOPIC, LITERAL, 't', OTHER, READ, ALLOW),
                                (1, LITERAL, 't', OTHER, READ, ALLOW)])),
        ('CreateAcls', 3, acls([(TOPIC, 2, 't', OTHER, READ, ALLOW)])),
        ('CreateAcls', 3, acls([(TOPIC, LITERAL, 't', OTHER, 1, ALLOW)])),
        ('CreateAcls', 3, acls([(TOPIC, LITERAL, 't', OTHER, READ, 1)])),
        ('CreateAcls', 3, acls([(0, LITERAL, 't', OTHER, READ, ALLOW)])),
        ('DeleteAcls', 3, {'filters': [nothing, dict(nothing, resourceTypeFilter=99),
                                       dict(nothing, operation=99),
                                       dict(everything_about_acls, resourceNameFilter='new')]}),
    ]


def of_the_controller():
    """What a controller's listener serves to tools."""
    return [
        create('pre-new', 'hidden'),
        ('DescribeCluster', 1, {'includeClusterAuthorizedOperations': True, 'endpointType': 2}),
        ('DeleteTopics', 6, {'timeoutMs': 5000, 'topics': [
            {'name': 'hidden', 'topicId': NO_ID}, {'name': None, 'topicId': '@hidden'}]}),
        ('DescribeConfigs', 4, {'includeSynonyms': False, 'includeDocumentation': False,
                                'resources': [{'resourceType': 2, 'resourceName': 'hidden',
                                               'configurationKeys': ['retention.ms']}]}),
        ('IncrementalAlterConfigs', 1, {'validateOnly': True, 'resources': [
            {'resourceType': 2, 'resourceName': 'hidden', 'configs': []}]}),
    ] + [one for one in of_topics() + of_the_cluster() if one[0] in {
        'CreatePartitions', 'ElectLeaders', 'AlterPartitionReassignments',
        'ListPartitionReassignments', 'DescribeQuorum', 'AlterClientQuotas', 'UpdateFeatures',
        'UnregisterBroker', 'DescribeAcls', 'CreateAcls', 'DeleteAcls'}]


def everything():
    return of_topics() + of_groups() + of_new_groups() + of_transactions() + of_the_cluster()
