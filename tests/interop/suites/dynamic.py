# SPDX-License-Identifier: Apache-2.0
"""Configs that change while the node runs: altered and deleted with kafka-configs, seen to hold,
to go back, and to last over a restart. Clients of a case come from an address of its own."""

import contextlib
import socket
import struct
import time

from ..harness import case, equal, kcat, run_tool, within
from ..harness.node import start_node
from ..harness.places import free_ports
from ..harness.raw import API_VERSIONS, is_closed, receive_frame, request


def configs(node, *arguments, ok=True):
    return run_tool('kafka-configs', '--bootstrap-server', node.bootstrap, *arguments, ok=ok)


def alter(node, whom, add='', delete='', ok=True):
    arguments = [*whom, '--alter']
    if add:
        arguments += ['--add-config', add]
    if delete:
        arguments += ['--delete-config', delete]
    return configs(node, *arguments, ok=ok)


def dial(node, host):
    return socket.create_connection(('127.0.0.1', node.port), timeout=15,
                                    source_address=(host, 0))


def is_served(connection):
    """True if the node answers on it, False if it has closed it."""
    try:
        connection.sendall(API_VERSIONS)
        receive_frame(connection)
        return True
    except (EOFError, ConnectionError):
        return False


@contextlib.contextmanager
def connections(node, host, count):
    """`count` of them from `host`, one after the other, with whether each is served."""
    with contextlib.ExitStack() as stack:
        yield [(one, is_served(one))
               for one in (stack.enter_context(dial(node, host)) for _ in range(count))]


def served(node, host, count):
    with connections(node, host, count) as all_of_them:
        return [good for _, good in all_of_them]


def comes_to(what, expected, tell):
    """Apache Kafka answers the tool before its change holds everywhere: asks again for a while."""
    deadline = time.monotonic() + 10
    while (actual := what()) != expected and time.monotonic() < deadline:
        time.sleep(0.2)
    equal(actual, expected, tell)


BROKER = ['--broker', '1']
DEFAULTS = ['--broker-defaults']


@case(smoke=True)
def limit_of_an_address(context):
    node = start_node(context.kind, 'dynamic')
    try:
        host = '127.0.0.2'
        equal(served(node, host, 3), [True, True, True], 'no limit')
        alter(node, BROKER, 'max.connections.per.ip.overrides=[127.0.0.2:1]')
        comes_to(lambda: served(node, host, 3), [True, False, False], 'a limit of 1')
        equal(served(node, '127.0.0.3', 2), [True, True], 'another address')
        out = configs(node, *BROKER, '--describe').out
        within(out, 'max.connections.per.ip.overrides=127.0.0.2:1 sensitive=false synonyms='
                    '{DYNAMIC_BROKER_CONFIG:max.connections.per.ip.overrides=127.0.0.2:1, '
                    'DEFAULT_CONFIG:max.connections.per.ip.overrides=}')
        node.stop()
        node.start()
        comes_to(lambda: served(node, host, 2), [True, False], 'after a restart')
        alter(node, BROKER, delete='max.connections.per.ip.overrides')
        comes_to(lambda: served(node, host, 3), [True, True, True], 'the limit is deleted')
    finally:
        node.kill()


@case
def limit_of_all_connections(node):
    with connections(node, '127.0.0.2', 12) as many:
        equal([good for _, good in many], [True] * 12, 'no limit')
        alter(node, DEFAULTS, 'max.connections=6')
        # Those that have been idle the longest are closed; the tool's own ones come and go.
        comes_to(lambda: [is_served(one) for one, _ in many].count(True) <= 6, True, 'six are left')
    alter(node, DEFAULTS, delete='max.connections')
    comes_to(lambda: served(node, '127.0.0.2', 12), [True] * 12, 'the limit is deleted')


@case
def rate_of_an_address(node):
    """Ten seconds' worth may come at once; who comes faster is let in and put out again."""
    host = '127.0.0.4'
    alter(node, ['--ip', host], 'connection_creation_rate=1')
    within(configs(node, '--ip', host, '--describe').out, 'connection_creation_rate=1.0')
    comes_to(lambda: False in served(node, host, 16), True, 'sixteen connections at once')
    equal(served(node, '127.0.0.5', 16), [True] * 16, 'another address')
    alter(node, ['--ip', host], delete='connection_creation_rate')
    comes_to(lambda: served(node, host, 16), [True] * 16, 'the quota is deleted')


@case
def default_of_all_topics(node):
    """A broker's default reaches the topics that are there, in the order of its sources."""
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 'sized')

    def accepts_5000_bytes():
        out = kcat('-P', '-b', node.bootstrap, '-t', 'sized', '-p', '0', stdin='x' * 5000,
                   ok=False)
        return out.code == 0

    comes_to(accepts_5000_bytes, True, 'the default')
    alter(node, DEFAULTS, 'message.max.bytes=2000')
    comes_to(accepts_5000_bytes, False, 'a limit for all brokers')
    alter(node, BROKER, 'message.max.bytes=9000')
    comes_to(accepts_5000_bytes, True, "the broker's own limit")
    out = configs(node, *BROKER, '--describe').out
    within(out, 'message.max.bytes=9000 sensitive=false synonyms={DYNAMIC_BROKER_CONFIG:'
                'message.max.bytes=9000, DYNAMIC_DEFAULT_BROKER_CONFIG:message.max.bytes=2000, '
                'DEFAULT_CONFIG:message.max.bytes=1048588}')
    alter(node, BROKER, delete='message.max.bytes')
    comes_to(accepts_5000_bytes, False, 'the limit for all brokers again')
    alter(node, DEFAULTS, delete='message.max.bytes')
    comes_to(accepts_5000_bytes, True, 'the default again')


PROTOCOLS = 'listener.security.protocol.map=[CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,{}]'


