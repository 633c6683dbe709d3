# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka's tools on the files that a node left behind."""

import re

from ..harness import Failed, case, equal, kcat, run_tool, within
from ..harness.node import start_node

CODECS = ('none', 'gzip', 'snappy', 'lz4', 'zstd')
BAD = ('isvalid: false', 'mismatch', 'Found', 'Exception', 'out of order')


def fill(node):
    """Topics of all codecs in several segments, one compacted, one idempotent, one shortened."""
    base = ('--bootstrap-server', node.bootstrap)
    for codec in CODECS:
        run_tool('kafka-topics', *base, '--create', '--topic', f'dump-{codec}', '--config',
                 'segment.bytes=1048576', '--config', 'index.interval.bytes=256')
        for part in range(4):
            text = '\n'.join(f'{part}-{i} ' + chr(97 + i % 26) * 900 for i in range(600))
            kcat('-P', '-b', node.bootstrap, '-t', f'dump-{codec}', '-p', '0', '-z', codec, '-X',
                 'batch.size=16000', '-X', 'enable.idempotence=true', stdin=text + '\n')
    run_tool('kafka-topics', *base, '--create', '--topic', 'dump-compact', '--config',
             'cleanup.policy=compact', '--partitions', '2')
    kcat('-P', '-b', node.bootstrap, '-t', 'dump-compact', '-K', ':', stdin='a:1\nb:2\na:3\n')


def files_of(folder, suffix):
    return sorted(str(path) for path in folder.glob(f'*{suffix}'))


def dump(*arguments):
    output = run_tool('kafka-dump-log', *arguments, timeout=180)
    for line in (output.out + output.err).splitlines():
        if any(word in line for word in BAD):
            raise Failed(f'kafka-dump-log says: {line}')
        # The tool of 4.3.1 takes -1 for the record before the first one of a file.
        if re.match(r'\s+\d+ is followed by', line):
            raise Failed(f'kafka-dump-log misses offsets: {line}')
    return output.out


@case(smoke=True)
def dump_log(context):
    """Every kind of file of every partition, records included; then the metadata log."""
    node = start_node(context.kind, 'files')
    fill(node)
    node.stop()
    segments = 0
    for codec in CODECS:
        folder = node.partition_folder(f'dump-{codec}')
        logs = files_of(folder, '.log')
        segments += len(logs)
        out = dump('--deep-iteration', '--print-data-log', '--files', ','.join(logs))
        equal(out.count('| offset: '), 2400, f'records in {folder}')
        within(out, f'compresscodec: {codec}')
        for suffix in ('.index', '.timeindex', '.snapshot'):
            files = files_of(folder, suffix)
            equal(bool(files), True, f'{suffix} files in {folder}')
            dump('--files', ','.join(files))
        dump('--index-sanity-check', '--files', ','.join(files_of(folder, '.index')))
    equal(segments >= len(CODECS) + 2, True, f'{segments} segments')
    dump('--deep-iteration', '--print-data-log', '--files', ','.join(
        files_of(node.partition_folder('dump-compact', 0), '.log')
        + files_of(node.partition_folder('dump-compact', 1), '.log')))
    metadata_log(node)


def metadata_log(node):
    folder = node.partition_folder('__cluster_metadata')
    files = files_of(folder, '.log') + files_of(folder, '.checkpoint')
    out = dump('--cluster-metadata-decoder', '--files', ','.join(files))
    within(out, '"type":"TOPIC_RECORD"')
    within(out, '"name":"dump-zstd"')
    within(out, '"type":"REGISTER_BROKER_RECORD"')
    within(out, '"type":"FEATURE_LEVEL_RECORD"')


@case
def storage_info(context):
    """`kafka-storage info` of both kinds tells the same about a directory."""
    node = start_node(context.kind, 'info')
    node.stop()
    out = run_tool('kafka-storage', 'info', '-c', str(node.folder / 'server.properties')).out
    within(out, f'cluster.id={node.cluster_id}')
    within(out, 'node.id=1, version=1')


@case
def metadata_shell(context):
    """Snapshots are made when asked for, and the metadata shell reads them."""
    node = start_node(context.kind, 'shell',
                      metadata_log_max_record_bytes_between_snapshots='100')
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 'shell')
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 'more')
    node.stop()
    folder = node.partition_folder('__cluster_metadata')
    snapshots = [path for path in files_of(folder, '.checkpoint') if 'bootstrap' not in path]
    equal(bool(snapshots), True, f'snapshots in {folder}')
    dump('--cluster-metadata-decoder', '--files', snapshots[-1])
    out = run_tool('kafka-metadata-shell', '--snapshot', snapshots[-1], 'cat',
                   '/image/topics/byName/shell/0').out
    within(out, 'replicas=[1]')
    out = run_tool('kafka-metadata-shell', '--snapshot', snapshots[-1], 'ls',
                   '/image/cluster/brokers').out
    equal(out.split(), ['1'])
