# SPDX-License-Identifier: Apache-2.0
"""The directories change hands between Apache Kafka and the target while groups of all four kinds
are at work, a transaction is open, and quotas, credentials and ACLs are in the metadata: members
stay members, and what is described is the same before and after.
"""

import collections
import re
import time

from ..harness import Failed, Node, Process, case, equal, kcat, python_with, run, run_tool, within
from ..harness.java import TOOL_FLAGS, fetch_jars, java_home_binary
from . import streams

HERE = __file__.rsplit('/', 2)[0]
PROPERTIES = {
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users': 'User:ANONYMOUS',
    'group.consumer.session.timeout.ms': '60000',
    'group.consumer.heartbeat.interval.ms': '1000',
    'group.consumer.min.heartbeat.interval.ms': '500',
    'group.share.session.timeout.ms': '60000',
    'group.share.heartbeat.interval.ms': '1000',
    'group.share.min.heartbeat.interval.ms': '500',
    'group.streams.session.timeout.ms': '60000',
    'group.streams.heartbeat.interval.ms': '1000',
    'group.streams.min.heartbeat.interval.ms': '500',
    'group.streams.initial.rebalance.delay.ms': '500',
}
TOPICS = {'classic': 4, 'consumer': 4, 'share': 2, 'transactions': 2, 'lines': 3, 'counts': 3,
          'letters': 3}


def program(name, *words):
    return [java_home_binary(), *TOOL_FLAGS, '-cp', f'{fetch_jars()}/*', f'{HERE}/java/{name}',
            *words]


def state(node):
    """Every line that GroupState.java says of a node."""
    return run(program('GroupState.java', node.bootstrap), timeout=90).out.splitlines()


def settled(node):
    """The state once two looks at it are equal."""
    before = None
    for _ in range(20):
        now = state(node)
        if now == before:
            return now
        before = now
    raise Failed('the state does not settle:\n' + '\n'.join(before))


def differences(now, before):
    return ([f'- {line}' for line in before if line not in now]
            + [f'+ {line}' for line in now if line not in before])


def same_state(node, before, timeout=60):
    """The state becomes what it was. Members need a moment to be heard of."""
    deadline = time.monotonic() + timeout
    while (found := differences(state(node), before)) and time.monotonic() < deadline:
        pass
    if found:
        raise Failed(f'as {node.kind} has it:\n' + '\n'.join(found))


def configure(node):
    """What an administrator puts into the metadata."""
    base = ('--bootstrap-server', node.bootstrap)
    for topic, partitions in TOPICS.items():
        run_tool('kafka-topics', *base, '--create', '--topic', topic, '--partitions',
                 str(partitions))
    configs = ('kafka-configs', *base, '--alter')
    for scram in ('SCRAM-SHA-256=[iterations=8192,password=a]', 'SCRAM-SHA-512=[password=b]'):
        run_tool(*configs, '--entity-type', 'users', '--entity-name', 'ada', '--add-config', scram)
    run_tool(*configs, '--entity-type', 'users', '--entity-name', 'bob', '--entity-type',
             'clients', '--entity-name', 'app', '--add-config', 'producer_byte_rate=12345678')
    run_tool(*configs, '--entity-type', 'clients', '--entity-default', '--add-config',
             'consumer_byte_rate=987654321,request_percentage=1000')
    run_tool(*configs, '--entity-type', 'ips', '--entity-name', '10.1.2.3', '--add-config',
             'connection_creation_rate=17')
    run_tool(*configs, '--entity-type', 'groups', '--entity-name', 'share-group', '--add-config',
             'share.auto.offset.reset=earliest,share.record.lock.duration.ms=16000')
    run_tool(*configs, '--entity-type', 'groups', '--entity-name', 'words', '--add-config',
             'streams.num.standby.replicas=1')
    acls = ('kafka-acls', *base, '--add')
    run_tool(*acls, '--allow-principal', 'User:ada', '--operation', 'Read', '--topic', 'cla',
             '--resource-pattern-type', 'prefixed')
    run_tool(*acls, '--deny-principal', 'User:bob', '--deny-host', '10.9.8.7', '--operation',
             'All', '--group', '*')


