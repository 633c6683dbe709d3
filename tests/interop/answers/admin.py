# SPDX-License-Identifier: Apache-2.0
"""Topics, configs, quotas and the rest of administration."""

from . import about, topic


def new(name, **more):
    return dict({'name': name, 'numPartitions': 1, 'replicationFactor': 1, 'assignments': [],
                 'configs': []}, **more)


@about('CreateTopics')
def creating(ask, version, name):
    def create(*topics, **more):
        ask('CreateTopics', version, **dict({'topics': list(topics), 'timeoutMs': 10000}, **more))
    create(new(name, numPartitions=2, configs=[{'name': 'retention.ms', 'value': '12345'}]))
    create(new(name), new(name + '-2'), new(name + '-2'))
    create(new(name + '-3', replicationFactor=9))
    create(new(name + '-4', numPartitions=0), new(name + '-5', numPartitions=-7))
    create(new('bad name!'), new(''), new('.'), new('x' * 250))
    create(new(name + '-6', configs=[{'name': 'no.such', 'value': '1'}]))
    create(new(name + '-7', configs=[{'name': 'retention.ms', 'value': 'x'}]))
    create(new(name + '-8', configs=[{'name': 'retention.ms', 'value': None}]))
    create(new(name + '-9', numPartitions=-1, replicationFactor=-1, assignments=[
        {'partitionIndex': 0, 'brokerIds': [1]}, {'partitionIndex': 1, 'brokerIds': [1]}]))
    create(new(name + '-10', numPartitions=-1, replicationFactor=-1, assignments=[
        {'partitionIndex': 1, 'brokerIds': [1]}]))
    create(new(name + '-11', numPartitions=-1, replicationFactor=-1, assignments=[
        {'partitionIndex': 0, 'brokerIds': [42]}]))
    create(new(name + '-12', numPartitions=2, assignments=[
        {'partitionIndex': 0, 'brokerIds': [1]}]))
    create(new(name + '-13'), validateOnly=True)
    create(new(name + '.a'), new(name + '_a'))
    if version >= 4:
        create(new(name + '-14', numPartitions=-1, replicationFactor=-1))


@about('DeleteTopics')
def deleting(ask, version, name):
    made = topic(ask, name)
    ask('DeleteTopics', version, topicNames=[name, 'nowhere'], timeoutMs=5000,
        topics=[{'name': name}, {'name': 'nowhere'}])
    ask('DeleteTopics', version, topicNames=[name], timeoutMs=5000, topics=[{'name': name}])
    if version >= 6:
        ask('DeleteTopics', version, timeoutMs=5000, topics=[{'name': None, 'topicId': made}])
        made = topic(ask, name + '-again')
        ask('DeleteTopics', version, timeoutMs=5000, topics=[
            {'name': name + '-again'}, {'name': None, 'topicId': made}])
        ask('DeleteTopics', version, timeoutMs=5000, topics=[{'name': None, 'topicId': made}])


@about('CreatePartitions')
def more_partitions(ask, version, name):
    topic(ask, name)
    for count, assignments in ((3, None), (3, None), (2, None), (-1, None),
                               (4, [{'brokerIds': [1]}]), (5, [{'brokerIds': [9]}]),
                               (6, [{'brokerIds': [1]}])):
        ask('CreatePartitions', version, timeoutMs=5000, topics=[
            {'name': name, 'count': count, 'assignments': assignments}])
    ask('CreatePartitions', version, timeoutMs=5000, validateOnly=True, topics=[
        {'name': name, 'count': 9, 'assignments': None},
        {'name': 'nowhere', 'count': 9, 'assignments': None}])


@about('IncrementalAlterConfigs')
def altering(ask, version, name):
    topic(ask, name)

    def alter(resource_type, resource, *configs, **more):
        ask('IncrementalAlterConfigs', version, resources=[
            {'resourceType': resource_type, 'resourceName': resource, 'configs': [
                {'name': key, 'configOperation': operation, 'value': value}
                for key, operation, value in configs]}], **more)
    alter(2, name, ('retention.ms', 0, '999'), ('cleanup.policy', 2, 'compact'))
    alter(2, name, ('cleanup.policy', 3, 'delete'), ('retention.ms', 1, None))
    alter(2, name, ('retention.ms', 0, 'x'))
    alter(2, name, ('no.such', 0, 'x'))
    alter(2, name, ('retention.ms', 2, '1'))
    alter(2, name, ('retention.ms', 0, '1'), ('retention.ms', 0, '2'))
    alter(2, 'nowhere', ('retention.ms', 0, '1'))
    alter(4, '1', ('log.cleaner.threads', 0, '2'))
    alter(4, '1', ('log.cleaner.threads', 1, None))
    alter(4, '7', ('log.cleaner.threads', 0, '2'))
    alter(4, '', ('broker.id', 0, '2'))
    alter(99, 'x', ('a', 0, 'b'))
    alter(2, name, ('retention.ms', 0, '5'), validateOnly=True)
    # Loggers have other names here; what is wrong with any of them is told alike.
    alter(8, '7', ('root', 0, 'INFO'))
    alter(8, 'x', ('root', 0, 'INFO'))
    alter(8, '', ('root', 0, 'INFO'))
    alter(8, '1', ('no.such.logger', 0, 'INFO'))
    alter(8, '1', ('no.such.logger', 1, None))
    alter(8, '1', ('root', 2, 'INFO'))
    alter(8, '1', ('root', 3, 'INFO'))
    alter(8, '1', ('root', 0, None))
    alter(8, '1', ('root', 0, 'INFO'), ('root', 0, 'WARN'))
    twice = {'resourceType': 2, 'resourceName': name, 'configs': [
        {'name': 'retention.ms', 'configOperation': 0, 'value': '4'}]}
    ask('IncrementalAlterConfigs', version, resources=[twice, twice])
    ask('DescribeConfigs', 4, resources=[
        {'resourceType': 2, 'resourceName': name,
         'configurationKeys': ['retention.ms', 'cleanup.policy']}], includeSynonyms=True)