def listeners(node, **more):
    """The entry with the node's own listeners and more: NAME=port."""
    own = node.properties['listeners'].split(',')
    added = [f'{name}://127.0.0.1:{port}' for name, port in more.items()]
    return f'listeners=[{",".join(own + added)}]'


def answers(port):
    """True if somebody accepts on the port and speaks our protocol."""
    try:
        with socket.create_connection(('127.0.0.1', port), timeout=15) as one:
            return is_served(one)
    except ConnectionRefusedError:
        return False


def brokers_over(port):
    """How many brokers Metadata names to who asks there."""
    with socket.create_connection(('127.0.0.1', port), timeout=15) as one:
        one.sendall(request(3, 1, struct.pack('>i', 0)))
        return struct.unpack_from('>i', receive_frame(one), 4)[0]


@case
def listeners_come_and_go(context):
    """KIP-226: by name. A listener of a later day is in no registration: clients that come over
    it are told of no broker."""
    node = start_node(context.kind, 'listeners')
    try:
        first, second = free_ports(2)
        map_of_both = PROTOCOLS.format('FIRST:PLAINTEXT,SECOND:PLAINTEXT')
        alter(node, BROKER, f'{map_of_both},{listeners(node, FIRST=first)}')
        comes_to(lambda: answers(first), True, 'the first is there')
        equal([brokers_over(first), brokers_over(node.port)], [0, 1], 'brokers in the metadata')
        held = socket.create_connection(('127.0.0.1', first), timeout=15)
        kept = dial(node, '127.0.0.1')
        equal([is_served(held), is_served(kept)], [True, True], 'connections before')
        alter(node, BROKER, listeners(node, SECOND=second))
        comes_to(lambda: [answers(first), answers(second)], [False, True], 'the second instead')
        equal(is_closed(held), True, 'the connection of the first is closed')
        equal(is_served(kept), True, 'the connection of another listener')
        # Only a name is looked at: one that stays keeps its address.
        alter(node, BROKER, listeners(node, SECOND=first))
        comes_to(lambda: [answers(first), answers(second)], [False, True], 'where the second is')
        alter(node, BROKER, listeners(node, SECOND=second))
        node.stop()
        node.start()
        comes_to(lambda: answers(second), True, 'the second after a restart')
        alter(node, BROKER, delete='listeners')
        comes_to(lambda: answers(second), False, 'no dynamic listener')
        equal(is_served(dial(node, '127.0.0.1')), True, 'the static listener')
    finally:
        node.kill()


@case
def listeners_that_are_refused(node):
    port, = free_ports(1)
    own = dict(text.split('://') for text in node.properties['listeners'].split(','))
    ours, theirs = f'PLAINTEXT://{own["PLAINTEXT"]}', f'CONTROLLER://{own["CONTROLLER"]}'
    extra = PROTOCOLS.format('EXTRA:PLAINTEXT')
    for whom, add, text in (
            (BROKER, f'listeners=[{theirs},EXTRA://127.0.0.1:{port}],{extra}', 'PLAINTEXT'),
            (BROKER, f'listeners=[{ours}]', 'controller.listener.names'),
            (BROKER, listeners(node, EXTRA=port), 'EXTRA'),
            (BROKER, f'{listeners(node, EXTRA=node.port)},{extra}', 'port'),
            (BROKER, 'listener.security.protocol.map=[CONTROLLER:PLAINTEXT,PLAINTEXT:SSL]',
             'PLAINTEXT'),
            (BROKER, f'advertised.listeners=[{ours}]', 'Cannot update these configs dynamically'),
            (DEFAULTS, listeners(node), 'Cannot update these configs at default cluster'),
            (BROKER, 'listener.name.plaintext.connections.max.idle.ms=5000,max.connections=900',
             'Configs cannot be updated dynamically for existing listener')):
        output = alter(node, whom, add, ok=False)
        equal(output.code, 1, add)
        within(output.out + output.err, text, add)
    out = configs(node, *BROKER, '--describe').out
    equal([name in out for name in ('listeners=', 'max.connections=')], [False, False], 'nothing')


@case
def listener_that_cannot_be_bound(context):
    """Apache Kafka takes it and says in its log that it cannot start it; we refuse it."""
    node = start_node(context.kind, 'taken')
    try:
        with socket.create_server(('127.0.0.1', 0)) as taken:
            add = (PROTOCOLS.format('EXTRA:PLAINTEXT') + ','
                   + listeners(node, EXTRA=taken.getsockname()[1]))
            output = alter(node, BROKER, add, ok=False)
            if context.kind == 'moldau':
                equal(output.code, 1, 'the tool')
                within(output.out + output.err, 'InvalidRequestException: Listener EXTRA://')
                within(output.out + output.err, 'Address already in use')
                equal('EXTRA' in configs(node, *BROKER, '--describe').out, False, 'nothing changed')
            equal(is_served(dial(node, '127.0.0.1')), True, 'the node goes on')
    finally:
        node.kill()


@case
def refusals(node):
    for whom, add, text in (
            (BROKER, 'max.connections=0', 'Invalid max.connections 0'),
            (BROKER, 'max.connections=-1', 'Value must be at least 0'),
            (BROKER, 'message.max.bytes=big', 'Not a number of type INT'),
            (BROKER, 'num.partitions=3', 'Cannot update these configs dynamically'),
            (DEFAULTS, 'cordoned.log.dirs=*', 'Cannot update these configs at default cluster'),
            (BROKER, 'background.threads=100', 'should not be greater than double the current'),
            (['--ip', '127.0.0.9'], 'connection_creation_rate=0', 'must be greater than 0')):
        output = alter(node, whom, add, ok=False)
        equal(output.code, 1, add)
        within(output.out + output.err, text, add)
