# SPDX-License-Identifier: Apache-2.0
"""Rows of starting and of memory: every server alone, in directories of its own."""

import statistics
import time

from .results import Row, Work
from .server import KINDS, Server

SETTLE_SECONDS = 5


def start_empty(bench):
    """From exec to the first accepted connection and to the first answer; then idle memory."""
    servers = [Server(kind, 'empty') for kind in KINDS]
    runs, bench.runs = bench.runs, max(5, bench.runs)

    def once(server, _):
        seen = server.start_watched()
        before = server.cpu_seconds()
        time.sleep(SETTLE_SECONDS)
        idle_cpu = (server.cpu_seconds() - before) / SETTLE_SECONDS * 100
        sample = {'accepted_ms': seen['accepted'] * 1000, 'answered_ms': seen['answered'] * 1000,
                  'idle_mib': server.memory_mib(), 'idle_cpu': idle_cpu}
        server.stop()
        return sample
    bench.alternate('start', servers, once)
    bench.runs = runs
    for server in servers:
        server.remove()


def memory_after_load(bench):
    """3 GB in, 3 GB out, of 1 KiB records in 64 KiB batches; then resident memory and its peak."""
    mb = int(3000 * bench.scale)
    runs, bench.runs = bench.runs, min(2, bench.runs)

    def once(server, _):
        server.start()
        server.create('through')
        server.load('produce', 'through', record_bytes=1024, batch_bytes=65536, total_mb=mb,
                    connections=2)
        server.load('fetch', 'through', consumers=6, total_mb=mb)
        time.sleep(2)
        sample = {'loaded_mib': server.memory_mib(), 'peak_mib': server.memory_mib('VmHWM')}
        server.delete('through')
        server.stop()
        return sample
    servers = [Server(kind, 'loaded') for kind in KINDS]
    bench.alternate('loaded', servers, once, warmups=0)
    bench.runs = runs
    for server in servers:
        server.remove()


def partitions(bench):
    """Clean restarts with 1,000 partitions and then with 2,000 (fewer with --quick), each of which
    holds records: time to the first acknowledged produce, and resident memory after a rest."""
    count = max(100, int(1000 * bench.scale))
    servers = [Server(kind, 'partitions') for kind in KINDS[:2]]
    memory = {server.kind: {} for server in servers}
    for step, topic in enumerate(('first', 'second'), 1):
        for server in servers:
            server.start()
            server.create(topic, count)
            server.stop()
        for _ in range(bench.runs):
            for server in servers:
                seen = server.start_watched('first', count)
                time.sleep(SETTLE_SECONDS)
                rss = server.memory_mib()
                memory[server.kind].setdefault(step, []).append(rss)
                if step == 1:
                    bench.add('partitions', server.kind, {
                        'first_ack_ms': seen['first_ack'] * 1000,
                        'all_acks_ms': seen['all_acks'] * 1000, 'rss_mib': rss})
                server.stop()
    for server in servers:
        one, two = (statistics.median(memory[server.kind][step]) for step in (1, 2))
        bench.add('partitions', server.kind,
                  {'mib_per_1000': (two - one) * 1000 / count, f'rss_{count}': one,
                   f'rss_{2 * count}': two})
        server.remove()


def works():
    return [
        Work('start', [
            Row('start-listening', 'exec to the first accepted connection, empty', 'accepted_ms',
                'ms', 1 / 70, bar_absolute=40),
            Row('start-answer', '  to the first answered request', 'answered_ms', 'ms', 1 / 70,
                bar_absolute=40),
            Row('idle-memory', 'resident memory, idle', 'idle_mib', 'MiB', 1 / 20),
            Row('idle-cpu', '  CPU while idle', 'idle_cpu', '%'),
        ], start_empty),
        Work('loaded', [
            Row('loaded-memory', 'resident memory after 3 GB in and out', 'loaded_mib', 'MiB',
                1 / 26),
            Row('peak-memory', '  its peak', 'peak_mib', 'MiB'),
        ], memory_after_load),
        Work('partitions', [
            Row('start-1000', 'exec to the first acknowledged produce, 1,000 partitions',
                'first_ack_ms', 'ms', 1 / 10),
            Row('start-1000-all', '  to one from each of them', 'all_acks_ms', 'ms'),
            Row('partition-memory', 'resident memory per 1,000 partitions', 'mib_per_1000', 'MiB',
                1 / 10),
        ], partitions),
    ]
