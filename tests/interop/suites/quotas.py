# SPDX-License-Identifier: Apache-2.0
"""Client quotas: set with kafka-configs, felt by Apache's own clients as Apache's broker has it.

A quota allows a burst of its own rate over the samples but one (10 s); so a run is measured
against rate x 10 s + rate x its time, and the burst is used up first where it would hide a quota.
"""

import re
import time

from ..harness import case, equal, within, run_tool
from ..harness.process import Failed

RATE = 200_000
BURST_S = 10


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
    began = time.monotonic()
    arguments = ['--topic', topic, '--num-records', str(size_kb), '--record-size', '1000',
                 '--throughput', '-1', '--producer-props', f'bootstrap.servers={node.bootstrap}',
                 f'client.id={client}', f'acks={acks}', 'linger.ms=0', 'batch.size=16384',
                 'enable.idempotence=false']
    if metrics:
        arguments.append('--print-metrics')
    out = run_tool('kafka-producer-perf-test', *arguments, timeout=120).out
    seconds = time.monotonic() - began
    latency = re.search(r'(\d+) records sent, ([\d.]+) records/sec', out)
    if not latency:
        raise Failed(out[-2000:])
    took = int(latency.group(1)) / float(latency.group(2))
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


@case
def producer_byte_rate_of_a_client(node):
    """A producer pays for what it sent beyond the burst; another client does not."""
    create(node, 'p1')
    alter(node, '--entity-type', 'clients', '--entity-name', 'slow',
          add=f'producer_byte_rate={RATE}')
    seconds = BURST_S + 10
    kilobytes = RATE * seconds // 1000
    took, mean, longest = produce(node, 'p1', kilobytes, client='slow')
    near(took, seconds - BURST_S, 'seconds')
    equal(longest > 0 and mean > 0, True, f'throttle time seen: {mean} {longest}')
    free, _, longest = produce(node, 'p1', kilobytes, client='free')
    equal(free < took / 2 and longest == 0, True, f'another client: {free} s, {longest} ms')
    alter(node, '--entity-type', 'clients', '--entity-name', 'slow', delete='producer_byte_rate')
    free, _, longest = produce(node, 'p1', kilobytes, client='slow')
    equal(free < took / 2 and longest == 0, True, f'without the quota: {free} s, {longest} ms')


@case
def producer_without_acks_is_held_back(node):
    """Nobody tells it; its connection is not read."""
    create(node, 'p0')
    alter(node, '--entity-type', 'users', '--entity-default',
          add=f'producer_byte_rate={RATE}')
    try:
        produce(node, 'p0', RATE * BURST_S // 1000, client='burst', acks='0')
        took, _, _ = produce(node, 'p0', RATE * 6 // 1000, client='other', acks='0')
        equal(took > 3, True, f'{took} s for 6 s of the quota')
    finally:
        alter(node, '--entity-type', 'users', '--entity-default', delete='producer_byte_rate')


@case
def consumer_byte_rate_of_a_user(node):
    create(node, 'c1')
    seconds = BURST_S + 10
    records = RATE * seconds // 1000
    produce(node, 'c1', records, client='filler', metrics=False)
    alter(node, '--entity-type', 'users', '--entity-name', 'ANONYMOUS',
          add=f'consumer_byte_rate={RATE}')
    try:
        took, longest = consume(node, 'c1', records)
        # The last fetch is not waited for.
        equal(seconds - BURST_S - 3 < took < seconds - BURST_S + 3, True, f'{took} s')
        equal(longest > 0, True, 'throttle time seen')
    finally:
        alter(node, '--entity-type', 'users', '--entity-name', 'ANONYMOUS',
              delete='consumer_byte_rate')
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
    """Tokens of 11 s; a debt refuses (new versions), and the client tries again in time."""
    user = ['--entity-type', 'users', '--entity-name', 'ANONYMOUS']
    alter(node, *user, add='controller_mutation_rate=2')
    try:
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 'm1',
                 '--partitions', '40')
        began = time.monotonic()
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 'm2',
                 '--partitions', '1')
        took = time.monotonic() - began
        # 22 tokens less 40 are 18 of debt: 9 s, less what the tools need to start.
        equal(4 < took < 14, True, f'{took} s')
    finally:
        alter(node, *user, delete='controller_mutation_rate')
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--delete', '--topic', 'm1')


@case
def quotas_survive_a_restart(context):
    from ..harness.node import start_node
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
