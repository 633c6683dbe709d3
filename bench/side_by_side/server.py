# SPDX-License-Identifier: Apache-2.0
"""One server of the three kinds, the load generator, and what the kernel knows of a process."""

import json
import shutil
import subprocess
import time
from pathlib import Path

from tests.interop.harness import Node, Process, free_ports, java, new_folder
from tests.interop.harness.java import TOOLS
from tests.interop.harness.node import moldau

ROOT = Path(__file__).resolve().parents[2]
BINARIES = ROOT / 'build/release/bench'
LOADGEN = BINARIES / 'moldau-loadgen'
TOY = BINARIES / 'moldau-toy'
KINDS = ('moldau', 'apache', 'toy')
READY = {'apache': r'Kafka Server started', 'moldau': r'RECOVERY to RUNNING',
         'toy': r'moldau-toy listens'}
# What kafka-server-start.sh gives the JVM, and what kafka-producer-perf-test.sh does.
PERFORMANCE = ['-server', '-XX:+UseG1GC', '-XX:MaxGCPauseMillis=20',
               '-XX:InitiatingHeapOccupancyPercent=35', '-XX:+ExplicitGCInvokesConcurrent',
               '-Djava.awt.headless=true']
SERVER_FLAGS = ['-Xmx1G', '-Xms1G', *PERFORMANCE, '-Dorg.slf4j.simpleLogger.defaultLogLevel=info']
CLIENT_FLAGS = ['-Xmx512M', *PERFORMANCE, '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
# The same for both; deleted topics must not wait a minute on the disk.
PROPERTIES = {'log_segment_delete_delay_ms': '1000', 'auto_create_topics_enable': 'false'}


def loadgen(*arguments, timeout=600):
    done = subprocess.run([str(LOADGEN), *map(str, arguments)], capture_output=True, text=True,
                          timeout=timeout, check=False)
    if done.returncode != 0:
        raise RuntimeError(f'loadgen {" ".join(map(str, arguments))}: {done.stderr.strip()}')
    return json.loads(done.stdout)


class Server:
    """A server with its directory; started and ended as often as a work wants."""

    def __init__(self, kind, name, **properties):
        self.kind = kind
        self.process = None
        if kind == 'toy':
            self.folder = new_folder(f'toy-{name}')
            self.port, = free_ports(1)
        else:
            self.node = Node(kind, name, **PROPERTIES)
            self.node.properties.update(properties)
            self.folder, self.port = self.node.folder, self.node.port
            self.node.format()

    def command(self):
        if self.kind == 'toy':
            return [TOY, self.port, self.folder]
        config = str(self.node.write_properties())
        if self.kind == 'apache':
            return java(TOOLS['kafka-server-start'], config,
                        flags=[*SERVER_FLAGS, f'-Dkafka.logs.dir={self.folder}'])
        return [moldau(), 'server', config, '--override', 'moldau.http.port=0']

    @property
    def bootstrap(self):
        return f'127.0.0.1:{self.port}'

    @property
    def pid(self):
        return self.process.pid

    def spawn(self):
        command = self.command()
        began = time.monotonic()
        self.process = Process(command, self.folder / 'server.log', cwd=self.folder)
        return began

    def start(self, timeout=120):
        began = self.spawn()
        self.process.wait_for(READY[self.kind], timeout)
        return began

    def start_watched(self, topic=None, partitions=0):
        """Starts it while the generator knocks; seconds from exec to each thing it saw."""
        arguments = [LOADGEN, 'ready', '--port', self.port, '--timeout-seconds', 300]
        if topic:
            arguments += ['--topic', topic, '--partitions', partitions]
        visitor = subprocess.Popen(list(map(str, arguments)), stdout=subprocess.PIPE, text=True)
        try:
            visitor.stdout.readline()  # it waits
            began = self.start(300)
            seen = json.loads(visitor.communicate(timeout=300)[0])
        finally:
            visitor.kill()
            visitor.wait()
        return {what: stamp - began for what, stamp in seen.items()}

    def stop(self):
        if self.process is None or not self.process.running():
            return
        if self.kind == 'toy':
            self.process.kill()
            return
        code = self.process.stop(120)
        if code not in (0, 143):
            raise RuntimeError(f'{self.kind} ended with {code}:\n{self.process.tail()}')

    def kill(self):
        self.process.kill()

    def remove(self):
        if self.process is not None and self.process.running():
            self.process.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def cpu_seconds(self):
        """User and system time of all its threads, those that ended too, to the nanosecond
        (clock_getcpuclockid(3) makes the clock's number in this way)."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def memory_mib(self, field='VmRSS'):
        for line in Path(f'/proc/{self.pid}/status').read_text(encoding='utf-8').splitlines():
            if line.startswith(field + ':'):
                return int(line.split()[1]) / 1024
        raise RuntimeError(f'no {field} of {self.pid}')

    def load(self, work, topic, **options):
        """One work of the generator, with the CPU time it cost this server."""
        arguments = [work, '--port', self.port, '--topic', topic]
        for key, value in options.items():
            arguments += ['--' + key.replace('_', '-'), value]
        before = self.cpu_seconds()
        result = loadgen(*arguments)
        result['cpu_s'] = self.cpu_seconds() - before
        if 'bytes' in result:
            result['cpu_s_per_gb'] = result['cpu_s'] / (result['bytes'] / 1e9)
        return result

    def create(self, topic, partitions=6):
        return loadgen('create', '--port', self.port, '--topic', topic, '--partitions', partitions)

    def delete(self, topic):
        loadgen('delete', '--port', self.port, '--topic', topic)