class Work:
    """What is written for the groups, and what they must have read."""

    def __init__(self, node):
        self.node = node
        self.written = {'classic': [], 'consumer': [], 'share': []}
        self.committed = []
        self.lines = streams.Lines(node)

    def said(self):
        return (self.node.folder / 'members.log').read_text(encoding='utf-8')

    def write(self, mark):
        for topic, values in self.written.items():
            for partition in range(TOPICS[topic]):
                more = [f'{mark}-{partition}-{n}' for n in range(25)]
                values += more
                kcat('-P', '-b', self.node.bootstrap, '-t', topic, '-p', str(partition),
                     stdin='\n'.join(more) + '\n')
        self.lines.write(100)

    def wait(self, timeout=90):
        """Everything was read by its group, each record once."""
        deadline = time.monotonic() + timeout
        while (lacking := self._lacking()) and time.monotonic() < deadline:
            time.sleep(0.2)
        if lacking:
            raise Failed(f'not read: {lacking}\n{self.said()[-3000:]}')
        for topic, values in self.written.items():
            read = re.findall(rf'^{topic} read (\S+)', self.said(), re.M)
            equal(sorted(read), sorted(values), topic)
        self.lines.wait()

    def _lacking(self):
        text = self.said()
        if 'FAILED' in text or 'not acknowledged' in text:
            raise Failed(f'a member failed:\n{text[-3000:]}')
        lacking = {}
        for topic, values in self.written.items():
            read = set(re.findall(rf'^{topic} read (\S+)', text, re.M))
            left = [value for value in values if value not in read]
            if left:
                lacking[topic] = left[:5]
        return lacking

    def end_transaction(self, number, members):
        """Transaction `number` has been open over the change of hands and ends now."""
        wanted = [f'{n}-{part}' for n in self.committed for part in ('first', 'second')]
        equal(self.transactional(), [wanted, wanted], 'before its end')
        (self.node.folder / f'end-{number}').touch()
        if number % 2 == 0:
            self.committed.append(number)
            wanted += [f'{number}-first', f'{number}-second']
        members.wait_for(rf'^transaction open {number + 1}$', 120)
        equal(self.transactional(), [wanted, wanted], f'after the end of {number}')

    def transactional(self):
        return [committed(self.node, 'transactions', partition) for partition in range(2)]


def committed(node, topic, partition):
    return kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', topic, '-p', str(partition), '-o',
                'beginning', '-X', 'isolation.level=read_committed').out.split()


def change_hands(node, kind, hard):
    if hard:
        node.kill()
    else:
        node.stop()
    node.kind = kind
    node.start()


def live_groups(context, hard):
    node = Node('apache', 'handover', **PROPERTIES)
    node.format()
    node.start()
    configure(node)
    work = Work(node)
    members = instance = None
    try:
        members = Process(program('LiveMembers.java', node.bootstrap, str(node.folder)),
                          node.folder / 'members.log')
        instance = streams.instance(node, 'words', 'streams', 'exactly_once_v2')
        members.wait_for('^transaction open 0$', 60)
        work.write('begin')
        work.wait()
        for turn, kind in enumerate((context.kind, 'apache', context.kind, 'apache')):
            # Committed offsets and acknowledgements are on their way for a moment.
            before = settled(node)
            for wanted in ('group classic-group', 'group consumer-group', 'group share-group',
                           'group words', 'offset transaction-group', 'start share-group',
                           'topology words', 'transaction held-open', 'quota', 'credential', 'acl',
                           'config share-group'):
                if wanted != 'offset transaction-group' or turn > 0:
                    within('\n'.join(before), wanted)
            change_hands(node, kind, hard)
            same_state(node, before)
            work.write(f'turn{turn}')
            work.wait()
            work.end_transaction(turn, members)
        instance.stop(60)
        within(instance.tail(), 'CLOSED')
    except Failed as error:
        raise Failed(f'{error}\n{node.folder} has more') from error
    finally:
        streams.end(*[one for one in (members, instance) if one])
        node.kill()


@case
def live_groups_over_stops(context):
    live_groups(context, hard=False)


@case
def live_groups_over_kills(context):
    live_groups(context, hard=True)


def deliveries(node, verdict, count, before):
    """Lets a share consumer take COUNT deliveries or more; counts them in `before`, offset →
    deliveries."""
    out = run(program('ShareDeliveries.java', node.bootstrap, 'share', 'counted', verdict,
                      str(count)), timeout=90).out
    equal('not acknowledged' in out, False, out)
    for line in out.splitlines():
        offset, number, _ = line.split()
        before[int(offset)] += 1
        equal(int(number), before[int(offset)], f'deliveries of {offset} by {node.kind}')


