# SPDX-License-Identifier: Apache-2.0
"""What one client writes every client reads: all compressions and acks, no consumer groups."""

import json

from ..harness import Failed, case, equal, go_program, kcat, python_with, run, run_tool

CODECS = ('none', 'gzip', 'snappy', 'lz4', 'zstd')
ACKS = ('0', '1', 'all')


def lines(name, count=200):
    """Text that compresses, and differs in every line."""
    return [f'{name}-{i} ' + 'moldau ' * (i % 7) for i in range(count)]


def create(node, topic, partitions=1):
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--if-not-exists',
             '--topic', topic, '--partitions', str(partitions))


def read(node, topic, count):
    """The first `count` records with kcat: waits for them, so acks=0 has arrived."""
    return kcat('-C', '-q', '-b', node.bootstrap, '-t', topic, '-p', '0', '-o', 'beginning', '-c',
                str(count), timeout=30).lines()


@case(smoke=True)
def kcat_all_codecs_and_acks(node):
    create(node, 'kcat')
    expected = []
    for codec in CODECS:
        for acks in ACKS:
            mine = lines(f'kcat-{codec}-{acks}', 50)
            kcat('-P', '-b', node.bootstrap, '-t', 'kcat', '-p', '0', '-z', codec, '-X',
                 f'acks={acks}', stdin='\n'.join(mine) + '\n')
            expected += mine
            equal(read(node, 'kcat', len(expected)), expected, f'{codec} acks={acks}')


@case
def kcat_idempotent(node):
    mine = lines('idempotent', 500)
    kcat('-P', '-b', node.bootstrap, '-t', 'kcat-idempotent', '-p', '0', '-X',
         'enable.idempotence=true', '-z', 'lz4', stdin='\n'.join(mine) + '\n')
    equal(read(node, 'kcat-idempotent', len(mine)), mine)


@case
def kcat_keys_headers_timestamps(node):
    create(node, 'kcat-keys')
    kcat('-P', '-b', node.bootstrap, '-t', 'kcat-keys', '-p', '0', '-K', ':', '-H', 'h1=v1', '-H',
         'h2=v2', stdin='k0:v0\nk1:\n')
    out = kcat('-C', '-J', '-e', '-q', '-b', node.bootstrap, '-t', 'kcat-keys', '-p', '0').lines()
    records = [json.loads(line) for line in out]
    equal([(one['offset'], one['key'], one['payload'], one['headers']) for one in records],
          [(0, 'k0', 'v0', ['h1', 'v1', 'h2', 'v2']), (1, 'k1', '', ['h1', 'v1', 'h2', 'v2'])])
    equal(records[0]['tstype'], 'create')


@case
def kcat_large_records(node):
    create(node, 'kcat-large')
    mine = [chr(97 + i) * 900_000 for i in range(4)]
    kcat('-P', '-b', node.bootstrap, '-t', 'kcat-large', '-p', '0', stdin='\n'.join(mine) + '\n')
    equal(read(node, 'kcat-large', 4) == mine, True, 'large records')
    try:
        kcat('-P', '-b', node.bootstrap, '-t', 'kcat-large', '-p', '0', '-X',
             'message.max.bytes=4000000', '-X', 'message.timeout.ms=10000',
             stdin='z' * 1_500_000 + '\n')
    except Failed as refused:
        equal('size' in str(refused).lower() or 'too large' in str(refused).lower(), True,
              str(refused)[-300:])
    else:
        raise Failed('a record above message.max.bytes was taken')


@case
def kcat_lists_metadata(node):
    create(node, 'kcat-meta', 3)
    answer = json.loads(kcat('-L', '-J', '-b', node.bootstrap, '-t', 'kcat-meta').out)
    equal(answer['brokers'], [{'id': 1, 'name': node.bootstrap}])
    topic = answer['topics'][0]
    equal(sorted((one['partition'], one['leader']) for one in topic['partitions']),
          [(0, 1), (1, 1), (2, 1)])


