# SPDX-License-Identifier: Apache-2.0
"""The same commands to Apache Kafka and to the target: the same words come back."""

import difflib
import json
import re

from ..harness import Failed, case, kcat, run_tool
from ..harness.node import start_node

_apache = None
_NOISE = re.compile(r'\s*at |\[.*\] (?:ERROR|WARN)')


def apache():
    global _apache
    if _apache is None or not _apache.process.running():
        _apache = start_node('apache', 'reference')
    return _apache


def normal(node, text):
    """The text without what must differ: addresses, directories, ids, times."""
    for path in node.log_dirs:
        text = text.replace(str(path), 'LOGDIR')
    text = text.replace(str(node.folder), 'FOLDER').replace(node.cluster_id, 'CLUSTERID')
    text = text.replace(f':{node.port}', ':PORT').replace(f':{node.controller_port}', ':CPORT')
    text = re.sub(r'\b\d{13}\b', 'TIME', text)
    text = re.sub(r'TopicId: \S{22}', 'TopicId: ID', text)
    # The order of a Java map.
    text = re.sub(r'(?<= are )\S+=\S+, .*',
                  lambda found: ', '.join(sorted(found.group(0).split(', '))), text)
    return re.sub(r'(Epoch: )\d+', r'\1N', text)


def both(node, tool, *arguments, keep=None, drop=None, option='--bootstrap-server'):
    """Runs the command on both and compares exit code and sorted lines."""
    texts = []
    for one in (apache(), node):
        address = one.bootstrap if option == '--bootstrap-server' else one.controller
        output = run_tool(tool, option, address, *arguments, ok=False)
        lines = normal(one, output.out + output.err).splitlines()
        lines = [line.rstrip() for line in lines if not _NOISE.match(line)]
        if keep:
            lines = [line for line in lines if re.search(keep, line)]
        if drop:
            lines = [line for line in lines if not re.search(drop, line)]
        texts.append([f'exit {output.code}', *sorted(lines)])
    if texts[0] != texts[1]:
        difference = '\n'.join(difflib.unified_diff(texts[0], texts[1], 'apache', 'target', n=0,
                                                    lineterm=''))
        raise Failed(f'{tool} {" ".join(arguments)}:\n{difference[:4000]}')


def everywhere(node, tool, *arguments):
    """A preparation that both need."""
    for one in (apache(), node):
        run_tool(tool, '--bootstrap-server', one.bootstrap, *arguments)


@case
def topic_configs(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-configs', '--config',
               'retention.ms=1000', '--config', 'segment.bytes=1048576')
    both(node, 'kafka-configs', '--describe', '--topic', 'diff-configs', '--all')
    both(node, 'kafka-configs', '--describe', '--topic', 'diff-configs')


@case
def broker_configs(node):
    both(node, 'kafka-configs', '--describe', '--broker', '1', '--all', drop=r'^  moldau\.')
    both(node, 'kafka-configs', '--describe', '--broker-defaults')


@case
def features(node):
    both(node, 'kafka-features', 'describe')


@case
def topic_descriptions(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-topic', '--partitions', '3',
               '--config', 'cleanup.policy=compact')
    both(node, 'kafka-topics', '--describe', '--topic', 'diff-topic')


