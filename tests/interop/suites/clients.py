# SPDX-License-Identifier: Apache-2.0
"""Clients that are not Java's, in groups and in transactions: librdkafka, kafka-python, aiokafka,
franz-go, sarama; the consumer protocol where they have it."""

from ..harness import case, equal, go_program, kcat, python_with, run, run_tool
from ..harness.node import start_node
from .groups import comes_to, offsets

HERE = __file__.rsplit('/', 2)[0] + '/python'
COUNT = 300


def started(context, name):
    return start_node(context.kind, name, group_consumer_heartbeat_interval_ms=1000,
                      group_consumer_min_heartbeat_interval_ms=500)


def create(node, **topics):
    for topic, partitions in topics.items():
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic',
                 topic, '--partitions', str(partitions))


def members(context, command, protocol='classic'):
    """COMMAND(node, group) has two members share topic "members" and hand over; it says itself
    whether they do. In the end all is committed, by a group of the right protocol."""
    node = started(context, 'members')
    try:
        create(node, members=4)
        run(command(node, 'shared'), timeout=240)
        comes_to(lambda: offsets(node, 'shared'), {('members', p): ('50', '50') for p in range(4)},
                 'committed')
        listed = run_tool('kafka-consumer-groups', '--bootstrap-server', node.bootstrap, '--list',
                          '--type').out.split()
        equal(listed[listed.index('shared') + 1].lower(), protocol)
    finally:
        node.kill()


def pump(context, command):
    """COMMAND(node, group, count) copies topic "in" to "out" in transactions with its offsets."""
    node = started(context, 'pump')
    try:
        create(node, **{'in': 1, 'out': 1})
        numbers = [str(n) for n in range(COUNT)]
        kcat('-P', '-b', node.bootstrap, '-t', 'in', '-p', '0', stdin='\n'.join(numbers) + '\n')
        run(command(node, 'pump', str(COUNT)), timeout=180)
        for hard in (False, True):
            equal(read(node, 'read_committed'), numbers, 'committed')
            equal(len(read(node, 'read_uncommitted')) > COUNT, True, 'some were aborted')
            equal(offsets(node, 'pump'), {('in', 0): (str(COUNT), str(COUNT))})
            if not hard:
                node.kill()
                node.start()
    finally:
        node.kill()


def read(node, isolation):
    return kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', 'out', '-o', 'beginning', '-X',
                f'isolation.level={isolation}').out.split()


def python(module, script, *words):
    return lambda node, *more: [python_with(module), f'{HERE}/{script}', node.bootstrap, *words,
                                *more]


def go(name, *words):
    return lambda node, *more: [go_program(name), node.bootstrap, *words, *more]


@case
def librdkafka_members(context):
    members(context, python('confluent_kafka', 'librdkafka_members.py', 'classic'))


@case(smoke=True)
def librdkafka_members_of_the_consumer_protocol(context):
    members(context, python('confluent_kafka', 'librdkafka_members.py', 'consumer'), 'consumer')


@case
def kafka_python_pump(context):
    pump(context, python('kafka', 'kafka_python_pump.py'))


@case
def aiokafka_members(context):
    members(context, python('aiokafka', 'aiokafka_client.py', 'members'))


@case
def aiokafka_pump(context):
    pump(context, python('aiokafka', 'aiokafka_client.py', 'pump'))


@case
def franz_go_members(context):
    members(context, go('franzgroups', 'members', 'classic'))


@case
def franz_go_members_of_the_consumer_protocol(context):
    members(context, go('franzgroups', 'members', 'consumer'), 'consumer')


@case
def franz_go_pump(context):
    pump(context, go('franzgroups', 'pump', 'classic'))


@case
def franz_go_pump_in_the_consumer_protocol(context):
    pump(context, go('franzgroups', 'pump', 'consumer'))


@case
def sarama_members(context):
    members(context, go('sarama', 'members'))


@case
def sarama_pump(context):
    pump(context, go('sarama', 'pump'))
