# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka's administration tools, unmodified."""

import json
import re

from ..harness import case, equal, kcat, new_folder, run_tool, within


def topics(node, *arguments, ok=True):
    return run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, *arguments, ok=ok)


@case(smoke=True)
def topic_life(node):
    """create, describe, list, alter, delete, and the errors on the way."""
    out = topics(node, '--create', '--topic', 'life', '--partitions', '2',
                 '--config', 'retention.ms=86400000').out
    within(out, 'Created topic life.')
    out = topics(node, '--describe', '--topic', 'life').out
    within(out, 'PartitionCount: 2\tReplicationFactor: 1\tConfigs: ')
    within(out, 'retention.ms=86400000')
    for partition in (0, 1):
        within(out, f'Topic: life\tPartition: {partition}\tLeader: 1\tReplicas: 1\tIsr: 1')
    again = topics(node, '--create', '--topic', 'life', ok=False)
    equal(again.code, 1)
    within(again.out, "Topic 'life' already exists.")
    topics(node, '--alter', '--topic', 'life', '--partitions', '3')
    within(topics(node, '--describe', '--topic', 'life').out, 'PartitionCount: 3')
    within(topics(node, '--list').lines(), 'life')
    topics(node, '--delete', '--topic', 'life')
    gone = topics(node, '--describe', '--topic', 'life', ok=False)
    within(gone.out, "Topic 'life' does not exist as expected")


@case
def topic_refusals(node):
    for arguments, text in (
            (('--topic', 'two', '--replication-factor', '2'), 'only 1 broker(s) are registered'),
            (('--topic', 'bad topic'), 'contains one or more characters other than ASCII'),
            (('--topic', 'cfg', '--config', 'segment.bytes=abc'), 'Not a number of type INT'),
            (('--topic', 'cfg', '--config', 'no.such.key=1'), 'Unknown topic config name')):
        output = topics(node, '--create', *arguments, ok=False)
        equal(output.code, 1, ' '.join(arguments))
        within(output.out + output.err, text)


@case
def topic_assignment(node):
    topics(node, '--create', '--topic', 'assigned', '--replica-assignment', '1,1,1')
    within(topics(node, '--describe', '--topic', 'assigned').out, 'PartitionCount: 3')


@case
def topic_configs(node):
    base = ['--bootstrap-server', node.bootstrap]
    topics(node, '--create', '--topic', 'configs', '--config', 'segment.bytes=1048576')
    out = run_tool('kafka-configs', *base, '--describe', '--topic', 'configs').out
    within(out, 'segment.bytes=1048576 sensitive=false synonyms={DYNAMIC_TOPIC_CONFIG:'
                'segment.bytes=1048576, DEFAULT_CONFIG:log.segment.bytes=1073741824}')
    run_tool('kafka-configs', *base, '--alter', '--topic', 'configs', '--add-config',
             'retention.ms=1000000,cleanup.policy=[compact,delete]', '--delete-config',
             'segment.bytes')
    out = run_tool('kafka-configs', *base, '--describe', '--topic', 'configs').out
    within(out, 'cleanup.policy=compact,delete')
    within(out, 'retention.ms=1000000')
    equal('segment.bytes' in out, False, 'the deleted key is still there')
    bad = run_tool('kafka-configs', *base, '--alter', '--topic', 'configs', '--add-config',
                   'bogus=1', ok=False)
    equal(bad.code, 1)
    within(bad.out + bad.err, 'Unknown topic config name: bogus')


@case
def topic_configs_all(node):
    """All keys of a topic with their defaults and synonyms: the same words as Apache's."""
    topics(node, '--create', '--topic', 'configs-all')
    out = run_tool('kafka-configs', '--bootstrap-server', node.bootstrap, '--describe', '--topic',
                   'configs-all', '--all').out
    for line in ('cleanup.policy=delete sensitive=false synonyms={DEFAULT_CONFIG:'
                 'log.cleanup.policy=delete}',
                 'compression.type=producer sensitive=false synonyms={DEFAULT_CONFIG:'
                 'compression.type=producer}',
                 'retention.ms=604800000 sensitive=false synonyms={}',
                 'segment.bytes=1073741824 sensitive=false synonyms={DEFAULT_CONFIG:'
                 'log.segment.bytes=1073741824}',
                 'min.insync.replicas=1'):
        within(out, line)


@case
def broker_configs(node):
    base = ['--bootstrap-server', node.bootstrap]
    out = run_tool('kafka-configs', *base, '--describe', '--broker', '1', '--all').out
    within(out, 'node.id=1 sensitive=false synonyms={STATIC_BROKER_CONFIG:node.id=1}')
    within(out, 'log.segment.bytes=1073741824')
    run_tool('kafka-configs', *base, '--alter', '--broker-defaults', '--add-config',
             'log.retention.ms=1234567')
    out = run_tool('kafka-configs', *base, '--describe', '--broker-defaults').out
    within(out, 'log.retention.ms=1234567 sensitive=false synonyms={DYNAMIC_DEFAULT_BROKER_CONFIG:'
                'log.retention.ms=1234567')
    run_tool('kafka-configs', *base, '--alter', '--broker-defaults', '--delete-config',
             'log.retention.ms')
    fixed = run_tool('kafka-configs', *base, '--alter', '--broker', '1', '--add-config',
                     'node.id=2', ok=False)
    equal(fixed.code, 1)


@case
def client_quotas(node):
    base = ['--bootstrap-server', node.bootstrap, '--client', 'quota-client']
    run_tool('kafka-configs', *base, '--alter', '--add-config', 'producer_byte_rate=1024')
    within(run_tool('kafka-configs', *base, '--describe').out, 'producer_byte_rate=1024.0')
    run_tool('kafka-configs', *base, '--alter', '--delete-config', 'producer_byte_rate')


