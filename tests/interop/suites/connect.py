# SPDX-License-Identifier: Apache-2.0
"""Kafka Connect, distributed, with the connectors that come with it: a file through a topic into
another file, exactly once, over a kill of the node and a restart of the worker."""

import json
import time
import urllib.error
import urllib.request

from ..harness import Failed, Process, case, equal, free_ports, java, kcat
from ..harness.java import TOOLS
from ..harness.node import start_node

WORKER = {
    'group.id': 'connect',
    'key.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'value.converter': 'org.apache.kafka.connect.storage.StringConverter',
    'exactly.once.source.support': 'enabled',
    'offset.storage.topic': 'connect-offsets',
    'offset.storage.replication.factor': '1',
    'offset.storage.partitions': '3',
    'config.storage.topic': 'connect-configs',
    'config.storage.replication.factor': '1',
    'status.storage.topic': 'connect-status',
    'status.storage.replication.factor': '1',
    'status.storage.partitions': '2',
    'offset.flush.interval.ms': '500',
    'scheduled.rebalance.max.delay.ms': '0',
}
FLAGS = ['-Xmx384m', '-XX:+UseSerialGC', '-Xshare:auto',
         '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']


class Worker:
    def __init__(self, node):
        self.node = node
        self.port, = free_ports(1)
        self.starts = 0
        self.process = None

    def start(self):
        self.starts += 1
        properties = dict(WORKER)
        properties['bootstrap.servers'] = self.node.bootstrap
        properties['listeners'] = f'http://127.0.0.1:{self.port}'
        path = self.node.folder / 'worker.properties'
        path.write_text(''.join(f'{key}={value}\n' for key, value in properties.items()),
                        encoding='utf-8')
        self.process = Process(java(TOOLS['connect-distributed'], str(path), flags=FLAGS),
                               self.node.folder / f'worker-{self.starts}.log')

    def ask(self, path, body=None, method='GET'):
        """An answer of the worker, once it is able to give one."""
        data = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + 120
        while True:
            request = urllib.request.Request(
                f'http://127.0.0.1:{self.port}{path}', data, method=method,
                headers={'Content-Type': 'application/json'})
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.loads(answer.read() or b'null')
            except (urllib.error.URLError, OSError) as error:
                if time.monotonic() > deadline or not self.process.running():
                    raise Failed(f'{path}: {error}\n{self.process.tail()}') from error
                time.sleep(0.5)

    def connector(self, name, **config):
        self.ask(f'/connectors/{name}/config',
                 {key.replace('_', '.'): value for key, value in config.items()}, 'PUT')


def lines_of(path):
    return path.read_text(encoding='utf-8').splitlines() if path.exists() else []


def comes_to(what, expected, tell, seconds=120):
    deadline = time.monotonic() + seconds
    while (actual := what()) != expected and time.monotonic() < deadline:
        time.sleep(0.3)
    equal(actual, expected, tell)


@case()
def a_file_through_a_topic(context):
    node = start_node(context.kind, 'connect')
    source, sink = node.folder / 'source.txt', node.folder / 'sink.txt'
    written = []

    def write(count):
        more = [f'line {len(written) + n}' for n in range(count)]
        written.extend(more)
        with open(source, 'a', encoding='utf-8') as file:
            file.write(''.join(line + '\n' for line in more))

    def topic():
        return kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', 'lines', '-o', 'beginning', '-X',
                    'isolation.level=read_committed').out.splitlines()

    worker = Worker(node)
    worker.start()
    try:
        write(50)
        worker.connector('source', connector_class='FileStreamSource', tasks_max='1',
                         file=str(source), topic='lines')
        worker.connector('sink', connector_class='FileStreamSink', tasks_max='1', file=str(sink),
                         topics='lines')
        comes_to(lambda: lines_of(sink), written, 'the sink')
        node.kill()
        node.start()
        write(50)
        comes_to(topic, written, 'the topic after a kill of the node')
        worker.process.stop(60)
        write(50)
        worker.start()
        comes_to(topic, written, 'the topic after a restart of the worker')
        # A sink commits its offsets after it wrote: what was new may come twice.
        comes_to(lambda: sorted(set(lines_of(sink))), sorted(written), 'the sink at the end')
        states = worker.ask('/connectors?expand=status')
        equal({name: one['status']['connector']['state'] for name, one in states.items()},
              {'source': 'RUNNING', 'sink': 'RUNNING'})
    finally:
        worker.process.kill()
    node.stop()
