# SPDX-License-Identifier: Apache-2.0
"""Whether the generator and Apache's perf tools agree on what was written and read."""

from tests.interop.harness import java, run

from .perf import perf_consumer, perf_producer
from .results import Row, Work
from .server import CLIENT_FLAGS, loadgen


def end_offsets(server, topic):
    out = run(java('org.apache.kafka.tools.GetOffsetShell', '--bootstrap-server', server.bootstrap,
                   '--topic', topic, flags=CLIENT_FLAGS), timeout=120).out
    return sum(int(line.rsplit(':', 1)[1]) for line in out.splitlines()
               if line.startswith(topic + ':'))


def agree(bench, what, ours, theirs, slack=0):
    good = abs(ours - theirs) <= slack
    bench.note(f'check {what}: generator {ours:,}, Apache {theirs:,.0f}: '
               f'{"equal" if good else "DIFFERENT"}')
    return good


def check(servers):
    def act(bench):
        for server in servers.get()[:2]:
            good = True
            server.create('check-a')
            made = server.load('produce', 'check-a', record_bytes=1024, batch_bytes=65536,
                               total_mb=100)
            records = made['records'] + 6  # create() writes one to each partition
            good &= agree(bench, f'{server.kind}, records written by the generator', records,
                          end_offsets(server, 'check-a'))
            seen = perf_consumer(server, 'check-a', records)
            good &= agree(bench, f'{server.kind}, records read by the perf consumer', records,
                          seen['records'])
            good &= agree(bench, f'{server.kind}, value bytes read by the perf consumer',
                          made['bytes'] + 600, seen['bytes'], slack=120)
            server.create('check-b')
            theirs = perf_producer(server, 'check-b', 1024, 100_000)
            found = loadgen('drain', '--port', server.port, '--topic', 'check-b', '--partitions', 6)
            good &= agree(bench, f'{server.kind}, records of the perf producer', found['records'],
                          theirs['records'] + 6)
            good &= agree(bench, f'{server.kind}, value bytes of the perf producer',
                          found['value_bytes'], theirs['records'] * 1024 + 600)
            bench.add('check', server.kind, {'agree': 1.0 if good and found['wrong'] == 0 else 0.0})
            server.delete('check-a')
            server.delete('check-b')
    return act


def works(servers):
    return [Work('check', [Row('check', "generator and Apache's perf tools agree (1 = yes)",
                               'agree', '', 1.0, True)], check(servers))]