@case
def offsets(node):
    topics(node, '--create', '--topic', 'offsets', '--partitions', '2')
    kcat('-P', '-b', node.bootstrap, '-t', 'offsets', '-p', '0', stdin='a\nb\nc\n')

    def get(*arguments):
        return run_tool('kafka-get-offsets', '--bootstrap-server', node.bootstrap, '--topic',
                        'offsets', *arguments).lines()
    equal(get(), ['offsets:0:3', 'offsets:1:0'])
    equal(get('--time', 'earliest'), ['offsets:0:0', 'offsets:1:0'])
    equal(get('--time', '-4'), ['offsets:0:0', 'offsets:1:0'], 'earliest local')
    # The first record of the highest timestamp: any of the three, they may share a millisecond.
    equal(get('--time', '-3')[0] in [f'offsets:0:{i}' for i in range(3)], True, 'max timestamp')
    equal(get('--time', '0')[0], 'offsets:0:0', 'a time before all')


@case(smoke=True)
def delete_records(node):
    topics(node, '--create', '--topic', 'shortened')
    kcat('-P', '-b', node.bootstrap, '-t', 'shortened', '-p', '0', stdin='a\nb\nc\nd\n')
    wanted = new_folder('delete') / 'offsets.json'
    wanted.write_text(json.dumps({'version': 1, 'partitions': [
        {'topic': 'shortened', 'partition': 0, 'offset': 3}]}), encoding='utf-8')
    out = run_tool('kafka-delete-records', '--bootstrap-server', node.bootstrap,
                   '--offset-json-file', str(wanted)).out
    within(out, 'partition: shortened-0\tlow_watermark: 3')
    out = run_tool('kafka-get-offsets', '--bootstrap-server', node.bootstrap, '--topic',
                   'shortened', '--time', 'earliest').out
    equal(out, 'shortened:0:3\n')
    equal(kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', 'shortened', '-p', '0', '-o',
               'beginning').out, 'd\n')


@case
def log_dirs(node):
    topics(node, '--create', '--topic', 'dirs')
    out = run_tool('kafka-log-dirs', '--bootstrap-server', node.bootstrap, '--describe',
                   '--topic-list', 'dirs').out
    answer = json.loads(next(line for line in out.splitlines() if line.startswith('{')))
    broker = answer['brokers'][0]
    equal(broker['broker'], 1)
    equal(broker['logDirs'][0]['error'], None)
    equal(broker['logDirs'][0]['logDir'], str(node.log_dirs[0]))
    equal([one['partition'] for one in broker['logDirs'][0]['partitions']], ['dirs-0'])


@case
def metadata_quorum(node):
    base = ['--bootstrap-server', node.bootstrap, 'describe']
    out = run_tool('kafka-metadata-quorum', *base, '--status').out
    within(out, f'ClusterId:              {node.cluster_id}')
    equal(re.search(r'LeaderId:\s+(\d+)', out).group(1), '1')
    within(out, 'CurrentObservers:       []')
    out = run_tool('kafka-metadata-quorum', *base, '--replication').out
    equal([line.split()[-1] for line in out.splitlines()[1:]], ['Leader'], out)


@case
def metadata_quorum_of_the_controller(node):
    out = run_tool('kafka-metadata-quorum', '--bootstrap-controller', node.controller, 'describe',
                   '--status').out
    within(out, f'ClusterId:              {node.cluster_id}')


@case
def cluster(node):
    out = run_tool('kafka-cluster', 'cluster-id', '--bootstrap-server', node.bootstrap).out
    equal(out.strip(), f'Cluster ID: {node.cluster_id}')
    out = run_tool('kafka-cluster', 'list-endpoints', '--bootstrap-server', node.bootstrap).out
    equal(out.splitlines()[1].split()[:3], ['1', '127.0.0.1', str(node.port)])
    missing = run_tool('kafka-cluster', 'unregister', '--bootstrap-server', node.bootstrap,
                       '--id', '42', ok=False)
    within(missing.out + missing.err, 'Broker ID 42 is not currently registered')


@case(smoke=True)
def api_versions(node):
    out = run_tool('kafka-broker-api-versions', '--bootstrap-server', node.bootstrap).out
    within(out, f'127.0.0.1:{node.port} (id: 1 rack: null isFenced: false) -> (')
    for line in ('Produce(0): 0 to 13 [usable: 13]', 'Fetch(1): 4 to 18 [usable: 18]',
                 'Metadata(3): 0 to 13 [usable: 13]', 'ApiVersions(18): 0 to 4 [usable: 4]'):
        within(out, line)


@case
def features(node):
    out = run_tool('kafka-features', '--bootstrap-server', node.bootstrap, 'describe').out
    for name, low, high, level in (('metadata.version', '3.3-IV3', '4.3-IV0', '4.3-IV0'),
                                   ('kraft.version', '0', '1', '1'),
                                   ('group.version', '0', '1', '1'),
                                   ('transaction.version', '0', '2', '2')):
        pattern = (rf'Feature: {re.escape(name)}\s+SupportedMinVersion: {re.escape(low)}\s+'
                   rf'SupportedMaxVersion: {re.escape(high)}\s+'
                   rf'FinalizedVersionLevel: {re.escape(level)}\s')
        equal(bool(re.search(pattern, out)), True, f'{name} in {out}')


@case
def elect_leaders(node):
    topics(node, '--create', '--topic', 'elected')
    output = run_tool('kafka-leader-election', '--bootstrap-server', node.bootstrap,
                      '--election-type', 'preferred', '--topic', 'elected', '--partition', '0')
    within(output.out + output.err, 'Valid replica already elected for partitions')
