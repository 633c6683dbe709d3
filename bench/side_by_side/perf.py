# SPDX-License-Identifier: Apache-2.0
"""Rows of Apache's own perf tools; they share the cores with the servers."""

import itertools
import re

from tests.interop.harness import java, run
from tests.interop.harness.java import TOOLS

from .results import Row, Work
from .server import CLIENT_FLAGS

GROUPS = itertools.count()
LAST = re.compile(r'^(\d+) records sent, ([\d.]+) records/sec \(([\d.]+) MB/sec\), ([\d.]+) ms avg '
                  r'latency, ([\d.]+) ms max latency, (\d+) ms 50th, (\d+) ms 95th, (\d+) ms 99th, '
                  r'(\d+) ms 99\.9th', re.MULTILINE)


def perf_producer(server, topic, record_bytes, records, rate=-1, linger=5):
    """Apache's own perf producer: what its last line says, and the CPU it cost the server."""
    before = server.cpu_seconds()
    out = run(java('org.apache.kafka.tools.ProducerPerformance', '--topic', topic, '--num-records',
                   str(records), '--record-size', str(record_bytes), '--throughput', str(rate),
                   '--producer-props', f'bootstrap.servers={server.bootstrap}', 'acks=all',
                   'batch.size=65536', f'linger.ms={linger}', flags=CLIENT_FLAGS), timeout=300).out
    cpu = server.cpu_seconds() - before
    found = list(LAST.finditer(out))
    if not found:
        raise RuntimeError(f'the perf producer said nothing:\n{out[-2000:]}')
    last = found[-1]
    return {'records': int(last[1]), 'records_s': float(last[2]), 'avg_ms': float(last[4]),
            'p50_ms': int(last[6]), 'p99_ms': int(last[8]), 'p999_ms': int(last[9]), 'cpu_s': cpu,
            'cpu_s_per_gb': cpu / (int(last[1]) * record_bytes / 1e9)}


def perf_consumer(server, topic, records):
    """Apache's perf consumer in a group of its own: records and bytes of values that it says it
    read, and the CPU they cost the server."""
    return reading(server, 'ConsumerPerformance', topic, records,
                   f'perf-{next(GROUPS)}')


def perf_share_consumer(server, topic, records):
    group = f'perf-share-{next(GROUPS)}'
    run(java(TOOLS['kafka-configs'], '--bootstrap-server', server.bootstrap,
             '--alter', '--entity-type', 'groups', '--entity-name', group, '--add-config',
             'share.auto.offset.reset=earliest', flags=CLIENT_FLAGS), timeout=60)
    return reading(server, 'ShareConsumerPerformance', topic, records, group)


def reading(server, tool, topic, records, group):
    before = server.cpu_seconds()
    out = run(java(f'org.apache.kafka.tools.{tool}', '--topic', topic, '--bootstrap-server',
                   server.bootstrap, '--num-records', str(records), '--timeout', '20000', '--group',
                   group, flags=CLIENT_FLAGS), timeout=300).out
    cpu = server.cpu_seconds() - before
    # A line of names, then one of figures.
    rows = [[field.strip() for field in line.split(',')] for line in out.splitlines()]
    at = next((n for n, row in enumerate(rows) if row[0] == 'start.time'), len(rows))
    found = dict(zip(rows[at], rows[at + 1])) if at + 1 < len(rows) else {}
    if 'data.consumed.in.nMsg' in found:
        read = int(found['data.consumed.in.nMsg'])
        value_bytes = float(found['data.consumed.in.MB']) * 1024 * 1024
        return {'records': read, 'bytes': value_bytes, 'cpu_s': cpu,
                'records_s': float(found['nMsg.sec']), 'records_per_cpu_s': read / max(cpu, 0.01),
                'cpu_s_per_gb': cpu / (value_bytes / 1e9)}
    raise RuntimeError(f'{tool} said nothing:\n{out[-2000:]}')


def produce(servers, name, record_bytes, records, rate=-1, linger=5):
    def act(bench):
        def once(server, number):
            topic = f'{name}-{number}'
            server.create(topic)
            result = perf_producer(server, topic, record_bytes,
                                   max(10_000, int(records * bench.scale)), rate, linger)
            server.delete(topic)
            return result
        bench.alternate(name, servers.get()[:2], once)
    return act


def consume(servers, name, consumer, mb):
    """One topic that lies in the page cache, read from its beginning by a new group each run."""
    def act(bench):
        topic = f'to-read-{name}'
        records = 0
        for server in servers.get()[:2]:
            server.create(topic)
            made = server.load('produce', topic, record_bytes=1024, batch_bytes=65536,
                               total_mb=int(mb * bench.scale), connections=2)
            records = made['records']

        def once(server, _):
            return consumer(server, topic, records)
        bench.alternate(name, servers.get()[:2], once)
        for server in servers.get()[:2]:
            server.delete(topic)
    return act


def works(servers):
    def fastest(name, what, bar, record_bytes, records):
        return Work(name, [Row(name, what, 'records_s', 'records/s', bar, True),
                           Row(name + '-cpu', '  what it costs the broker', 'cpu_s_per_gb',
                               'CPU-s/GB')],
                    produce(servers, name, record_bytes, records))

    return [
        Work('paced-perf', [
            Row('paced-perf-cpu', "20,000 records/s by Apache's perf producer", 'cpu_s', 'CPU-s'),
            Row('paced-perf-p99', '  its p99 (whole ms)', 'p99_ms', 'ms'),
            Row('paced-perf-p999', '  its p99.9 (whole ms)', 'p999_ms', 'ms'),
        ], produce(servers, 'paced-perf', 1024, 120_000, 20_000, 0)),
        fastest('perf-100B', "Apache's perf producer, 100 B", 1.8, 100, 8_000_000),
        fastest('perf-1KiB', "Apache's perf producer, 1 KiB", 1.6, 1024, 1_500_000),
        Work('perf-group', [
            Row('perf-group-cpu', "Apache's perf consumer in a group", 'cpu_s_per_gb', 'CPU-s/GB',
                0.2),
            Row('perf-group-rate', '  its rate', 'records_s', 'records/s', None, True),
        ], consume(servers, 'perf-group', perf_consumer, 3000)),
        Work('perf-share', [
            Row('perf-share-cpu', "Apache's perf share consumer", 'records_per_cpu_s',
                'records/CPU-s', 3, True),
            Row('perf-share-rate', '  its rate', 'records_s', 'records/s', None, True),
        ], consume(servers, 'perf-share', perf_share_consumer, 1500)),
    ]
