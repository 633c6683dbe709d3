# SPDX-License-Identifier: Apache-2.0
"""Consumer groups of the classic protocol and their offsets, with every client and with Kafka's
own tool; over restarts, and handed to Apache Kafka and back."""

import re
import time

from ..harness import Node, Process, case, equal, java, kcat, python_with, run, run_tool, within
from ..harness.java import TOOL_FLAGS, TOOLS
from ..harness.node import start_node

SCRIPT = __file__.rsplit('/', 2)[0] + '/python/group_members.py'


def create(node, topic, partitions):
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--if-not-exists',
             '--topic', topic, '--partitions', str(partitions))


def write(node, topic, partition, count, mark='r'):
    kcat('-P', '-b', node.bootstrap, '-t', topic, '-p', str(partition),
         stdin='\n'.join(f'{mark}{i}' for i in range(count)) + '\n')


def groups_tool(node, *arguments, ok=True):
    return run_tool('kafka-consumer-groups', '--bootstrap-server', node.bootstrap, *arguments,
                    ok=ok)


def offsets(node, group):
    """(topic, partition) → (committed, end), as the tool says."""
    found = {}
    for line in groups_tool(node, '--describe', '--group', group).lines():
        cells = line.split()
        if len(cells) > 5 and cells[0] == group:
            found[cells[1], int(cells[2])] = (cells[3], cells[4])
    return found


def console(node, group, topic, count, *options):
    return run_tool('kafka-console-consumer', '--bootstrap-server', node.bootstrap, '--topic',
                    topic, '--group', group, '--max-messages', str(count), '--timeout-ms',
                    '30000', '--command-property', 'group.protocol=classic', *options,
                    timeout=60).lines()


def comes_to(what, expected, tell):
    deadline = time.monotonic() + 40
    while (actual := what()) != expected and time.monotonic() < deadline:
        time.sleep(0.3)
    equal(actual, expected, tell)


@case(smoke=True)
def java_console_goes_on(context):
    """What was committed is where the next member begins; the tool shows, resets, deletes."""
    node = start_node(context.kind, 'groups')
    try:
        create(node, 'g', 1)
        write(node, 'g', 0, 30)
        equal(console(node, 'console', 'g', 10, '--from-beginning'), [f'r{i}' for i in range(10)])
        equal(offsets(node, 'console'), {('g', 0): ('10', '30')})
        equal(console(node, 'console', 'g', 20), [f'r{i}' for i in range(10, 30)])
        equal(offsets(node, 'console'), {('g', 0): ('30', '30')})
        within(groups_tool(node, '--list').out, 'console')
        out = groups_tool(node, '--reset-offsets', '--group', 'console', '--topic', 'g',
                          '--to-offset', '5', '--execute').out
        within(out, 'console')
        equal(offsets(node, 'console'), {('g', 0): ('5', '30')})
        node.stop()
        node.start()
        equal(offsets(node, 'console'), {('g', 0): ('5', '30')}, 'after a restart')
        node.kill()
        node.start()
        equal(offsets(node, 'console'), {('g', 0): ('5', '30')}, 'after a kill')
        within(groups_tool(node, '--describe', '--group', 'console', '--state').out, 'Empty')
        within(groups_tool(node, '--delete', '--group', 'console').out, 'successful')
        equal('console' in groups_tool(node, '--list').out, False, 'deleted')
        out = groups_tool(node, '--delete', '--group', 'console', ok=False)
        within(out.out + out.err, 'GroupIdNotFoundException')
    finally:
        node.stop()


@case
def kafka_python_members(context):
    node = start_node(context.kind, 'groups')
    try:
        create(node, 'members', 6)
        run([python_with('kafka'), SCRIPT, node.bootstrap], timeout=240)
        equal(offsets(node, 'python-members'),
              {('members', p): ('40', '40') for p in range(6)})
    finally:
        node.stop()


