# SPDX-License-Identifier: Apache-2.0
"""Scripts of requests. A script gets something to ask with, the version of the API it is about,
and a name that no other script uses."""

from ..harness.ask import errors_of, versions_of


def about(api, first=None, last=None):
    """A script for every version of an API."""
    def mark(function):
        function.about = (api, first, last)
        versions = versions_of(api)
        function.versions = [v for v in versions if (first is None or v >= first)
                             and (last is None or v <= last)]
        return function
    return mark


def topic(ask, name, partitions=1, configs=()):
    """Makes a topic and waits until it can be used; its id."""
    ask.quiet('CreateTopics', 7, topics=[{
        'name': name, 'numPartitions': partitions, 'replicationFactor': 1, 'assignments': [],
        'configs': [{'name': key, 'value': value} for key, value in configs]}], timeoutMs=20000)
    while True:
        found = ask.quiet('Metadata', 12, topics=[{'name': name}])['topics'][0]
        if found['errorCode'] == 0 and all(p['leaderId'] >= 0 for p in found['partitions']):
            break
    wanted = [{'partitionIndex': p, 'currentLeaderEpoch': -1, 'timestamp': -1}
              for p in range(partitions)]
    while errors_of(ask.quiet('ListOffsets', 6, replicaId=-1, topics=[
            {'name': name, 'partitions': wanted}])) != {0}:
        pass
    ask.topics[found['topicId']] = name
    return found['topicId']


def coordinator(ask, key, key_type=0):
    """Waits until there is a coordinator of a key, with its partition loaded."""
    ask.until('FindCoordinator', 4, keyType=key_type, coordinatorKeys=[key])
    if key_type == 1:
        ask.until('DescribeTransactions', 0, transactionalIds=[key])
    else:
        ask.until('DescribeGroups', 5, groups=[key])
    ask.answers[-2:] = []