@about('DescribeConfigs')
def describing(ask, version, name):
    topic(ask, name, configs=[('retention.ms', '777')])
    ask('DescribeConfigs', version, includeSynonyms=True, resources=[
        {'resourceType': 2, 'resourceName': name, 'configurationKeys': None}])
    ask('DescribeConfigs', version, resources=[
        {'resourceType': 2, 'resourceName': name, 'configurationKeys': ['retention.ms', 'no']},
        {'resourceType': 2, 'resourceName': 'nowhere', 'configurationKeys': None},
        {'resourceType': 4, 'resourceName': '9', 'configurationKeys': None},
        {'resourceType': 4, 'resourceName': 'x', 'configurationKeys': None},
        {'resourceType': 77, 'resourceName': 'x', 'configurationKeys': None}])
    ask('DescribeConfigs', version, resources=[
        {'resourceType': 8, 'resourceName': name, 'configurationKeys': None}
        for name in ('', 'x', '9')])
    ask('DescribeConfigs', version, includeSynonyms=True, resources=[
        {'resourceType': 4, 'resourceName': '1', 'configurationKeys': [
            'log.retention.hours', 'num.partitions', 'node.id', 'compression.type']}])


@about('AlterClientQuotas')
def quotas(ask, version, name):
    def alter(entity, *ops, **more):
        ask('AlterClientQuotas', version, entries=[
            {'entity': [{'entityType': t, 'entityName': n} for t, n in entity],
             'ops': [{'key': k, 'value': v, 'remove': r} for k, v, r in ops]}], **more)
    alter([('user', name)], ('producer_byte_rate', 1e6, False))
    alter([('user', name), ('client-id', None)], ('consumer_byte_rate', 2e6, False))
    alter([('user', name)], ('no_such', 1.5, False))
    alter([('user', name)], ('producer_byte_rate', -1.0, False))
    alter([('nonsense', name)], ('producer_byte_rate', 1.0, False))
    alter([], ('producer_byte_rate', 1.0, False))
    alter([('ip', '300.1.1.1')], ('connection_creation_rate', 1.0, False))
    alter([('ip', '10.0.0.9')], ('connection_creation_rate', 5.0, False))
    alter([('ip', '10.0.0.9'), ('user', name)], ('connection_creation_rate', 5.0, False))
    alter([('user', name)], ('producer_byte_rate', 7.0, False), validateOnly=True)
    last = min(version, 1)
    for match_type, match in ((0, name), (0, 'other'), (2, None)):
        ask('DescribeClientQuotas', last, strict=False, components=[
            {'entityType': 'user', 'matchType': match_type, 'match': match}])
    ask('DescribeClientQuotas', last, strict=True, components=[
        {'entityType': 'user', 'matchType': 0, 'match': name}])
    alter([('user', name)], ('producer_byte_rate', 0.0, True))
    alter([('user', name), ('client-id', None)], ('consumer_byte_rate', 0.0, True))
    alter([('ip', '10.0.0.9')], ('connection_creation_rate', 0.0, True))


@about('CreateAcls')
def acls_without_an_authorizer(ask, version, name):
    ask('CreateAcls', version, creations=[
        {'resourceType': 2, 'resourceName': name, 'resourcePatternType': 3,
         'principal': 'User:a', 'host': '*', 'operation': 3, 'permissionType': 3}])
    filters = {'resourceTypeFilter': 1, 'resourceNameFilter': None, 'patternTypeFilter': 1,
               'principalFilter': None, 'hostFilter': None, 'operation': 1, 'permissionType': 1}
    ask('DescribeAcls', version, **filters)
    ask('DeleteAcls', version, filters=[filters])


@about('ElectLeaders')
def elections(ask, version, name):
    topic(ask, name)
    for kind in (0, 1, 9):
        ask('ElectLeaders', version, electionType=kind, timeoutMs=5000, topicPartitions=[
            {'topic': name, 'partitions': [0, 5]}, {'topic': 'nowhere', 'partitions': [0]}])


