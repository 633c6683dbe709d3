# SPDX-License-Identifier: Apache-2.0
"""Transactions of both protocol generations, alone, under kills and over changes of hands.

MOLDAU_TRANSACTION_KILLS and MOLDAU_TRANSACTION_SEED choose how often and when the node is killed.
"""

import os
import random
import re
import time

from ..harness import Failed, Process, case, equal, kcat, python_with, run, run_tool, within
from ..harness.java import TOOL_FLAGS, fetch_jars, java_home_binary
from ..harness.node import start_node

HERE = __file__.rsplit('/', 2)[0]
OUTPUTS = 3


def pump_command(client, node, name, count):
    words = [node.bootstrap, 'in', f'out-{name}', name, str(count)]
    if client == 'java':
        return [java_home_binary(), *TOOL_FLAGS, '-cp', f'{fetch_jars()}/*',
                f'{HERE}/java/ExactlyOnce.java', *words]
    return [python_with('confluent_kafka'), f'{HERE}/python/exactly_once.py', *words]


def begin(node, names, count):
    base = ('--bootstrap-server', node.bootstrap, '--create', '--topic')
    run_tool('kafka-topics', *base, 'in', '--partitions', '1')
    for name in names:
        run_tool('kafka-topics', *base, f'out-{name}', '--partitions', str(OUTPUTS), '--config',
                 'segment.bytes=1048576')
    kcat('-P', '-b', node.bootstrap, '-t', 'in', '-p', '0',
         stdin=''.join(f'{i}\n' for i in range(count)))


def values(node, topic, partition, isolation):
    text = kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', topic, '-p', str(partition), '-o',
                'beginning', '-X', f'isolation.level={isolation}', timeout=60).out
    return [int(line) for line in text.split()]


def verify(node, name, count):
    """Every record once, in order, in its partition; nothing hangs."""
    for partition in range(OUTPUTS):
        equal(values(node, f'out-{name}', partition, 'read_committed'),
              list(range(partition, count, OUTPUTS)), f'committed in out-{name}-{partition}')


def pump(node, clients, count, disturb):
    """Lets the clients work while `disturb(news)` does what it does, until they are done."""
    begin(node, clients, count)
    running = {name: Process(pump_command(name, node, name, count),
                             node.folder / f'pump-{name}.log') for name in clients}
    try:
        disturb(lambda: wait_for_news(running))
        for name, process in running.items():
            process.wait_for(r'^done ', 240)
    except Failed as error:
        tails = '\n'.join(f'{name}: {process.tail()}' for name, process in running.items())
        raise Failed(f'{error}\n{tails}') from error
    finally:
        for process in running.values():
            process.kill()
    for name in clients:
        verify(node, name, count)
        text = (node.folder / f'pump-{name}.log').read_text(encoding='utf-8')
        print(f'    {name}: {re.search("done .*", text).group(0)}', flush=True)


def wait_for_news(running, timeout=90):
    """Until one of those that still run has committed something more."""
    def commits():
        texts = [process.log.read_text(encoding='utf-8') if process.log.exists() else ''
                 for process in running.values()]
        return sum(text.count('committed') + ('\ndone ' in text) * 1_000_000 for text in texts)

    before, deadline = commits(), time.monotonic() + timeout
    while commits() == before:
        if commits() >= 1_000_000 * len(running):
            return False
        if time.monotonic() > deadline:
            raise Failed(f'nothing committed for {timeout} s')
        time.sleep(0.01)
    return True


@case(smoke=True)
def exactly_once(context):
    """Records and offsets in transactions, by librdkafka and by the Java client."""
    node = start_node(context.kind, 'transactions')
    pump(node, ['librdkafka', 'java'], 1000, lambda news: None)
    node.stop()
    node.start()
    verify(node, 'java', 1000)
    node.stop()


@case()
def exactly_once_under_kills(context):
    kills = int(os.environ.get('MOLDAU_TRANSACTION_KILLS',
                               '3' if context.kind == 'apache' else '20'))
    seed = int(os.environ.get('MOLDAU_TRANSACTION_SEED', '1'))
    moments = random.Random(seed)
    node = start_node(context.kind, 'transactions', offsets_topic_num_partitions=3,
                      transaction_state_log_num_partitions=3)

    def disturb(news):
        for _ in range(kills):
            if not news():
                return
            time.sleep(moments.uniform(0, 0.4))  # the moment of the crash, no wait
            node.kill()
            node.start()

    try:
        pump(node, ['librdkafka', 'java'], 300 + 60 * kills, disturb)
    except Failed as error:
        raise Failed(f'seed {seed}: {error}') from error
    node.stop()


