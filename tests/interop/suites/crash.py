# SPDX-License-Identifier: Apache-2.0
"""Kills the node at random moments under load: nothing acknowledged is lost, changed or doubled.

MOLDAU_CRASH_ROUNDS and MOLDAU_CRASH_SEED choose how often and when; one life of directories
lasts MOLDAU_CRASH_LIFE rounds, then all is checked and a new one begins. Every fourth round kills
the next start as well, before it is done. In every second life all appends go through the pool, as
to a slow device. MOLDAU_CRASH_RATE bounds the records per second of a
producer, so that many rounds fit on a disk.
"""

import os
import random
import shutil
import signal
import subprocess
import time

from ..harness import Failed, case, new_folder, python_with, run, run_tool
from ..harness.node import start_node

LOAD = __file__.rsplit('/', 2)[0] + '/python/load.py'
PARTITIONS = '4'


class Producer:
    """A load generator that lives through all the crashes."""

    def __init__(self, node, topic, mode, folder):
        self.acks = folder / f'acks-{mode}'
        self.words = [node.bootstrap, topic, PARTITIONS, str(self.acks), mode]
        self.log = open(folder / f'producer-{mode}.log', 'w+', encoding='utf-8')
        self.process = subprocess.Popen([python_with('confluent_kafka'), LOAD, 'produce',
                                         *self.words], stdin=subprocess.PIPE, stdout=self.log,
                                        stderr=self.log, start_new_session=True)

    def wait_for_news(self, timeout=60):
        """Until something more has been acknowledged, so that every round has something to lose."""
        size = self._size()
        deadline = time.monotonic() + timeout
        while self._size() == size:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise Failed(f'no acknowledgement in {timeout} s')
            time.sleep(0.005)

    def _size(self):
        return self.acks.stat().st_size if self.acks.exists() else 0

    def finish(self):
        self.process.stdin.close()
        try:
            code = self.process.wait(150)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            code = 'no end after 150 s'
        self.log.seek(0)
        if code != 0:
            raise Failed(f'the producer ended with {code}: {self.log.read()[-1500:]}')

    def verify(self):
        return run([python_with('confluent_kafka'), LOAD, 'verify', *self.words],
                   timeout=300).out.strip()


def finish_all(producers):
    """Lets every producer end; what went wrong with them."""
    problems = []
    for one in producers:
        try:
            one.finish()
        except Failed as error:
            problems.append(str(error))
    return problems


def create(node, topic, *options):
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', topic,
             '--partitions', PARTITIONS, '--config', 'segment.bytes=1048576', *options)


@case(smoke=True)
def kill_under_load(context):
    rounds = int(os.environ.get('MOLDAU_CRASH_ROUNDS', '3' if context.kind == 'apache' else '20'))
    life = int(os.environ.get('MOLDAU_CRASH_LIFE', '50'))
    seed = int(os.environ.get('MOLDAU_CRASH_SEED', '1'))
    for first in range(0, rounds, life):
        on_pool = first // life % 2 == 1 and context.kind != 'apache'
        properties = {'moldau_log_append_slow_ms': 0} if on_pool else {}
        one_life(context, min(life, rounds - first), seed + first, properties)


def one_life(context, rounds, seed, properties):
    moments = random.Random(seed)
    folder = new_folder('crash')
    node = start_node(context.kind, 'crash', **properties)
    create(node, 'strict')
    create(node, 'plain')
    producers = [Producer(node, 'strict', 'idempotent', folder),
                 Producer(node, 'plain', 'plain', folder)]
    early = 0
    try:
        for number in range(rounds):
            try:
                for one in producers:
                    one.wait_for_news()
                time.sleep(moments.uniform(0, 0.5))  # the moment of the crash, no wait
                node.kill()
                if context.kind != 'apache' and moments.random() < 0.25:
                    node.launch()
                    time.sleep(moments.uniform(0, 0.1))  # likewise, in the middle of a start
                    node.kill()
                    early += 1
                node.start()
            except Failed as error:
                raise Failed(f'round {number} of seed {seed}: {error}') from error
    finally:
        problems = finish_all(producers)
    if problems:
        raise Failed(f'seed {seed}: ' + '; '.join(problems))
    for one in producers:
        print(f'    {one.words[-1]}: {one.verify()} after {rounds} kills under load and {early} '
              f'in a start, seed {seed}', flush=True)
    node.stop()
    for topic in ('strict', 'plain'):
        check_files(node, topic)
    shutil.rmtree(node.folder)


def check_files(node, topic):
    logs = ','.join(str(path) for partition in range(int(PARTITIONS)) for path in sorted(
        node.partition_folder(topic, partition).glob('*.log')))
    out = run_tool('kafka-dump-log', '--deep-iteration', '--skip-record-metadata', '--files',
                   logs, timeout=300).out
    if 'isvalid: false' in out:
        raise Failed(f'{topic}: {out[-500:]}')