@about('AlterPartitionReassignments')
def reassignments(ask, version, name):
    topic(ask, name)
    for replicas in ([1], [], [9], [1, 1], None):
        ask('AlterPartitionReassignments', version, timeoutMs=5000, topics=[
            {'name': name, 'partitions': [{'partitionIndex': 0, 'replicas': replicas},
                                          {'partitionIndex': 5, 'replicas': [1]}]}])
    ask('ListPartitionReassignments', 0, timeoutMs=5000, topics=None)
    ask('ListPartitionReassignments', 0, timeoutMs=5000, topics=[
        {'name': name, 'partitionIndexes': [0, 5]}])


@about('DescribeCluster')
def cluster(ask, version, name):
    ask('DescribeCluster', version, includeClusterAuthorizedOperations=True)
    ask('DescribeCluster', version, endpointType=2)
    ask('DescribeCluster', version, endpointType=9)


@about('DescribeQuorum')
def quorum(ask, version, name):
    ask('DescribeQuorum', version, topics=[{'topicName': name, 'partitions': [
        {'partitionIndex': 0}]}])


@about('UpdateFeatures')
def features(ask, version, name):
    def update(feature, level, upgrade, **more):
        ask('UpdateFeatures', version, timeoutMs=5000, featureUpdates=[
            {'feature': feature, 'maxVersionLevel': level, 'allowDowngrade': False,
             'upgradeType': upgrade}], **more)
    update('no.such', 1, 1)
    update('transaction.version', 99, 1)
    update('transaction.version', 2, 1)
    update('metadata.version', 1, 2, validateOnly=True)
    update('group.version', 0, 1)
    update('', 1, 1)


@about('ListConfigResources')
def config_resources(ask, version, name):
    topic(ask, name)
    for kinds in ([], [16], [2], [4, 8], [99]):
        answer = ask.quiet('ListConfigResources', version, resourceTypes=kinds)
        answer['configResources'] = [one for one in answer.get('configResources', ())
                                     if one.get('resourceName') == name]
        ask.answers.append((f'ListConfigResources v{version} {kinds}', answer))


@about('DescribeLogDirs')
def log_dirs(ask, version, name):
    topic(ask, name, 2)
    for wanted in ([{'topic': name, 'partitions': [0, 1]}],
                   [{'topic': 'nowhere', 'partitions': [0]}], []):
        answer = ask.quiet('DescribeLogDirs', version, topics=wanted)
        for result in answer['results']:
            for key in ('totalBytes', 'usableBytes'):
                result.pop(key, None)
        ask.answers.append((f'DescribeLogDirs v{version}', answer))


@about('AlterReplicaLogDirs')
def moving_between_log_dirs(ask, version, name):
    topic(ask, name)
    ask('AlterReplicaLogDirs', version, dirs=[
        {'path': '/no/such/directory', 'topics': [{'name': name, 'partitions': [0, 4]}]}])


@about('DescribeUserScramCredentials')
def scram(ask, version, name):
    ask('DescribeUserScramCredentials', version, users=[{'name': name}, {'name': name}])
    ask('AlterUserScramCredentials', 0, deletions=[{'name': name, 'mechanism': 1}], upsertions=[])
    ask('AlterUserScramCredentials', 0, deletions=[], upsertions=[
        {'name': name, 'mechanism': 1, 'iterations': 4096, 'salt': 'c2FsdA==',
         'saltedPassword': 'cGFzcw=='},
        {'name': name + '-2', 'mechanism': 9, 'iterations': 4096, 'salt': 'c2FsdA==',
         'saltedPassword': 'cGFzcw=='},
        {'name': name + '-3', 'mechanism': 2, 'iterations': 1, 'salt': 'c2FsdA==',
         'saltedPassword': 'cGFzcw=='},
        {'name': '', 'mechanism': 1, 'iterations': 4096, 'salt': 'c2FsdA==',
         'saltedPassword': 'cGFzcw=='}])
    # A broker of Apache's comes to know of it a little later.
    while ask.quiet('DescribeUserScramCredentials', version,
                    users=[{'name': name}])['results'][0]['errorCode'] == 91:
        pass
    ask('DescribeUserScramCredentials', version, users=[{'name': name}])


@about('ApiVersions')
def api_versions(ask, version, name):
    # Which APIs there are is compared elsewhere.
    for software, number in (('', '!'), ('a', '1')):
        answer = ask.quiet('ApiVersions', version, clientSoftwareName=software,
                           clientSoftwareVersion=number)
        for key in ('apiKeys', 'finalizedFeaturesEpoch'):
            answer.pop(key, None)
        ask.answers.append(('ApiVersions', answer))


@about('UnregisterBroker')
def unregistering(ask, version, name):
    ask('UnregisterBroker', version, brokerId=99)
