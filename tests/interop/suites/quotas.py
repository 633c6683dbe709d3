# SPDX-License-Identifier: Apache-2.0
"""Client quotas: set with kafka-configs, felt by Apache's own clients as Apache's broker has it.

A quota lets the rate of all samples but one come at once; nodes with few samples show the rate in
a run of seconds.
"""

import contextlib
import re
from concurrent.futures import ThreadPoolExecutor

from ..harness import Failed, case, equal, kcat, run_tool, within
from ..harness.node import start_node

RATE = 200_000
AUTO_CREATE = ('-X', 'allow.auto.create.topics=true')


def alter(node, *entity, add=None, delete=None):
    arguments = ['--bootstrap-server', node.bootstrap, '--alter']
    if add:
        arguments += ['--add-config', add]
    if delete:
        arguments += ['--delete-config', delete]
    return run_tool('kafka-configs', *arguments, *entity)


def create(node, topic):
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', topic)


def produce(node, topic, size_kb, *, client='perf', acks='1', metrics=True):
    """Seconds that kafka-producer-perf-test took, and its mean and longest throttle time."""
    arguments = ['--topic', topic, '--num-records', str(size_kb), '--record-size', '1000',
                 '--throughput', '-1', '--producer-props', f'bootstrap.servers={node.bootstrap}',
                 f'client.id={client}', f'acks={acks}', 'linger.ms=0', 'batch.size=16384',
                 'enable.idempotence=false']
    if metrics:
        arguments.append('--print-metrics')
    out = run_tool('kafka-producer-perf-test', *arguments, timeout=120).out
    # The last line is of the whole run.
    totals = re.findall(r'(\d+) records sent, ([\d.]+) records/sec', out)
    if not totals:
        raise Failed(out[-2000:])
    took = int(totals[-1][0]) / float(totals[-1][1])
    return took, metric(out, 'produce-throttle-time-avg'), metric(out, 'produce-throttle-time-max')


def metric(out, name):
    found = re.findall(rf'{name}:\S*\s*:\s*([\d.]+)', out)
    return max((float(one) for one in found), default=0.0)


def consume(node, topic, records, client='perf'):
    """Seconds that a consumer took for so many records of 1,000 bytes, and its throttle time."""
    out = run_tool('kafka-consumer-perf-test', '--bootstrap-server', node.bootstrap, '--topic',
                   topic, '--num-records', str(records), '--print-metrics', '--command-property',
                   f'client.id={client}', '--hide-header', '--timeout', '60000', timeout=150).out
    line = next(one for one in out.splitlines() if re.match(r'\d{4}-', one))
    fetch_ms = int(line.split(',')[-3])
    return fetch_ms / 1000, metric(out, 'fetch-throttle-time-max')


def near(actual, expected, what):
    if abs(actual - expected) > 0.1 * expected:
        raise Failed(f'{what}: {actual:.2f}, expected {expected:.2f} within 10 %')


@contextlib.contextmanager
def node_of_short_windows(context):
    """Two samples of a second: little burst, so that a run of seconds shows the rate."""
    node = start_node(context.kind, 'quotas', quota_window_num=2)
    yield node
    node.stop()