@case
def share_deliveries(context):
    """What was accepted or rejected never comes again, what was released comes with its count of
    deliveries, until it has come as often as it may: whoever serves it."""
    node = Node('apache', 'deliveries', **PROPERTIES)
    node.format()
    node.start()
    base = ('--bootstrap-server', node.bootstrap)
    seen = collections.Counter()
    try:
        run_tool('kafka-topics', *base, '--create', '--topic', 'share')
        run_tool('kafka-configs', *base, '--alter', '--entity-type', 'groups', '--entity-name',
                 'counted', '--add-config', 'share.auto.offset.reset=earliest')
        kcat('-P', '-b', node.bootstrap, '-t', 'share', '-p', '0',
             stdin='\n'.join(f'v{n}' for n in range(40)) + '\n')
        deliveries(node, 'mixed', 40, seen)
        turns = ((context.kind, True), ('apache', False), (context.kind, False), ('apache', True))
        for turn, (kind, hard) in enumerate(turns):
            start = share_starts(node)
            change_hands(node, kind, hard)
            equal(share_starts(node), start, kind)
            deliveries(node, 'mixed', 120 - seen.total() if turn == 3 else 20, seen)
        # Five deliveries are what a record may have.
        equal(seen, {n: 5 if n % 2 else 1 for n in range(40)})
        change_hands(node, context.kind, False)
        kcat('-P', '-b', node.bootstrap, '-t', 'share', '-p', '0', stdin='v40\n')
        deliveries(node, 'accept', 1, seen)
        equal((seen.total(), seen[40]), (121, 1), 'after the last delivery')
        comes_to(lambda: [line.split()[-1] for line in share_starts(node)], ['0'])
    finally:
        node.kill()


def share_starts(node):
    return [line for line in state(node) if line.startswith('start')]


def cut_last_batch(path):
    """Takes the last batch off a log, as a power cut does when it was not yet on the disk."""
    content, at, last = path.read_bytes(), 0, 0
    while at + 12 <= len(content) and (length := int.from_bytes(content[at + 8:at + 12], 'big')):
        last, at = at, at + 12 + length
    path.write_bytes(content[:last])


PREPARE = '''
import sys
from confluent_kafka import Consumer, Producer, TopicPartition
producer = Producer({'bootstrap.servers': sys.argv[1], 'transactional.id': 'prepared'})
consumer = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': 'prepared-group'})
producer.init_transactions(20)
producer.begin_transaction()
for partition in range(2):
    producer.produce('prepared', sys.argv[2], partition=partition)
producer.send_offsets_to_transaction([TopicPartition('prepared', 0, int(sys.argv[3]))],
                                     consumer.consumer_group_metadata(), 20)
producer.flush(20)
if sys.argv[4] == 'commit':
    producer.commit_transaction(20)
else:
    producer.abort_transaction(20)
'''


@case
def prepared_transactions(context):
    """The end of a transaction is decided and on the disk, one marker is not: the next owner
    writes what is missing."""
    node = Node('apache', 'prepared')
    node.format()
    node.start()
    base = ('--bootstrap-server', node.bootstrap)
    run_tool('kafka-topics', *base, '--create', '--topic', 'prepared', '--partitions', '2')
    wanted, offset = [], None
    try:
        for turn, kind in enumerate((context.kind, 'apache', context.kind, 'apache')):
            end = ('commit', 'commit', 'abort', 'abort')[turn]
            run([python_with('confluent_kafka'), '-c', PREPARE, node.bootstrap, f'v{turn}',
                 str(turn + 1), end], timeout=60)
            comes_to(lambda: transaction_state(node), f'Complete{end.capitalize()}')
            if end == 'commit':
                wanted.append(f'v{turn}')
                offset = turn + 1
            # Killed, Apache Kafka takes the partitions for deleted while its old registration
            # lasts, and writes no markers at all.
            node.stop()
            (node.log_dirs[0] / '.kafka_cleanshutdown').unlink()
            for name in ('__transaction_state', 'prepared', '__consumer_offsets')[:2 + turn % 2]:
                cut_last_batch(sorted(node.partition_folder(name).glob('*.log'))[-1])
            node.kind = kind
            node.start()
            comes_to(lambda: transaction_state(node), f'Complete{end.capitalize()}')
            comes_to(lambda: [committed(node, 'prepared', p) for p in range(2)], [wanted, wanted])
            comes_to(lambda: committed_offset(node), offset)
    finally:
        node.kill()


def transaction_state(node):
    found = [line.split()[3] for line in state(node) if line.startswith('transaction prepared ')]
    return found[0] if found else None


def committed_offset(node):
    for line in state(node):
        if match := re.search(r'^offset prepared-group prepared-0 .*offset=(\d+)', line):
            return int(match.group(1))
    return None


def comes_to(what, expected, seconds=40):
    deadline = time.monotonic() + seconds
    while (actual := what()) != expected and time.monotonic() < deadline:
        time.sleep(0.1)
    equal(actual, expected)
