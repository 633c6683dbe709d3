# SPDX-License-Identifier: Apache-2.0
"""Rows of libmoldau beside librdkafka: the same records to and from the same node. What stands in
Apache's column of these rows is librdkafka."""

import json

from tests.interop.harness import run
from tests.interop.harness.node import MOLDAU

from .results import Row, Work

BUILD = MOLDAU.parent / 'bench'
PARTITIONS = 6
BATCH_SIZE = 16384


class Client:
    """What does the work; `kind` is the column it stands in."""

    def __init__(self, kind, commands):
        self.kind = kind
        self._commands = commands

    def act(self, what, *arguments):
        said = run([*self._commands[what], *map(str, arguments)], timeout=300).out
        return json.loads(said.splitlines()[-1])


OURS = Client('moldau', {'produce': [BUILD / 'moldau-client-produce'],
                         'consume': [BUILD / 'moldau-client-consume']})
THEIRS = Client('apache', {'produce': [BUILD / 'moldau-rdkafka-client', 'produce'],
                           'consume': [BUILD / 'moldau-rdkafka-client', 'consume']})


def produce(servers, name, record_bytes, records):
    def act(bench):
        server = servers.get()[0]

        def once(client, number):
            topic = f'{name}-{client.kind}-{number}'
            server.create(topic, PARTITIONS)
            result = client.act('produce', server.bootstrap, topic,
                                max(10_000, int(records * bench.scale)), record_bytes, BATCH_SIZE)
            server.delete(topic)
            return result
        bench.alternate(name, [OURS, THEIRS], once)
    return act


def consume(servers, name, record_bytes, records):
    def act(bench):
        server = servers.get()[0]
        count = max(10_000, int(records * bench.scale))
        server.create(name, PARTITIONS)
        OURS.act('produce', server.bootstrap, name, count, record_bytes, BATCH_SIZE)
        bench.alternate(name, [OURS, THEIRS], lambda client, _: client.act(
            'consume', server.bootstrap, name, PARTITIONS, count))
        server.delete(name)
    return act


def works(servers):
    def work(name, what, act, record_bytes, records):
        rows = [Row(name, what, 'records_per_cpu_second', 'records/CPU-s', 1.5, True)]
        return Work(name, rows, act(servers, name, record_bytes, records))

    return [
        work('client-produce-100B', 'libmoldau beside librdkafka: 100 B produced', produce, 100,
             4_000_000),
        work('client-produce-1KiB', '  1 KiB produced', produce, 1024, 1_000_000),
        work('client-consume-100B', '  100 B consumed', consume, 100, 4_000_000),
        work('client-consume-1KiB', '  1 KiB consumed', consume, 1024, 1_000_000),
    ]
