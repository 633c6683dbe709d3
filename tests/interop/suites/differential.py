# SPDX-License-Identifier: Apache-2.0
"""The same commands to Apache Kafka and to the target: the same words come back."""

import difflib
import re

from ..harness import Failed, case, run_tool
from ..harness.node import start_node

_apache = None
_NOISE = re.compile(r'\s*at |\[.*\] (?:ERROR|WARN)')


def apache():
    global _apache
    if _apache is None or not _apache.process.running():
        _apache = start_node('apache', 'reference')
    return _apache


def normal(node, text):
    """The text without what must differ: addresses, directories, ids, times."""
    for path in node.log_dirs:
        text = text.replace(str(path), 'LOGDIR')
    text = text.replace(str(node.folder), 'FOLDER').replace(node.cluster_id, 'CLUSTERID')
    text = text.replace(f':{node.port}', ':PORT').replace(f':{node.controller_port}', ':CPORT')
    text = re.sub(r'\b\d{13}\b', 'TIME', text)
    text = re.sub(r'TopicId: \S{22}', 'TopicId: ID', text)
    return re.sub(r'(Epoch: )\d+', r'\1N', text)


def both(node, tool, *arguments, keep=None, drop=None, option='--bootstrap-server'):
    """Runs the command on both and compares exit code and sorted lines."""
    texts = []
    for one in (apache(), node):
        address = one.bootstrap if option == '--bootstrap-server' else one.controller
        output = run_tool(tool, option, address, *arguments, ok=False)
        lines = normal(one, output.out + output.err).splitlines()
        lines = [line.rstrip() for line in lines if not _NOISE.match(line)]
        if keep:
            lines = [line for line in lines if re.search(keep, line)]
        if drop:
            lines = [line for line in lines if not re.search(drop, line)]
        texts.append([f'exit {output.code}', *sorted(lines)])
    if texts[0] != texts[1]:
        difference = '\n'.join(difflib.unified_diff(texts[0], texts[1], 'apache', 'target', n=0,
                                                    lineterm=''))
        raise Failed(f'{tool} {" ".join(arguments)}:\n{difference[:4000]}')


def everywhere(node, tool, *arguments):
    """A preparation that both need."""
    for one in (apache(), node):
        run_tool(tool, '--bootstrap-server', one.bootstrap, *arguments)


@case
def topic_configs(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-configs', '--config',
               'retention.ms=1000', '--config', 'segment.bytes=1048576')
    both(node, 'kafka-configs', '--describe', '--topic', 'diff-configs', '--all')
    both(node, 'kafka-configs', '--describe', '--topic', 'diff-configs')


@case
def broker_configs(node):
    both(node, 'kafka-configs', '--describe', '--broker', '1', '--all', drop=r'^  moldau\.')
    both(node, 'kafka-configs', '--describe', '--broker-defaults')


@case
def features(node):
    both(node, 'kafka-features', 'describe')


@case
def topic_descriptions(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-topic', '--partitions', '3',
               '--config', 'cleanup.policy=compact')
    both(node, 'kafka-topics', '--describe', '--topic', 'diff-topic')


@case
def refusals_of_topics(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-there')
    for arguments in (
            ('--create', '--topic', 'diff-there'),
            ('--create', '--topic', 'x' * 250),
            ('--create', '--topic', '.'),
            ('--create', '--topic', 'a/b'),
            ('--create', '--topic', 'diff-a', '--partitions', '0'),
            ('--create', '--topic', 'diff-b', '--replication-factor', '3'),
            ('--create', '--topic', 'diff-c', '--replication-factor', '0'),
            ('--create', '--topic', 'diff-d', '--config', 'retention.ms=abc'),
            ('--create', '--topic', 'diff-e', '--config', 'segment.bytes=1'),
            ('--create', '--topic', 'diff-f', '--config', 'cleanup.policy=other'),
            ('--create', '--topic', 'diff-g', '--config', 'min.insync.replicas=0'),
            ('--create', '--topic', 'diff-h', '--config', 'no.such=1'),
            ('--create', '--topic', 'diff-i', '--replica-assignment', '7'),
            ('--alter', '--topic', 'diff-there', '--partitions', '1'),
            ('--alter', '--topic', 'diff-missing', '--partitions', '2'),
            ('--delete', '--topic', 'diff-missing'),
            ('--describe', '--topic', 'diff-missing')):
        both(node, 'kafka-topics', *arguments)


@case
def refusals_of_configs(node):
    everywhere(node, 'kafka-topics', '--create', '--if-not-exists', '--topic', 'diff-there')
    for arguments in (
            ('--alter', '--topic', 'diff-there', '--add-config', 'no.such=1'),
            ('--alter', '--topic', 'diff-there', '--add-config', 'retention.ms=x'),
            ('--alter', '--topic', 'diff-there', '--add-config', 'compression.type=rar'),
            ('--alter', '--topic', 'diff-missing', '--add-config', 'retention.ms=1'),
            ('--alter', '--broker', '1', '--add-config', 'node.id=2'),
            ('--alter', '--broker', '1', '--add-config', 'log.cleaner.threads=-1'),
            ('--alter', '--broker', '9', '--add-config', 'log.cleaner.threads=2'),
            ('--describe', '--topic', 'diff-missing')):
        both(node, 'kafka-configs', *arguments)


@case
def offsets_and_records(node):
    everywhere(node, 'kafka-topics', '--create', '--topic', 'diff-offsets', '--partitions', '2')
    for time in ('latest', 'earliest', '-3', '-4', '-5', '0', '99999999999999'):
        both(node, 'kafka-get-offsets', '--topic', 'diff-offsets', '--time', time)
    both(node, 'kafka-get-offsets', '--topic', 'diff-missing')


@case
def cluster_tools(node):
    both(node, 'kafka-cluster', 'cluster-id')
    both(node, 'kafka-cluster', 'list-endpoints')
    both(node, 'kafka-cluster', 'unregister', '--id', '42')
    both(node, 'kafka-cluster', 'list-endpoints', option='--bootstrap-controller')


@case
def versions_of_what_is_served(node):
    """Every API that the target advertises has Apache's versions."""
    found = []
    for one in (apache(), node):
        out = run_tool('kafka-broker-api-versions', '--bootstrap-server', one.bootstrap).out
        found.append({match.group(1): match.group(0).rstrip(',') for match in
                      re.finditer(r'(\w+\(\d+\)): \d+ to \d+ \[usable: \d+\],?', out)})
    wrong = {name: (line, found[0].get(name)) for name, line in found[1].items()
             if found[0].get(name) != line}
    if wrong:
        raise Failed(f'other versions than Apache Kafka: {wrong}')
