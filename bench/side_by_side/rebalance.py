# SPDX-License-Identifier: Apache-2.0
"""Rows of groups that rebalance: how long until every member knows what it has."""

from .results import Row, Work
from .server import KINDS, Server

TOPIC = 'rebalance'
# All members of the first generation come within the delay; and a new assignment is worked out at
# once, or both nodes would wait for most of the time.
PROPERTIES = {'group.initial.rebalance.delay.ms': '3000',
              'group.consumer.assignment.interval.ms': '0'}


def alone(name, partitions, work, scaled):
    """Each node by itself; every run is a group of its own on a fresh one."""
    def act(bench):
        sizes = {key: max(10, int(count * bench.scale)) for key, count in scaled.items()}
        parts = max(10, int(partitions * bench.scale))
        for run in range(bench.runs):
            order = KINDS[:2] if run % 2 == 0 else KINDS[1::-1]
            for kind in order:
                server = Server(kind, name, **PROPERTIES)
                server.start()
                server.create(TOPIC, parts)
                bench.add(name, kind, server.load(work, TOPIC, partitions=parts, rounds=5, **sizes))
                server.stop()
                server.remove()
    return act


def works():
    return [
        Work('rebalance-classic', [
            Row('rebalance-classic', 'a generation of 100 classic members', 'settle_ms', 'ms',
                1 / 2),
        ], alone('rebalance-classic', 10, 'rebalance-classic', {'members': 100})),
        Work('rebalance-consumers', [
            Row('rebalance-consumers', '100 of 1,000 consumer-protocol members change', 'change_s',
                's', 1 / 2),
            Row('rebalance-death', '  one of them dies', 'death_s', 's', None, False, 2),
            Row('rebalance-taken', '  partitions that its death takes from others',
                'taken_from_survivors', '', None, False, 0),
            Row('rebalance-join', '  all of them join', 'join_s', 's'),
            Row('rebalance-cpu', '  CPU of all that', 'cpu_s', 'CPU-s', 1 / 2),
        ], alone('rebalance-consumers', 2_000, 'rebalance-consumers', {'members': 1_000})),
    ]
