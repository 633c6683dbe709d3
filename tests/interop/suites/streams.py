# SPDX-License-Identifier: Apache-2.0
"""Kafka Streams programs, in streams groups (KIP-1071) and in classic ones: two instances, one of
which dies, over a restart of the node; and Kafka's own tool for streams groups."""

import collections
import re
import time

from ..harness import Failed, Process, case, equal, java, kcat, new_folder, run_tool, within
from ..harness.node import start_node

PROGRAM = __file__.rsplit('/', 2)[0] + '/java/WordCount.java'
WORDS = 'ant bee cat dog eel fox gnu hen ibis jay kid lark mole newt owl pug'.split()
FLAGS = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto',
         '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']
QUICK = {
    'group.streams.min.session.timeout.ms': '6000',
    'group.streams.session.timeout.ms': '6000',
    'group.streams.min.heartbeat.interval.ms': '500',
    'group.streams.heartbeat.interval.ms': '500',
    'group.streams.initial.rebalance.delay.ms': '1000',
    'group.streams.num.standby.replicas': '1',
}


def node_with_topics(context, name):
    node = start_node(context.kind, name, **QUICK)
    for topic in ('lines', 'counts', 'letters'):
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', topic,
                 '--partitions', '3')
    return node


def instance(node, application, protocol, guarantee='at_least_once', standbys=1):
    folder = new_folder(f'streams-{application}')
    return Process(java(PROGRAM, node.bootstrap, application, protocol, folder / 'state', guarantee,
                        str(standbys), flags=FLAGS), folder / 'log')


def tool(node, *arguments, ok=True):
    return run_tool('kafka-streams-groups', '--bootstrap-server', node.bootstrap, *arguments, ok=ok)


class Lines:
    """What goes in, and what must come out."""

    def __init__(self, node):
        self.node = node
        self.words = collections.Counter()
        self.count = 0

    def write(self, count):
        text = []
        for _ in range(count):
            n = self.count
            self.count += 1
            line = [WORDS[n % 16], WORDS[n * 7 % 16], WORDS[n * n % 16]]
            self.words.update(line)
            text.append(f'{n}:{" ".join(line)}')
        kcat('-P', '-b', self.node.bootstrap, '-t', 'lines', '-K', ':',
             stdin='\n'.join(text) + '\n')

    def expected(self):
        letters = collections.Counter()
        for word, count in self.words.items():
            letters[word[0]] += count
        return dict(self.words), dict(letters)

    def last(self, topic):
        """By key, the last value that a reader of committed records sees."""
        out = kcat('-C', '-e', '-q', '-b', self.node.bootstrap, '-t', topic, '-o', 'beginning',
                   '-X', 'isolation.level=read_committed', '-s', 'value=q', '-f', '%k %s\n').out
        return {line.split()[0]: int(line.split()[1]) for line in out.splitlines() if line.strip()}

    def wait(self, timeout=90):
        deadline = time.monotonic() + timeout
        while True:
            seen = (self.last('counts'), self.last('letters'))
            if seen == self.expected():
                return
            if time.monotonic() > deadline:
                equal(seen, self.expected(), 'what was counted')
            time.sleep(1)


def until(what, passes, timeout=60):
    deadline = time.monotonic() + timeout
    while not passes(value := what()):
        if time.monotonic() > deadline:
            raise Failed(f'still: {value}')
        time.sleep(0.5)
    return value


def tasks_in(described, role):
    """All members' tasks of a role, as pairs of subtopology and partition."""
    found = []
    for text in re.findall(rf'\s{role}: ((?:\d+:\[[\d,]+\]; )+)', described):
        for part, numbers in re.findall(r'(\d+):\[([\d,]+)\]', text):
            found += [(part, number) for number in numbers.split(',')]
    return sorted(found)


def end(*processes):
    for process in processes:
        process.kill()


def survives(context, protocol, guarantee):
    """One instance dies, the node starts anew, another instance comes: nothing is lost or counted
    twice."""
    node = node_with_topics(context, f'streams-{protocol}')
    lines = Lines(node)
    first = second = third = None
    try:
        lines.write(300)
        first = instance(node, 'words', protocol, guarantee)
        second = instance(node, 'words', protocol, guarantee)
        lines.wait()
        lines.write(300)
        second.kill()
        lines.wait()
        node.stop()
        node.start()
        lines.write(300)
        third = instance(node, 'words', protocol, guarantee)
        third.wait_for('RUNNING', 90)
        lines.wait()
        third.stop(60)
        within(third.tail(), 'CLOSED')
        lines.write(100)
        lines.wait()
    finally:
        end(*[one for one in (first, second, third) if one])
        node.kill()


@case
def exactly_once_in_a_streams_group(context):
    survives(context, 'streams', 'exactly_once_v2')


@case
def exactly_once_in_a_classic_group(context):
    survives(context, 'classic', 'exactly_once_v2')


@case(smoke=True)
def counts_words_and_is_described(context):
    """At least once, without a failure: exact. The tool lists, describes and deletes the group."""
    node = node_with_topics(context, 'streams-tool')
    lines = Lines(node)
    first = second = None
    try:
        lines.write(200)
        first = instance(node, 'told', 'streams')
        lines.wait()
        second = instance(node, 'told', 'streams')
        second.wait_for('RUNNING', 60)
        lines.write(200)
        lines.wait()
        state = until(lambda: tool(node, '--describe', '--state', '--group', 'told').out,
                      lambda text: 'Stable' in text)
        within(state, 'told')
        equal(tool(node, '--list').lines()[-1].strip(), 'told')
        within(tool(node, '--list', '--state').out, 'Stable')
        members = tool(node, '--describe', '--members', '--verbose', '--group', 'told').out
        equal(tasks_in(members, 'ACTIVE'), [(part, n) for part in '012' for n in '012'], members)
        equal(tasks_in(members, 'STANDBY'), [(part, n) for part in '12' for n in '012'], members)
        within(tool(node, '--describe', '--group', 'told').out, 'lines')
        refused = tool(node, '--delete', '--group', 'told', ok=False)
        within(refused.out + refused.err, 'told')
        first.stop(60)
        second.stop(60)
        until(lambda: tool(node, '--describe', '--state', '--group', 'told', ok=False).out,
              lambda text: 'Empty' in text)
        tool(node, '--delete', '--group', 'told', '--delete-all-internal-topics')
        equal('told' in tool(node, '--list').out, False, 'the group is gone')
    finally:
        end(*[one for one in (first, second) if one])
        node.kill()