@case
def refusals_of_topics(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-there')
    for arguments in (
            ('--create', '--topic', 'diff-there'),
            ('--create', '--topic', 'x' * 250),
            ('--create', '--topic', '.'),
            ('--create', '--topic', 'a/b'),
            ('--create', '--topic', 'diff-a', '--partitions', '0'),
            ('--create', '--topic', 'diff-b', '--replication-factor', '3'),
            ('--create', '--topic', 'diff-c', '--replication-factor', '0'),
            ('--create', '--topic', 'diff-d', '--config', 'retention.ms=abc'),
            ('--create', '--topic', 'diff-e', '--config', 'segment.bytes=1'),
            ('--create', '--topic', 'diff-f', '--config', 'cleanup.policy=other'),
            ('--create', '--topic', 'diff-g', '--config', 'min.insync.replicas=0'),
            ('--create', '--topic', 'diff-h', '--config', 'no.such=1'),
            ('--create', '--topic', 'diff-i', '--replica-assignment', '7'),
            ('--alter', '--topic', 'diff-there', '--partitions', '1'),
            ('--alter', '--topic', 'diff-missing', '--partitions', '2'),
            ('--delete', '--topic', 'diff-missing'),
            ('--describe', '--topic', 'diff-missing')):
        both(node, 'kafka-topics', *arguments)


@case
def refusals_of_configs(node):
    everywhere(node, 'kafka-topics', '--create', '--if-not-exists', '--topic', 'diff-there')
    for arguments in (
            ('--alter', '--topic', 'diff-there', '--add-config', 'no.such=1'),
            ('--alter', '--topic', 'diff-there', '--add-config', 'retention.ms=x'),
            ('--alter', '--topic', 'diff-there', '--add-config', 'compression.type=rar'),
            ('--alter', '--topic', 'diff-missing', '--add-config', 'retention.ms=1'),
            ('--alter', '--broker', '1', '--add-config', 'node.id=2'),
            ('--alter', '--broker', '1', '--add-config', 'log.cleaner.threads=-1'),
            ('--alter', '--broker', '9', '--add-config', 'log.cleaner.threads=2'),
            ('--describe', '--topic', 'diff-missing')):
        both(node, 'kafka-configs', *arguments)


@case
def offsets_and_records(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-offsets', '--partitions', '2')
    for time in ('latest', 'earliest', '-3', '-4', '-5', '0', '99999999999999'):
        both(node, 'kafka-get-offsets', '--topic', 'diff-offsets', '--time', time)
    both(node, 'kafka-get-offsets', '--topic', 'diff-missing')


@case
def cluster_tools(node):
    both(node, 'kafka-cluster', 'cluster-id')
    both(node, 'kafka-cluster', 'list-endpoints')
    both(node, 'kafka-cluster', 'unregister', '--id', '42')
    both(node, 'kafka-cluster', 'list-endpoints', option='--bootstrap-controller')


@case
def quotas(node):
    name = ('--entity-type', 'clients', '--entity-name', 'diff-client')
    for arguments in (
            ('--alter', *name, '--add-config', 'producer_byte_rate=1000,request_percentage=50.5'),
            ('--describe', *name),
            ('--alter', *name, '--delete-config', 'producer_byte_rate'),
            ('--describe', *name),
            ('--alter', *name, '--add-config', 'producer_byte_rate=-3'),
            ('--alter', *name, '--add-config', 'producer_byte_rate=0.5'),
            ('--alter', *name, '--add-config', 'consumer_byte_rate=x'),
            ('--alter', *name, '--add-config', 'no_such_rate=1'),
            ('--alter', *name, '--delete-config', 'controller_mutation_rate'),
            ('--alter', '--entity-type', 'users', '--entity-default', '--entity-type', 'clients',
             '--entity-default', '--add-config', 'consumer_byte_rate=7'),
            ('--describe', '--entity-type', 'users', '--entity-default', '--entity-type',
             'clients', '--entity-default'),
            ('--describe', '--entity-type', 'ips', '--entity-name', '127.0.0.9'),
            ('--alter', '--entity-type', 'ips', '--entity-name', '127.0.0.9', '--add-config',
             'connection_creation_rate=9'),
            ('--alter', '--entity-type', 'ips', '--entity-name', 'no address!', '--add-config',
             'connection_creation_rate=9')):
        both(node, 'kafka-configs', *arguments)


@case
def records_to_delete(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-delete', '--partitions', '2')
    for one in (apache(), node):
        kcat('-P', '-b', one.bootstrap, '-t', 'diff-delete', '-p', '0', stdin='a\nb\nc\nd\n')
    for topic, partition, offset in (('diff-delete', 0, 2), ('diff-delete', 0, 1),
                                     ('diff-delete', 0, 9), ('diff-delete', 0, -1),
                                     ('diff-delete', 1, 0), ('diff-delete', 0, -2)):
        path = node.folder / 'diff-delete.json'
        path.write_text(json.dumps({'version': 1, 'partitions': [
            {'topic': topic, 'partition': partition, 'offset': offset}]}), encoding='utf-8')
        both(node, 'kafka-delete-records', '--offset-json-file', str(path))
    for time in ('latest', 'earliest', '-3', '-4', '0'):
        both(node, 'kafka-get-offsets', '--topic', 'diff-delete', '--time', time)


@case
def leaders_and_assignments(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-moved', '--partitions', '2')
    for kind in ('preferred', 'unclean'):
        both(node, 'kafka-leader-election', '--election-type', kind, '--topic', 'diff-moved',
             '--partition', '0')
    both(node, 'kafka-leader-election', '--election-type', 'preferred', '--topic',
         'diff-missing', '--partition', '0')
    path = node.folder / 'diff-moved.json'
    for topic, replicas in (('diff-moved', [1]), ('diff-moved', [7]), ('diff-moved', []),
                            ('diff-moved', [1, 1]), ('diff-missing', [1])):
        path.write_text(json.dumps({'version': 1, 'partitions': [
            {'topic': topic, 'partition': 0, 'replicas': replicas}]}), encoding='utf-8')
        both(node, 'kafka-reassign-partitions', '--reassignment-json-file', str(path),
             '--execute')
        both(node, 'kafka-reassign-partitions', '--reassignment-json-file', str(path), '--verify')
    both(node, 'kafka-reassign-partitions', '--list')


@case
def feature_levels(node):
    for arguments in (('upgrade', '--feature', 'no.such=1'),
                      ('upgrade', '--feature', 'group.version=1'),
                      ('upgrade', '--feature', 'group.version=9'),
                      ('upgrade', '--feature', 'transaction.version=1'),
                      ('downgrade', '--feature', 'transaction.version=0', '--dry-run'),
                      ('downgrade', '--feature', 'eligible.leader.replicas.version=0'),
                      ('upgrade', '--feature', 'eligible.leader.replicas.version=1'),
                      ('upgrade', '--release-version', '4.3', '--dry-run'),
                      ('downgrade', '--metadata', '3.2'),
                      ('downgrade', '--metadata', '4.0', '--dry-run'),
                      ('disable', '--feature', 'kraft.version'),
                      ('disable', '--feature', 'share.version', '--dry-run'),
                      ('upgrade', '--feature', 'kraft.version=1')):
        both(node, 'kafka-features', *arguments)
    both(node, 'kafka-features', 'describe')


@case
def quorum(node):
    both(node, 'kafka-metadata-quorum', 'describe', '--status',
         drop=r'LeaderEpoch|HighWatermark|CurrentVoters')
    both(node, 'kafka-metadata-quorum', 'describe', '--status', option='--bootstrap-controller',
         drop=r'LeaderEpoch|HighWatermark|CurrentVoters')


@case
def more_topics(node):
    """What the tool passes on without looking."""
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff.dots')
    for arguments in (
            ('--create', '--topic', 'diff_dots'),
            ('--create', '--topic', '..'),
            ('--create', '--topic', '__consumer_offsets_x', '--config', 'cleanup.policy=compact'),
            ('--create', '--topic', '__cluster_metadata'),
            ('--create', '--topic', 'diff-k', '--replica-assignment', '1,1:1'),
            ('--create', '--topic', 'diff-l', '--replica-assignment', '1:1:1', '--config',
             'min.insync.replicas=2'),
            ('--create', '--topic', 'diff-m', '--partitions', '10001'),
            ('--create', '--topic', 'diff-n', '--config', 'remote.storage.enable=true'),
            ('--create', '--topic', 'diff-o', '--config', 'local.retention.ms=5', '--config',
             'retention.ms=4'),
            ('--create', '--topic', 'diff-p', '--config', 'compression.type=zstd', '--config',
             'compression.zstd.level=99'),
            ('--create', '--topic', 'diff-q', '--config', 'message.timestamp.type=Never'),
            ('--create', '--topic', 'diff-r', '--config', 'cleanup.policy='),
            ('--create', '--topic', 'diff-s', '--config', 'max.message.bytes=-1'),
            ('--create', '--topic', 'diff-t', '--config', 'min.cleanable.dirty.ratio=1.5'),
            ('--create', '--topic', 'diff-u', '--config',
             'leader.replication.throttled.replicas=x'),
            ('--describe', '--topic', 'diff-l'),
            ('--describe', '--topic', 'diff-l', '--under-min-isr-partitions'),
            ('--alter', '--topic', 'diff-l', '--partitions', '4', '--replica-assignment',
             '1:1:1:9'),
            ('--list', '--exclude-internal')):
        both(node, 'kafka-topics', *arguments)
