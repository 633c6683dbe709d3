# SPDX-License-Identifier: Apache-2.0
"""Rows of producing and fetching: both nodes and the toy are up, one after the other works."""

from .results import Row, Work
from .server import KINDS, Server

CPU = 'CPU-s/GB'
# Share of a p99 that the generator's own lateness may have.
LATENESS_MAX = 0.3


class Servers:
    """The three servers of this chapter, started when first asked for. While one works the others
    are idle; what an idle JVM costs is a row of its own."""

    def __init__(self):
        self._all = None

    def get(self):
        if self._all is None:
            self._all = [Server(kind, 'load') for kind in KINDS]
            for server in self._all:
                server.start()
        return self._all

    def close(self):
        for server in self._all or []:
            server.stop()
            server.remove()


def batches(servers, name, record_bytes, codec, mb):
    def act(bench):
        def once(server, number):
            topic = f'{name}-{number}'
            server.create(topic)
            result = server.load('produce', topic, record_bytes=record_bytes, batch_bytes=65536,
                                 total_mb=int(mb * bench.scale), codec=codec, connections=2)
            server.delete(topic)
            return result
        bench.alternate(name, servers.get(), once)
    return act


def singles(servers, mb):
    def act(bench):
        def once(server, number):
            topic = f'single-{number}'
            server.create(topic)
            result = server.load('produce', topic, record_bytes=1024, batch_bytes=1024,
                                 total_mb=max(2, int(mb * bench.scale)), connections=4)
            server.delete(topic)
            return result
        bench.alternate('produce-single', servers.get(), once)
    return act


def paced(servers, seconds):
    def act(bench):
        def once(server, number):
            topic = f'paced-{number}'
            server.create(topic)
            result = server.load('pace', topic, record_bytes=1024, rate=20000, connections=4,
                                 seconds=max(3, int(seconds * bench.scale)))
            server.delete(topic)
            return result
        bench.alternate('paced', servers.get(), once)
        for kind, samples in bench.samples['paced'].items():
            if any(one['late_p99_ms'] > LATENESS_MAX * one['p99_ms'] for one in samples):
                bench.note(f'paced {kind}: the generator was late by itself; the machine is too '
                           'busy for latencies')
    return act


def consume(servers, name, consumers, gb, receive_buffer):
    def act(bench):
        topic = f'to-read-{name}'
        for server in servers.get():
            server.create(topic)
            server.load('produce', topic, record_bytes=1024, batch_bytes=65536,
                        total_mb=int(600 * bench.scale), connections=2)

        def once(server, _):
            return server.load('fetch', topic, consumers=consumers, receive_buffer=receive_buffer,
                               total_mb=int(1000 * gb * bench.scale))
        bench.alternate(name, servers.get(), once)
        for server in servers.get():
            server.delete(topic)
    return act


def commits(servers, count):
    def act(bench):
        def once(server, number):
            topic = f'commits-{number}'
            server.create(topic)
            result = server.load('commit', topic, commits=max(2000, int(count * bench.scale)))
            result['commits_per_cpu_s'] = result['commits'] / max(result['cpu_s'], 0.01)
            server.delete(topic)
            return result
        bench.alternate('commits', servers.get()[:2], once)
    return act


def transactions(servers, count):
    def act(bench):
        def once(server, number):
            topic = f'transactions-{number}'
            server.create(topic, 3)
            result = server.load('transact', topic, partitions=3,
                                 transactions=max(200, int(count * bench.scale)))
            result['cpu_ms'] = 1000 * result['cpu_s'] / result['transactions']
            server.delete(topic)
            return result
        bench.alternate('transactions', servers.get()[:2], once)
    return act


def works(servers):
    def produce(name, what, bar, record_bytes, codec, mb):
        return Work(name, [Row(name, what, 'cpu_s_per_gb', CPU, bar),
                           Row(name + '-rate', '  its throughput', 'mb_s', 'MB/s', None, True)],
                    batches(servers, name, record_bytes, codec, mb))

    def fetching(name, consumers, what, receive_buffer):
        return Work(name, [Row(name, what, 'cpu_s_per_gb', CPU, 0.18),
                           Row(name + '-rate', '  its throughput', 'mb_s', 'MB/s', None, True)],
                    consume(servers, name, consumers, 4, receive_buffer))

    return [
        produce('produce-100B', '100 B records, 64 KiB batches, acks=all', 0.20, 100, 'none', 1500),
        produce('produce-1KiB', '1 KiB records, 64 KiB batches', 0.35, 1024, 'none', 1500),
        produce('produce-lz4', '1 KiB records, 64 KiB lz4 batches', 0.35, 1024, 'lz4', 750),
        produce('produce-zstd', '1 KiB records, 64 KiB zstd batches', 0.35, 1024, 'zstd', 750),
        produce('produce-snappy', '1 KiB records, 64 KiB snappy batches', 0.35, 1024, 'snappy',
                750),
        Work('produce-single', [Row('produce-single', 'one 1 KiB record per request',
                                    'cpu_s_per_gb', CPU, 0.7)], singles(servers, 60)),
        # receive.buffer.bytes of Apache's consumer; librdkafka leaves it to the kernel.
        fetching('fetch-1', 1, '1 consumer of 6 partitions, from page cache', 65536),
        fetching('fetch-50', 50, '50 consumers of one each, from page cache', 65536),
        fetching('fetch-wide-1', 1, "1 consumer, receive buffer the kernel's", 0),
        fetching('fetch-wide-50', 50, "50 consumers, receive buffer the kernel's", 0),
        Work('paced', [
            Row('paced-cpu', '20,000 records/s of 1 KiB, linger 0', 'cpu_s', 'CPU-s', 0.4),
            Row('paced-p50', '  its p50 latency', 'p50_ms', 'ms'),
            Row('paced-p99', '  its p99 latency', 'p99_ms', 'ms', 0.5),
            Row('paced-p999', '  its p99.9 latency', 'p999_ms', 'ms', 0.33),
            Row('paced-late', '  p99 lateness of the generator itself', 'late_p99_ms', 'ms'),
        ], paced(servers, 10)),
        Work('commits', [
            Row('commits-cpu', 'offset commits of 6 partitions', 'commits_per_cpu_s',
                'commits/CPU-s', 5, True),
            Row('commits-rate', '  their rate from 8 connections', 'commits_s', 'commits/s', None,
                True),
        ], commits(servers, 40_000)),
        Work('transactions', [
            Row('transactions-rate', 'transactions of 10 records to 3 partitions each',
                'transactions_s', 'transactions/s', 2, True),
            Row('transactions-cpu', '  CPU of one', 'cpu_ms', 'CPU-ms', 0.25),
            Row('transactions-p99', '  its p99 latency', 'p99_ms', 'ms'),
        ], transactions(servers, 4_000)),
    ]
