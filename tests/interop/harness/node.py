# SPDX-License-Identifier: Apache-2.0
"""A single node, Apache's or ours, behind one interface: both read the same properties file."""

import base64
import os
import re
import socket
import uuid
from pathlib import Path

from .java import TOOLS, java, run_tool
from .places import ROOT, free_ports, new_folder
from .process import Failed, Process, run
from .suite import Skip

MOLDAU = Path(os.environ.get('MOLDAU_BINARY', ROOT / 'build' / 'release' / 'moldau')).resolve()
READY = {'apache': r'Kafka Server started', 'moldau': r'RECOVERY to RUNNING'}
NODE_FLAGS = ['-Xmx512m', '-Xms128m', '-XX:+UseG1GC', '-Xshare:auto',
              '-Dorg.slf4j.simpleLogger.defaultLogLevel=info']
DEFAULTS = {
    'process.roles': 'broker,controller',
    'node.id': '1',
    'controller.listener.names': 'CONTROLLER',
    'listener.security.protocol.map': 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT',
    'inter.broker.listener.name': 'PLAINTEXT',
    'offsets.topic.replication.factor': '1',
    'offsets.topic.num.partitions': '1',
    'transaction.state.log.replication.factor': '1',
    'transaction.state.log.num.partitions': '1',
    'transaction.state.log.min.isr': '1',
    'share.coordinator.state.topic.replication.factor': '1',
    'share.coordinator.state.topic.min.isr': '1',
    'share.coordinator.state.topic.num.partitions': '1',
    'group.initial.rebalance.delay.ms': '0',
}


def random_cluster_id():
    """A random UUID as Kafka spells it; never one that begins with a dash."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip('=')
        if not text.startswith('-'):
            return text


class Node:
    """One node with its properties, directories and process. `kind` may change between starts:
    that is what the swap suite does."""

    # More than the default of a small machine, so that requests cross shards; None: the default.
    shards = 2

    def __init__(self, kind, name='node', log_dirs=1, **properties):
        self.kind = kind
        self.folder = new_folder(f'{kind}-{name}')
        self.port, self.controller_port = free_ports(2)
        self.log_dirs = [self.folder / f'logs{i}' for i in range(log_dirs)]
        self.cluster_id = random_cluster_id()
        self.process = None
        self.starts = 0
        self.properties = dict(DEFAULTS)
        self.properties['controller.quorum.bootstrap.servers'] = (
            f'127.0.0.1:{self.controller_port}')
        self.properties['listeners'] = (
            f'PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self.controller_port}')
        self.properties['advertised.listeners'] = f'PLAINTEXT://127.0.0.1:{self.port}'
        self.properties['log.dirs'] = ','.join(str(path) for path in self.log_dirs)
        for key, value in properties.items():
            self.properties[key.replace('_', '.')] = str(value)

    @property
    def bootstrap(self):
        return f'127.0.0.1:{self.port}'

    @property
    def controller(self):
        return f'127.0.0.1:{self.controller_port}'

    def write_properties(self):
        path = self.folder / 'server.properties'
        path.write_text(''.join(f'{key}={value}\n' for key, value in self.properties.items()),
                        encoding='utf-8')
        return path

    def format(self):
        """As `kafka-storage format --standalone`."""
        arguments = ['format', '-t', self.cluster_id, '-c', str(self.write_properties()),
                     '--standalone']
        if self.kind == 'apache':
            return run_tool('kafka-storage', *arguments)
        return run([moldau(), 'storage', *arguments], timeout=30)

    def launch(self):
        """Starts the node and waits for nothing."""
        self.starts += 1
        config = str(self.write_properties())
        if self.kind == 'apache':
            flags = NODE_FLAGS + [f'-Dkafka.logs.dir={self.folder}']
            command = java(TOOLS['kafka-server-start'], config, flags=flags)
        else:
            command = [moldau(), 'server', config]
            if self.shards is not None:
                command += ['--override', f'moldau.shards={self.shards}']
        self.process = Process(command, self.folder / f'{self.starts}-{self.kind}.log',
                               cwd=self.folder)

    def start(self, timeout=90):
        """Starts the node and waits until it says that it runs and accepts connections."""
        self.launch()
        try:
            self.process.wait_for(READY[self.kind], timeout)
            socket.create_connection(('127.0.0.1', self.port), timeout=10).close()
        except OSError as error:
            raise Failed(f'{self.bootstrap} refuses: {error}\n{self.process.tail()}') from error
        except Failed:
            self.process.kill()
            raise
        return self

    def stop(self, timeout=60):
        """A clean shutdown; fails if it is not clean."""
        code = self.process.stop(timeout)
        # Java ends with 143 after SIGTERM.
        if code not in (0, 143):
            raise Failed(f'{self.kind} ended with {code}:\n{self.process.tail()}')

    def kill(self):
        self.process.kill()

    def resident_kib(self):
        with open(f'/proc/{self.process.pid}/status', encoding='utf-8') as file:
            return int(re.search(r'VmRSS:\s+(\d+)', file.read()).group(1))

    def partition_folder(self, topic, partition=0):
        for folder in self.log_dirs:
            path = folder / f'{topic}-{partition}'
            if path.is_dir():
                return path
        raise Failed(f'{topic}-{partition} is in none of {self.log_dirs}')


def moldau():
    if not os.access(MOLDAU, os.X_OK):
        raise Skip(f'{MOLDAU} is not built')
    return str(MOLDAU)


def start_node(kind, name='node', **options):
    node = Node(kind, name, **options)
    node.format()
    return node.start()


def start_apache(name='node', **options):
    """A fresh formatted Apache Kafka 4.3.1 that runs."""
    return start_node('apache', name, **options)


def start_moldau(name='node', **options):
    """A fresh formatted Moldau that runs."""
    return start_node('moldau', name, **options)