@case
def producer_byte_rate_of_a_client(context):
    """A producer is held to its rate and told of it; another client is not."""
    with node_of_short_windows(context) as node:
        create(node, 'p1')
        client = ['--entity-type', 'clients', '--entity-name', 'slow']
        alter(node, *client, add=f'producer_byte_rate={RATE}')
        seconds = 20
        took, mean, longest = produce(node, 'p1', RATE * seconds // 1000, client='slow')
        near(took, seconds, 'seconds')
        equal(longest > 0 and mean > 0, True, f'throttle time seen: {mean} {longest}')
        free, _, longest = produce(node, 'p1', RATE * seconds // 1000, client='free')
        equal(free < took / 2 and longest == 0, True, f'another client: {free} s, {longest} ms')
        alter(node, *client, delete='producer_byte_rate')
        free, _, longest = produce(node, 'p1', RATE * seconds // 1000, client='slow')
        equal(free < took / 2 and longest == 0, True, f'without it: {free} s, {longest} ms')


@case
def producers_of_a_user_share_its_rate(context):
    """Over client ids, connections and so over shards."""
    with node_of_short_windows(context) as node:
        create(node, 'p2')
        alter(node, '--entity-type', 'users', '--entity-default',
              add=f'producer_byte_rate={2 * RATE}')
        seconds = 20
        with ThreadPoolExecutor() as pool:
            runs = [pool.submit(produce, node, 'p2', RATE * seconds // 1000, client=f'c{i}')
                    for i in range(2)]
            longest = max(one.result()[0] for one in runs)
        near(longest, seconds, 'seconds')


@case
def producer_without_acks_is_held_back(context):
    """Nobody tells it; its connection is not read."""
    with node_of_short_windows(context) as node:
        create(node, 'p0')
        alter(node, '--entity-type', 'users', '--entity-default',
              add=f'producer_byte_rate={RATE}')
        took, _, _ = produce(node, 'p0', RATE * 20 // 1000, client='other', acks='0')
        # What lies in the socket's buffers at the end was not waited for.
        equal(took > 5, True, f'{took} s for 20 s of the quota')


@case
def consumer_byte_rate_of_a_user(node):
    """What a consumer asks again for while it is throttled is not counted, so it stays below."""
    create(node, 'c1')
    seconds = 30
    records = RATE * seconds // 1000
    produce(node, 'c1', records, client='filler', metrics=False)
    user = ['--entity-type', 'users', '--entity-name', 'ANONYMOUS']
    alter(node, *user, add=f'consumer_byte_rate={RATE}')
    try:
        took, longest = consume(node, 'c1', records)
        # Ten seconds' worth comes at once.
        equal(0.9 * (seconds - 10) < took < 1.6 * (seconds - 10), True, f'{took} s')
        equal(longest > 0, True, 'throttle time seen')
    finally:
        alter(node, *user, delete='consumer_byte_rate')
    took, longest = consume(node, 'c1', records)
    equal(took < 5 and longest == 0, True, f'without the quota: {took} s, {longest} ms')


@case
def the_most_specific_quota_counts(node):
    """User and client id together before either alone."""
    create(node, 's1')
    both = ['--entity-type', 'users', '--entity-name', 'ANONYMOUS', '--entity-type', 'clients',
            '--entity-name', 'named']
    alter(node, '--entity-type', 'clients', '--entity-default', add='producer_byte_rate=1000')
    alter(node, *both, add='producer_byte_rate=100000000')
    try:
        took, _, longest = produce(node, 's1', 2000, client='named')
        equal(longest, 0.0, f'{took} s')
        _, _, longest = produce(node, 's1', 15, client='unnamed')
        equal(longest > 0, True, 'the default holds for the other')
    finally:
        alter(node, *both, delete='producer_byte_rate')
        alter(node, '--entity-type', 'clients', '--entity-default', delete='producer_byte_rate')


@case
def request_percentage_slows(node):
    """A share of a thread's time so small that anything goes beyond it."""
    create(node, 'r1')
    alter(node, '--entity-type', 'clients', '--entity-name', 'busy', add='request_percentage=0.01')
    try:
        _, mean, longest = produce(node, 'r1', 300, client='busy')
        equal(0 < longest <= 1000, True, f'at most a second at a time: {mean} {longest}')
    finally:
        alter(node, '--entity-type', 'clients', '--entity-name', 'busy',
              delete='request_percentage')


@case
def controller_mutation_rate(node):
    """Tokens of 11 s, a debt of a minute; who is in debt is refused until it is paid."""
    user = ['--entity-type', 'users', '--entity-name', 'ANONYMOUS']
    topics = ['--bootstrap-server', node.bootstrap]
    alter(node, *user, add='controller_mutation_rate=2')
    try:
        run_tool('kafka-topics', *topics, '--create', '--topic', 'm1', '--partitions', '150')
        for command in (['--create', '--topic', 'm2', '--partitions', '1'],
                        ['--alter', '--topic', 'm1', '--partitions', '151'],
                        ['--delete', '--topic', 'm1']):
            refused = run_tool('kafka-topics', *topics, *command, ok=False)
            within(refused.out + refused.err, 'The throttling quota has been exceeded.')
        kcat('-b', node.bootstrap, *AUTO_CREATE, '-L', '-t', 'm3')
        listed = run_tool('kafka-topics', *topics, '--list').out
        equal([listed.count('m2'), listed.count('m3')], [0, 0], 'topics made in debt')
    finally:
        alter(node, *user, delete='controller_mutation_rate')
    kcat('-b', node.bootstrap, *AUTO_CREATE, '-L', '-t', 'm3')
    within(run_tool('kafka-topics', *topics, '--list').out, 'm3')
    run_tool('kafka-topics', *topics, '--delete', '--topic', 'm1')


@case
def quotas_survive_a_restart(context):
    node = start_node(context.kind, 'quotas')
    create(node, 'again')
    alter(node, '--entity-type', 'clients', '--entity-name', 'slow', add='producer_byte_rate=1000')
    node.stop()
    node.start()
    out = run_tool('kafka-configs', '--bootstrap-server', node.bootstrap, '--describe',
                   '--entity-type', 'clients', '--entity-name', 'slow').out
    within(out, 'producer_byte_rate=1000.0')
    _, _, longest = produce(node, 'again', 15, client='slow')
    equal(longest > 0, True, 'the quota holds')
    node.stop()
