# SPDX-License-Identifier: Apache-2.0
"""One set of directories, served by Apache Kafka, then by the target, then by Apache again.

With `--target apache` all three are Apache Kafka, which proves the case itself.
"""

import re

from ..harness import Node, case, equal, kcat, python_with, run, run_tool, within

CODECS = ('none', 'gzip', 'snappy', 'lz4', 'zstd')
SCRIPT = __file__.rsplit('/', 2)[0] + '/python/transactions.py'


def topics_tool(node, *arguments):
    return run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, *arguments).out


def write(node, topic, mark, *options, count=60, partition=0):
    text = '\n'.join(f'{i}:{mark}-{i} ' + 'moldau ' * (i % 5) for i in range(count))
    kcat('-P', '-b', node.bootstrap, '-t', topic, '-p', str(partition), '-K', ':', '-H',
         f'from={mark}', *options, stdin=text + '\n')


def records(node, topic, partition=0):
    """Offsets, timestamps, keys, values and headers, as committed readers see them."""
    return kcat('-C', '-J', '-e', '-q', '-b', node.bootstrap, '-t', topic, '-p', str(partition),
                '-o', 'beginning', timeout=60).out


def state(node, topics):
    """All that must not change when another program takes over the directories."""
    described = topics_tool(node, '--describe', '--exclude-internal')
    # The leader epoch may grow, the rest may not; the order of the topics is not promised.
    lines = sorted(line.strip() for line in described.splitlines())
    base = ('--bootstrap-server', node.bootstrap)
    return {
        'topics': lines,
        'broker defaults': run_tool('kafka-configs', *base, '--describe',
                                    '--broker-defaults').out,
        'ends': run_tool('kafka-get-offsets', *base, '--exclude-internal-topics').out,
        'starts': run_tool('kafka-get-offsets', *base, '--exclude-internal-topics', '--time',
                           'earliest').out,
        **{f'records of {topic}': records(node, topic) for topic in topics},
    }


def compare(now, before):
    for what, value in before.items():
        equal(now[what], value, what)


def first_owner(node):
    """Everything one node can hold."""
    for codec in CODECS:
        topics_tool(node, '--create', '--topic', f'swap-{codec}', '--partitions', '2', '--config',
                    'segment.bytes=1048576')
        for mark in ('one', 'two'):
            write(node, f'swap-{codec}', mark, '-z', codec)
        write(node, f'swap-{codec}', 'idempotent', '-X', 'enable.idempotence=true')
    topics_tool(node, '--create', '--topic', 'swap-compact', '--config', 'cleanup.policy=compact',
                '--config', 'retention.ms=123456789')
    write(node, 'swap-compact', 'kept')
    topics_tool(node, '--create', '--topic', 'swap-doomed')
    run_tool('kafka-configs', '--bootstrap-server', node.bootstrap, '--alter', '--broker-defaults',
             '--add-config', 'log.cleaner.threads=2')
    topics_tool(node, '--create', '--topic', 'swap-transactions')


def second_owner(node):
    """Changes of every kind by the one in the middle."""
    for codec in CODECS:
        write(node, f'swap-{codec}', 'middle', '-z', codec)
    topics_tool(node, '--create', '--topic', 'swap-new', '--partitions', '3')
    write(node, 'swap-new', 'new', partition=2)
    write(node, 'swap-new', 'new')
    topics_tool(node, '--delete', '--topic', 'swap-doomed')
    run_tool('kafka-configs', '--bootstrap-server', node.bootstrap, '--alter', '--topic',
             'swap-compact', '--add-config', 'retention.ms=7654321')


def check_files(node):
    for codec in CODECS:
        folder = node.partition_folder(f'swap-{codec}')
        logs = ','.join(sorted(str(path) for path in folder.glob('*.log')))
        out = run_tool('kafka-dump-log', '--deep-iteration', '--files', logs).out
        equal('isvalid: false' in out, False, out[-1000:])


def end(node, unclean):
    if unclean:
        node.kill()
    else:
        node.stop()


def swap(context, name, unclean=False, **properties):
    node = Node('apache', name, log_dirs=2, **properties)
    node.format()
    node.start()
    first_owner(node)
    topics = [f'swap-{codec}' for codec in CODECS] + ['swap-compact', 'swap-transactions']
    run([python_with('confluent_kafka'), SCRIPT, node.bootstrap, 'swap-transactions'], timeout=90)
    before = state(node, topics)
    equal(len(re.findall('transaction', before['records of swap-transactions'])) >= 30, True)
    end(node, unclean)

    node.kind = context.kind
    node.start()
    compare(state(node, topics), before)
    second_owner(node)
    topics += ['swap-new']
    middle = state(node, topics)
    within(''.join(middle['topics']), 'retention.ms=7654321')
    equal('swap-doomed' in ''.join(middle['topics']), False, 'the deleted topic is back')
    end(node, unclean)

    node.kind = 'apache'
    node.start()
    compare(state(node, topics), middle)
    out = run_tool('kafka-consumer-groups', '--bootstrap-server', node.bootstrap, '--describe',
                   '--group', 'swap-group').out
    equal(re.search(r'swap-group\s+swap-transactions\s+0\s+(\d+)', out).group(1), '7')
    for topic in topics:
        write(node, topic, 'last')
    node.stop()
    check_files(node)


@case
def clean(context):
    swap(context, 'clean')


@case
def killed(context):
    """Each owner but the last is killed: the next one recovers."""
    swap(context, 'killed', unclean=True)


@case
def with_snapshots(context):
    """The metadata log has been cut behind snapshots."""
    swap(context, 'snapshots', metadata_log_max_record_bytes_between_snapshots='500')
