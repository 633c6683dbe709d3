# SPDX-License-Identifier: Apache-2.0
"""A Kafka Streams program with the topologies of SQL over streams, exactly once (v2), through
kills of the node; what comes out equals what a model makes of what went in.

MOLDAU_STREAMS_KILLS and MOLDAU_STREAMS_SEED choose how often and when the node is killed.
"""

import collections
import json
import os
import random
import time

from ..harness import Failed, Process, case, equal, java, kcat, new_folder, python_with, run, \
    run_tool
from ..harness.node import start_node
from . import streams

HERE = __file__.rsplit('/', 2)[0]
FLAGS = ['-Xmx384m', *streams.FLAGS[1:]]
INPUTS = ('orders', 'payments', 'customers', 'items', 'products')
OUTPUTS = ('big', 'by-region', 'hops', 'closed', 'sessions', 'pairs', 'balances', 'priced')
CUSTOMERS = [f'c{n}' for n in range(20)]
SECOND = 1000


class Model:
    """What was written, and what must come of it."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.began = (int(time.time()) - 3 * 3600) // 60 * 60 * SECOND
        self.now = self.began
        self.count = 0
        self.orders = []    # (customer, number, amount, time, partition)
        self.payments = []
        self.regions = {one: f'region{n % 6}' for n, one in enumerate(CUSTOMERS)}
        self.items = {}
        self.products = {}

    def tables(self):
        """What must be there before the first order."""
        return [['customers', who, region, self.began] for who, region in self.regions.items()]

    def some(self, count):
        records = []
        for _ in range(count):
            self.now += self.random.randrange(50, 500)
            self.count += 1
            who = self.random.choice(CUSTOMERS)
            value = f'{self.count},{self.random.randrange(1000)}'
            records.append([self.random.choice(('orders', 'payments')), who, value, self.now])
            if self.random.random() < 0.1:
                records.append(self._change())
        return records

    def _change(self):
        self.count += 1
        if self.random.random() < 0.6:
            value = f'p{self.random.randrange(12)},{self.count}'
            return ['items', f'i{self.random.randrange(40)}', value, self.now]
        return ['products', f'p{self.random.randrange(10)}', str(self.count), self.now]

    def closing(self):
        """Orders late enough to close every window before them."""
        self.now += 600 * SECOND
        return [['orders', who, f'{self._next()},1', self.now] for who in CUSTOMERS]

    def _next(self):
        self.count += 1
        return self.count

    def took(self, records, places):
        for (topic, key, value, when), (partition, _) in zip(records, places):
            if topic in ('orders', 'payments'):
                number, amount = value.split(',')
                getattr(self, topic).append((key, number, int(amount), when, partition))
            elif topic in ('items', 'products'):
                getattr(self, topic)[key] = value

    def expected(self):
        """By topic: a list of (partition, key, value) in order, of (key, value), or a dict."""
        by_region, hops = collections.Counter(), collections.Counter()
        for who, _, amount, when, _ in self.orders:
            by_region[self.regions[who]] += amount
            for start in range(when // 20_000 * 20_000, when - 60_000, -20_000):
                hops[f'{who}@{start}-{start + 60_000}'] += 1
        return {
            'big': [(p, who, f'{n}:{2 * amount}') for who, n, amount, _, p in self.orders
                    if amount >= 500],
            'by-region': texts(by_region),
            'hops': texts(hops),
            'closed': self._closed(),
            'sessions': self._sessions(),
            'pairs': self._pairs(),
            'balances': self._balances(),
            'priced': {key: f'{item}={self.products[product]}' for key, item in self.items.items()
                       if (product := item.split(',')[0]) in self.products},
        }

    def _closed(self):
        counts, clock, where = collections.Counter(), collections.Counter(), {}
        for who, _, _, when, partition in self.orders:
            start = when // 30_000 * 30_000
            counts[who, start] += 1
            where[who] = partition
            clock[partition] = max(clock[partition], when)
        return sorted((f'{who}@{start}-{start + 30_000}', str(count))
                      for (who, start), count in counts.items()
                      if start + 30_000 <= clock[where[who]])

    def _sessions(self):
        found, last = {}, {}
        for who, _, _, when, _ in self.orders:
            start, end, count = last.get(who, (when, when, 0))
            if when - end > 7000:
                start, count = when, 0
            else:
                found.pop(f'{who}@{start}-{end}', None)
            last[who] = (start, when, count + 1)
            found[f'{who}@{start}-{when}'] = str(count + 1)
        return found

    def _pairs(self):
        of = collections.defaultdict(list)
        for who, number, _, when, _ in self.payments:
            of[who].append((number, when))
        return sorted((who, f'{number}/{other}') for who, number, _, when, _ in self.orders
                      for other, then in of[who] if abs(when - then) <= 5000)

    def _balances(self):
        ordered, paid = collections.Counter(), collections.Counter()
        for counter, events in ((ordered, self.orders), (paid, self.payments)):
            for who, _, amount, _, _ in events:
                counter[who] += amount
        have = [{event[0] for event in events} for events in (self.orders, self.payments)]
        return {who: f'{ordered[who] if who in have[0] else "null"}/'
                     f'{paid[who] if who in have[1] else "null"}' for who in have[0] | have[1]}


def texts(counter):
    return {key: str(value) for key, value in counter.items()}


def read(node, topic):
    """(partition, key, value) of every committed record, by partition and offset."""
    out = kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', topic, '-o', 'beginning', '-X',
               'isolation.level=read_committed', '-f', '%p %k %s\n').out
    rows = [line.split(' ', 2) for line in out.splitlines() if line]
    return [(int(partition), key, value) for partition, key, value in rows]


def result(node, topic):
    """The output as Model.expected() tells it."""
    rows = read(node, topic)
    if topic == 'big':
        return rows
    if topic in ('closed', 'pairs'):
        return sorted((key, value) for _, key, value in rows)
    last = {key: value for _, key, value in rows}
    return {key: value for key, value in last.items() if value}


def per_partition(rows):
    """Their order within a partition is promised, among partitions it is not."""
    found = collections.defaultdict(list)
    for partition, key, value in rows:
        found[partition].append((key, value))
    return dict(found)


class Run:
    """A node, the program, and the model beside them."""

    def __init__(self, context, protocol, seed):
        self.protocol = protocol
        self.node = start_node(context.kind, f'topologies-{protocol}', **streams.QUICK)
        self.model = Model(seed)
        self.program = None
        for topic in INPUTS + OUTPUTS:
            run_tool('kafka-topics', '--bootstrap-server', self.node.bootstrap, '--create',
                     '--topic', topic, '--partitions', '3')
        self.feed(self.model.tables())

    def feed(self, records):
        out = run([python_with('confluent_kafka'), f'{HERE}/python/feed.py', self.node.bootstrap],
                  stdin=''.join(json.dumps(record) + '\n' for record in records), timeout=90).out
        self.model.took(records, [json.loads(line) for line in out.splitlines()])

    def start_program(self):
        folder = new_folder('topologies')
        self.program = Process(java(f'{HERE}/java/Topologies.java', self.node.bootstrap, 'sql',
                                    self.protocol, folder / 'state', flags=FLAGS), folder / 'log')

    def restart_program(self):
        self.program.stop(60)
        self.start_program()

    def wait(self, timeout=180):
        """Until every output is what the model says; never more or other than that at the end."""
        deadline = time.monotonic() + timeout
        expected = self.model.expected()
        for topic, wanted in expected.items():
            shape = per_partition if topic == 'big' else lambda rows: rows
            while (actual := shape(result(self.node, topic))) != shape(wanted):
                if time.monotonic() > deadline or not self.program.running():
                    raise Failed(self._difference(topic, actual, shape(wanted)))
                time.sleep(0.3)

    def _difference(self, topic, actual, wanted):
        def items(rows):
            if topic == 'big':
                return {repr(row) for part in rows.values() for row in part}
            return set(map(repr, rows.items() if isinstance(rows, dict) else rows))
        return (f'{topic}: {len(actual)} of {len(wanted)}\n  lacking '
                f'{sorted(items(wanted) - items(actual))[:5]}\n  too much '
                f'{sorted(items(actual) - items(wanted))[:5]}\n{self.program.log}')

    def end(self):
        if self.program:
            self.program.kill()
        self.node.kill()


def once(context, protocol):
    work = Run(context, protocol, 3)
    try:
        work.start_program()
        for _ in range(3):
            work.feed(work.model.some(150))
        work.wait()
        work.restart_program()
        work.feed(work.model.some(150))
        work.feed(work.model.closing())
        work.wait()
        work.program.stop(60)
    finally:
        work.end()


def through_kills(context, protocol):
    kills = int(os.environ.get('MOLDAU_STREAMS_KILLS', '3' if context.kind == 'apache' else '12'))
    seed = int(os.environ.get('MOLDAU_STREAMS_SEED', '1'))
    moments = random.Random(seed)
    work = Run(context, protocol, seed)
    try:
        work.start_program()
        work.feed(work.model.some(60))
        work.wait()
        for kill in range(1, kills + 1):
            work.feed(work.model.some(40))
            time.sleep(moments.uniform(0, 2))  # the moment of the crash, no wait
            work.node.kill()
            work.node.start()
            if kill % 10 == 0:
                work.wait()
            if kill % 50 == 25:
                work.restart_program()
        work.feed(work.model.closing())
        work.wait()
        equal(work.program.running(), True, 'the program')
        print(f'    {protocol}: {kills} kills, {len(work.model.orders)} orders, '
              f'{len(work.model.payments)} payments, all {len(OUTPUTS)} results exact', flush=True)
    except Failed as error:
        raise Failed(f'seed {seed}: {error}') from error
    finally:
        work.end()


@case(smoke=True)
def in_a_streams_group(context):
    once(context, 'streams')


@case
def in_a_classic_group(context):
    once(context, 'classic')


@case
def kills_in_a_streams_group(context):
    through_kills(context, 'streams')


@case
def kills_in_a_classic_group(context):
    through_kills(context, 'classic')