@case
def kcat_members_share(context):
    """librdkafka: two members, one is killed without a word, the other has all in the end."""
    node = start_node(context.kind, 'groups')
    members = []
    try:
        create(node, 'k', 4)
        options = ('-q', '-u', '-b', node.bootstrap, '-G', 'kcats', '-X',
                   'auto.offset.reset=earliest', '-X', 'session.timeout.ms=6000', '-X',
                   'heartbeat.interval.ms=500', 'k')
        members = [Process(['kcat', *options], node.folder / f'kcat-{n}.log')
                   for n in range(2)]

        def assigned():
            out = groups_tool(node, '--describe', '--group', 'kcats', '--members', ok=False).out
            return sorted(line.split()[4] for line in out.splitlines()
                          if line.startswith('kcats'))

        comes_to(assigned, ['2', '2'], 'two members')
        members[0].kill()
        comes_to(assigned, ['4'], 'one left')
        for p in range(4):
            write(node, 'k', p, 5, f'p{p}-')
        comes_to(lambda: offsets(node, 'kcats'), {('k', p): ('5', '5') for p in range(4)},
                 'all is read and committed')
    finally:
        for one in members:
            one.kill()
        node.stop()


def dump(folder):
    """What kafka-dump-log makes of the offsets topic, without times."""
    logs = sorted(str(path) for path in folder.glob('__consumer_offsets-*/*.log')
                  if path.stat().st_size > 0)
    text = run_tool('kafka-dump-log', '--offsets-decoder', '--files', ','.join(logs)).out
    keys = []
    for line in text.splitlines():
        found = re.search(r'key: (\{.*?\}) payload: (.*)$', line)
        if found:
            payload = re.sub(r'"(commitTimestamp|currentStateTimestamp)":\d+', r'"\1":0',
                             found.group(2))
            payload = re.sub(r"-[0-9a-f]{8}-[0-9a-f-]{27}", "-ID", payload)
            payload = re.sub(r'"topicId":"[^"]*"', '"topicId":""', payload)
            keys.append((found.group(1), payload))
    return keys


@case
def records_equal_those_of_apache(context):
    """The same members and commits leave the same records in __consumer_offsets."""
    found = {}
    for kind in dict.fromkeys(('apache', context.kind)):
        node = start_node(kind, 'groups')
        try:
            create(node, 'd', 1)
            write(node, 'd', 0, 12)
            console(node, 'dumped', 'd', 7, '--from-beginning')
            groups_tool(node, '--reset-offsets', '--group', 'dumped', '--topic', 'd',
                        '--to-offset', '3', '--execute')
            console(node, 'dumped', 'd', 2, '--command-property', 'group.instance.id=static')
            groups_tool(node, '--delete-offsets', '--group', 'dumped', '--topic', 'd')
        finally:
            node.stop()
        found[kind] = dump(node.log_dirs[0])
        equal(len(found[kind]) > 5, True, f'records of {kind}')
    equal(found[context.kind], found['apache'])


@case
def swapped_with_apache(context):
    """Groups and offsets live on when the directories change hands, in both directions."""
    target = Node(context.kind, 'groups')
    target.format()
    try:
        target.start()
        create(target, 's', 2)
        for p in range(2):
            write(target, 's', p, 20, f'p{p}-')
        console(target, 'swapped', 's', 15, '--from-beginning')
        before = offsets(target, 'swapped')
        equal(sum(int(committed) for committed, _ in before.values()), 15, 'committed')
        for kind in ('apache', context.kind):
            target.stop()
            target.kind = kind
            target.start()
            equal(offsets(target, 'swapped'), before, f'as {kind} sees it')
            out = groups_tool(target, '--describe', '--group', 'swapped', '--state').out
            within(out, 'Empty')
        rest = console(target, 'swapped', 's', 25)
        equal(len(rest), 25)
        equal(offsets(target, 'swapped'), {('s', p): ('20', '20') for p in range(2)})
    finally:
        target.stop()


def members_of(node, group):
    """How many partitions each member of a group has, in order."""
    out = groups_tool(node, '--describe', '--group', group, '--members').out
    rows = [line.split() for line in out.splitlines() if line.startswith(group + ' ')]
    return sorted(int(row[4]) for row in rows)


