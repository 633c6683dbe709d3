# SPDX-License-Identifier: Apache-2.0
"""Spring Kafka: a listener with @RetryableTopic. What fails goes through the retry topics with
their delays and ends in the dead-letter topic, in both protocols of groups, over a kill."""

import re

from ..harness import Process, case, equal, kcat, new_folder, run, run_tool
from ..harness.java import TOOL_FLAGS, fetch_spring, java_home_binary
from ..harness.node import start_node
from .groups import comes_to, offsets

SOURCE = __file__.rsplit('/', 2)[0] + '/java/spring/RetryTopics.java'
RETRIES = ['requests-retry-300', 'requests-retry-600', 'requests-retry-1200']
DEAD = 'requests-dlt'
KINDS = ('fine', 'twice', 'fail', 'never')
# Where a value of each kind comes by, one after the other.
WAYS = {'fine': ['requests'], 'twice': ['requests', *RETRIES[:2]], 'fail': ['requests', *RETRIES],
        'never': ['requests']}


def application(node, protocol):
    jars, classes = fetch_spring(), new_folder('spring')
    run([java_home_binary(), '-m', 'jdk.compiler/com.sun.tools.javac.Main', '-parameters', '-d',
         classes, '-cp', ':'.join(map(str, jars.glob('*.jar'))), SOURCE], timeout=120)
    process = Process([java_home_binary(), *TOOL_FLAGS, '-cp', f'{jars}/*:{classes}',
                       'RetryTopics', node.bootstrap, protocol], node.folder / 'spring.log')
    process.wait_for('^started', 90)
    return process


def write(node, numbers):
    for n in numbers:
        kcat('-P', '-b', node.bootstrap, '-t', 'requests', '-p', str(n % 2),
             stdin=''.join(f'{kind}-{n}\n' for kind in KINDS))


def ways(node):
    """value → the topics it came by, in their order; and the dead ones."""
    text = (node.folder / 'spring.log').read_text(encoding='utf-8')
    found = {}
    for topic, value in re.findall(r'^got (\S+) (\S+)$', text, re.M):
        found.setdefault(value, []).append(topic)
    dead = re.findall(rf'^dead {DEAD} (\S+) of requests$', text, re.M)
    return found, sorted(dead)


def expected(numbers):
    return ({f'{kind}-{n}': WAYS[kind] for kind in KINDS for n in numbers},
            sorted(f'{kind}-{n}' for kind in ('fail', 'never') for n in numbers))


def retried(context, protocol):
    node = start_node(context.kind, f'spring-{protocol}')
    process = None
    try:
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic',
                 'requests', '--partitions', '2')
        process = application(node, protocol)
        described = run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--describe',
                             '--exclude-internal').out
        equal(dict(re.findall(r'Topic: (\S+).*PartitionCount: (\d+)', described)),
              {topic: '2' for topic in ('requests', *RETRIES, DEAD)})
        write(node, range(10))
        comes_to(lambda: ways(node), expected(range(10)), 'ways of the first')
        node.kill()
        node.start()
        write(node, range(10, 20))
        # What was not committed before the kill may come again.
        comes_to(lambda: ({value: sorted(set(way)) for value, way in ways(node)[0].items()},
                          sorted(set(ways(node)[1]))),
                 ({value: sorted(way) for value, way in expected(range(20))[0].items()},
                  expected(range(20))[1]), 'ways after the kill')
        for suffix in ('', *(topic.removeprefix('requests') for topic in RETRIES), '-dlt'):
            comes_to(lambda s=suffix: [committed == end for committed, end in
                                       offsets(node, f'requests{s}').values()], [True, True],
                     f'group requests{suffix} has committed everything')
        process.stop(60)
        equal('closed' in process.tail(), True, process.tail())
    finally:
        if process:
            process.kill()
        node.kill()


@case
def retry_topics_in_a_classic_group(context):
    retried(context, 'classic')


@case
def retry_topics_in_a_consumer_group(context):
    retried(context, 'consumer')