@case()
def exactly_once_over_changes_of_hands(context):
    """The same directories served in turn by Apache Kafka and the target, killed and stopped, while
    transactions are open."""
    node = start_node('apache', 'hands')

    def disturb(news):
        for turn in range(6):
            if not news():
                return
            if turn % 3 == 2:
                node.stop()
            else:
                node.kill()
            node.kind = context.kind if node.kind == 'apache' else 'apache'
            node.start()

    pump(node, ['librdkafka', 'java'], 3000, disturb)
    node.stop()


SILENT = '''
import sys, time
from confluent_kafka import Producer
producer = Producer({'bootstrap.servers': sys.argv[1], 'transactional.id': sys.argv[2],
                     'transaction.timeout.ms': int(sys.argv[3])})
producer.init_transactions(20)
producer.begin_transaction()
producer.produce('t', 'never committed', partition=0)
producer.flush(20)
print('open', flush=True)
time.sleep(600)
'''


def silent(node, name, timeout):
    """A producer that leaves its transaction open."""
    process = Process([python_with('confluent_kafka'), '-c', SILENT, node.bootstrap, name,
                       str(timeout)], node.folder / f'{name}.log')
    process.wait_for('^open', 40)
    return process


def transactions_tool(node, *arguments):
    return run_tool('kafka-transactions', '--bootstrap-server', node.bootstrap, *arguments).out



def comes_to(what, expected, seconds):
    deadline = time.monotonic() + seconds
    while (actual := what()) != expected and time.monotonic() < deadline:
        time.sleep(0.3)
    equal(actual, expected)


@case()
def open_transactions_end(context):
    """What is left open ends after its timeout, by the tool, or by the next one of its name."""
    node = start_node(context.kind, 'open')
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 't')

    def committed():
        return values_text(node)

    first = silent(node, 'timed', 2000)
    within(transactions_tool(node, 'list'), 'timed')
    kcat('-P', '-b', node.bootstrap, '-t', 't', '-p', '0', stdin='plain\n')
    equal(committed(), [], 'behind an open transaction')
    comes_to(committed, ['plain'], 15)
    comes_to(lambda: 'CompleteAbort' in transactions_tool(node, 'list'), True, 10)
    first.kill()

    second = silent(node, 'left', 600_000)
    second.kill()
    kcat('-P', '-b', node.bootstrap, '-t', 't', '-p', '0', stdin='more\n')
    described = transactions_tool(node, 'describe', '--transactional-id', 'left')
    within(described, 'Ongoing')
    within(described, 't-0')
    within(transactions_tool(node, 'describe-producers', '--topic', 't', '--partition', '0'),
           'ProducerId')
    equal(committed(), ['plain'])
    start = described_start(node)
    transactions_tool(node, 'abort', '--topic', 't', '--partition', '0', '--start-offset', start)
    comes_to(committed, ['plain', 'more'], 10)

    third = silent(node, 'fenced', 600_000)
    again = silent(node, 'fenced', 2000)
    comes_to(lambda: 'fenced' in transactions_tool(node, 'list'), True, 5)
    kcat('-P', '-b', node.bootstrap, '-t', 't', '-p', '0', stdin='end\n')
    comes_to(committed, ['plain', 'more', 'end'], 20)
    third.kill()
    again.kill()
    node.stop()


def values_text(node):
    return kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', 't', '-p', '0', '-o', 'beginning',
                '-X', 'isolation.level=read_committed').out.split()


def described_start(node):
    """The first offset of the one transaction that is open in t-0."""
    out = transactions_tool(node, 'describe-producers', '--topic', 't', '--partition', '0')
    header, *rows = [re.split(r'\s+', line.strip()) for line in out.strip().splitlines()]
    column = header.index('CurrentTransactionStartOffset')
    return next(row[column] for row in rows if row[column].lstrip('-').isdigit()
                and int(row[column]) >= 0)