def consumer(node, number, topic, group, protocol='consumer'):
    """A console consumer of a protocol, in the background."""
    return Process(java(TOOLS['kafka-console-consumer'], '--bootstrap-server', node.bootstrap,
                        '--topic' if topic else '--include', topic or 'pattern-.*', '--group',
                        group, '--command-property', f'group.protocol={protocol}',
                        '--command-property', 'auto.offset.reset=earliest',
                        '--command-property', 'metadata.max.age.ms=1000',
                        flags=TOOL_FLAGS), node.folder / f'member-{group}-{number}.log')


def read_by(node, group):
    """All values that the members have printed."""
    return sorted(line for path in node.folder.glob(f'member-{group}-*.log')
                  for line in path.read_text(encoding='utf-8').splitlines()
                  if re.fullmatch(r'[a-z]+\d+', line))


@case()
def consumer_protocol(context):
    """Members of the consumer protocol share, one dies, the node restarts; a pattern follows new
    topics."""
    node = start_node(context.kind, 'consumers', group_consumer_session_timeout_ms=6000,
                      group_consumer_min_session_timeout_ms=5000,
                      group_consumer_heartbeat_interval_ms=1000,
                      group_consumer_min_heartbeat_interval_ms=500)
    create(node, 'k', 4)
    members = [consumer(node, n, 'k', 'server') for n in range(3)]
    pattern = consumer(node, 0, '', 'pattern')
    try:
        comes_to(lambda: members_of(node, 'server'), [1, 1, 2], 'partitions of three members')
        within(groups_tool(node, '--describe', '--group', 'server', '--state').out, 'Stable')
        for partition in range(4):
            write(node, 'k', partition, 10, 'abcd'[partition])
        wanted = sorted(f'{mark}{n}' for mark in 'abcd' for n in range(10))
        comes_to(lambda: read_by(node, 'server'), wanted, 'read by three')
        comes_to(lambda: sorted(offsets(node, 'server').values()), [('10', '10')] * 4, 'committed')
        members[0].kill()
        comes_to(lambda: members_of(node, 'server'), [2, 2], 'partitions of two members')
        node.kill()
        node.start()
        comes_to(lambda: members_of(node, 'server'), [2, 2], 'after a kill of the node')
        for partition in range(4):
            write(node, 'k', partition, 10, 'efgh'[partition])
        wanted += [f'{mark}{n}' for mark in 'efgh' for n in range(10)]
        comes_to(lambda: sorted(set(read_by(node, 'server'))), sorted(wanted), 'read by two')
        create(node, 'pattern-1', 1)
        write(node, 'pattern-1', 0, 5, 'p')
        comes_to(lambda: read_by(node, 'pattern'), [f'p{n}' for n in range(5)], 'by pattern')
    finally:
        for process in (*members, pattern):
            process.kill()
    node.stop()


@case()
def from_classic_to_consumer(context):
    """A group changes its protocol while it lives, and back."""
    node = start_node(context.kind, 'upgrade', group_consumer_session_timeout_ms=6000,
                      group_consumer_min_session_timeout_ms=5000)
    create(node, 'u', 2)
    classic = consumer(node, 0, 'u', 'online', 'classic')
    newer = None
    try:
        comes_to(lambda: members_of(node, 'online'), [2], 'one classic member')
        within(groups_tool(node, '--list', '--type').out.lower(), 'classic')
        newer = consumer(node, 1, 'u', 'online', 'consumer')
        comes_to(lambda: members_of(node, 'online'), [1, 1], 'one of each')
        for partition in range(2):
            write(node, 'u', partition, 10, 'ab'[partition])
        wanted = sorted(f'{mark}{n}' for mark in 'ab' for n in range(10))
        comes_to(lambda: read_by(node, 'online'), wanted, 'read by both')
        newer.stop(30)
        comes_to(lambda: members_of(node, 'online'), [2], 'the classic one alone')
        write(node, 'u', 0, 5, 'c')
        wanted = sorted([*wanted, *(f'c{n}' for n in range(5))])
        comes_to(lambda: sorted(set(read_by(node, 'online'))), wanted, 'read at the end')
    finally:
        classic.kill()
        if newer:
            newer.kill()
    node.stop()
