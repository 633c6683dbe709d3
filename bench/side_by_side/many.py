# SPDX-License-Identifier: Apache-2.0
"""Rows of the many small things a node keeps: groups with their offsets, producer ids."""

import time

from .results import Row, Work
from .server import KINDS, Server

TOPIC = 'many'


def groups(count):
    """Commits an offset for each group, stops the node, and waits until a new one knows the last
    of them again. The time counts from exec."""
    def act(bench):
        many = max(1000, int(count * bench.scale))
        for kind in KINDS[:2]:
            server = Server(kind, 'groups')
            server.start()
            server.create(TOPIC, 1)
            bench.say(f'  {kind} took {server.load("fill-groups", TOPIC, groups=many)}')
            server.stop()
            for _ in range(min(3, bench.runs)):
                began = server.start(300)
                found = server.load('find-groups', TOPIC, groups=many)['found'] - began
                time.sleep(1)  # a collector may still clean up
                bench.add('groups', kind, {'found_s': found, 'rss_mib': server.memory_mib()})
                server.stop()
            server.remove()
    return act


def producers(count):
    def act(bench):
        many = max(6000, int(count * bench.scale))
        for kind in KINDS[:2]:
            server = Server(kind, 'producers')
            server.start()
            server.create(TOPIC)
            server.load('producers', TOPIC, producers=many)
            bench.add('producers', kind, {'rss_mib': server.memory_mib()})
            server.stop()
            server.remove()
    return act


def works():
    return [
        Work('groups', [
            Row('groups', '100,000 groups known after a restart', 'found_s', 's', 1 / 5),
            Row('groups-memory', '  memory with them', 'rss_mib', 'MiB', 1 / 5),
        ], groups(100_000)),
        Work('producers', [
            Row('producers', 'memory with a million producer ids', 'rss_mib', 'MiB', None, False,
                200),
        ], producers(1_000_000)),
    ]