@case
def kcat_queries_offsets_by_time(node):
    create(node, 'kcat-times')
    kcat('-P', '-b', node.bootstrap, '-t', 'kcat-times', '-p', '0', stdin='a\nb\n')
    out = kcat('-Q', '-b', node.bootstrap, '-t', 'kcat-times:0:-2', '-t', 'kcat-times:0:0').out
    equal('offset 0' in out, True, out)


@case(smoke=True)
def java_console(node):
    """The console producer in every compression, the console consumer with --partition."""
    create(node, 'java')
    expected = []
    for codec in CODECS:
        mine = lines(f'java-{codec}', 40)
        run_tool('kafka-console-producer', '--bootstrap-server', node.bootstrap, '--topic', 'java',
                 '--compression-codec', codec, stdin='\n'.join(mine) + '\n')
        expected += mine
    consume(node, 'java', expected)


@case
def java_console_acks(node):
    create(node, 'java-acks')
    expected = []
    for acks in ('0', '1', 'all'):
        mine = lines(f'java-{acks}', 40)
        idempotent = 'true' if acks == 'all' else 'false'
        run_tool('kafka-console-producer', '--bootstrap-server', node.bootstrap, '--topic',
                 'java-acks', '--command-property', f'acks={acks}', '--command-property',
                 f'enable.idempotence={idempotent}', stdin='\n'.join(mine) + '\n')
        expected += mine
    consume(node, 'java-acks', expected)


def consume(node, topic, expected):
    out = run_tool('kafka-console-consumer', '--bootstrap-server', node.bootstrap, '--topic',
                   topic, '--partition', '0', '--offset', 'earliest', '--max-messages',
                   str(len(expected)), '--timeout-ms', '20000').lines()
    equal(out, expected, topic)


@case
def java_console_properties(node):
    create(node, 'java-keys')
    run_tool('kafka-console-producer', '--bootstrap-server', node.bootstrap, '--topic',
             'java-keys', '--reader-property', 'parse.key=true', '--reader-property',
             'key.separator=:', stdin='k:v\n')
    out = run_tool('kafka-console-consumer', '--bootstrap-server', node.bootstrap, '--topic',
                   'java-keys', '--partition', '0', '--offset', 'earliest', '--max-messages', '1',
                   '--timeout-ms', '20000', '--formatter-property', 'print.key=true',
                   '--formatter-property', 'print.offset=true', '--isolation-level',
                   'read_committed').out
    equal(out, 'Offset:0\tk\tv\n')


@case
def kcat_writes_java_reads(node):
    create(node, 'kcat-java')
    expected = []
    for codec in CODECS:
        mine = lines(f'cross-{codec}', 40)
        kcat('-P', '-b', node.bootstrap, '-t', 'kcat-java', '-p', '0', '-z', codec,
             stdin='\n'.join(mine) + '\n')
        expected += mine
    consume(node, 'kcat-java', expected)


@case
def java_performance_tools(node):
    """Apache's own load generators; the consumer needs groups and comes with them."""
    create(node, 'perf')
    out = run_tool('kafka-producer-perf-test', '--bootstrap-server', node.bootstrap, '--topic',
                   'perf', '--num-records', '20000', '--record-size', '512', '--throughput', '-1',
                   '--command-property', 'acks=all').out
    equal('20000 records sent' in out, True, out)
    equal(run_tool('kafka-get-offsets', '--bootstrap-server', node.bootstrap, '--topic',
                   'perf').out, 'perf:0:20000\n')


@case
def kafka_python(node):
    script = __file__.rsplit('/', 2)[0] + '/python/kafka_python.py'
    run([python_with('kafka'), script, node.bootstrap], timeout=120)


@case
def confluent_kafka(node):
    script = __file__.rsplit('/', 2)[0] + '/python/confluent.py'
    run([python_with('confluent_kafka'), script, node.bootstrap], timeout=120)


@case
def franz_go(node):
    run([go_program('franz'), node.bootstrap], timeout=120)
