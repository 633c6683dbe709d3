# SPDX-License-Identifier: Apache-2.0
"""Our command line tools and Apache's, on the same broker: equal output and exit codes."""

import difflib
import re

from ..harness import ROOT, Failed, case, fetch_jars, new_folder, run, run_tool
from ..harness.java import TOOL_FLAGS, TOOLS, java_home_binary
from ..harness.node import moldau

# What two runs of one tool may tell differently.
VARYING = (
    (re.compile(r'TopicId: [\w-]{22}'), 'TopicId: (id)'),
    (re.compile(r'Epoch: \d+'), 'Epoch: (number)'),
)

T = 'kafka-topics --bootstrap-server {server} '
V = 'kafka-broker-api-versions '
C = 'kafka-cluster '
F = 'kafka-features '
O = 'kafka-get-offsets --bootstrap-server {server} '
D = 'kafka-delete-records --bootstrap-server {server} --offset-json-file '

# Topics that the rest looks at.
MAKE = [
    T + '--create --topic plain',
    T + '--create --topic plain',
    T + '--create --topic plain --if-not-exists',
    T + '--create --topic three --partitions 3 --config retention.ms=86400000 '
        '--config segment.bytes=1048576 --config cleanup.policy=compact,delete',
    T + '--create --topic a_b.c --partitions 2 --replication-factor 1',
    T + '--create --topic assigned --replica-assignment 1,1,1,1',
    T + '--create --topic many --partitions 25',
    T + "--create --topic spaced --config|retention.ms = 5|--config|max.message.bytes=100",
    T + '--create --topic twice --config retention.ms=1 --config retention.ms=2',
    T + '--create --topic Ab-1 --partitions=2',
    T + '--create --topic zeta --config=min.insync.replicas=2',
    T + '--create --topic xi',
    T + '--create --topic omega',
]

REFUSED = [
    T + '--create --topic|bad topic',
    T + '--create --topic|',
    T + '--create --topic .',
    T + '--create --topic ..',
    T + '--create --topic ' + 'x' * 250,
    T + '--create --topic a_b_c',
    T + '--delete --topic a_b_c',
    T + '--create --topic a.b_c',
    T + '--create',
    T + '--create --topic n --partitions 0',
    T + '--create --topic n --partitions -1',
    T + '--create --topic n --partitions x',
    T + '--create --topic n --partitions 99999999999',
    T + '--create --topic n --replication-factor 0',
    T + '--create --topic n --replication-factor 2',
    T + '--create --topic n --replication-factor 32768',
    T + '--create --topic n --replication-factor 1.5',
    T + '--create --topic n --replica-assignment 1:1',
    T + '--create --topic n --replica-assignment 1,1:2',
    T + '--create --topic n --replica-assignment 1:2,1',
    T + '--create --topic n --replica-assignment 7',
    T + '--create --topic n --replica-assignment x',
    T + '--create --topic n --replica-assignment 1,,1',
    T + '--create --topic n --replica-assignment ,',
    T + '--create --topic n --replica-assignment 1 --partitions 1',
    T + '--create --topic n --replica-assignment 1 --replication-factor 1',
    T + '--create --topic n --config foo=1',
    T + '--create --topic n --config foo',
    T + '--create --topic n --config foo=',
    T + '--create --topic n --config a=b=c',
    T + '--create --topic n --config retention.ms=x',
    T + '--create --topic n --config retention.ms=-2',
    T + '--create --topic n --config cleanup.policy=foo',
    T + '--create --topic n --config segment.bytes=1',
    T + '--create --topic n --config compression.type=zip',
    T + '--create --topic n --config min.compaction.lag.ms=9 --config max.compaction.lag.ms=8',
    T + '--create --topic n --config min.compaction.lag.ms=9 --if-not-exists',
    T + '--create --topic n.o --config foo=1',
    T + '--create --topic n.o --partitions 0',
    T + '--create --topic n --if-exists',
    T + '--create --topic n --list',
    T + '--create --topic n --topic m',
    T + '--list --if-not-exists',
    T + '--list --partitions 1',
    T + '--list --config a=b',
    T + '--describe --replication-factor 1',
    T + '--describe --replica-assignment 1',
    T + '--describe --topics-with-overrides --under-replicated-partitions',
    T + '--list --unavailable-partitions',
    T + '--delete --exclude-internal --topic x',
    T + '--nonsense',
    T + '--list --topi x',
    T + '--lis',
    T + '--topic',
    T + '-x',
    T,
    'kafka-topics',
    'kafka-topics --help',
    'kafka-topics --help --list',
    'kafka-topics --version',
    'kafka-topics --version --list',
    'kafka-topics --list',
    'kafka-topics --create --topic x',
    'kafka-topics --list --bootstrap-server nonsense',
    'kafka-topics --list --bootstrap-server :x',
    'kafka-topics --list --bootstrap-server|',
    'kafka-topics --list --bootstrap-server {server} --bootstrap-server {server}',
    T + '--list --command-config {folder}/nothing.properties',
    T + '--list --command-config {folder}/wrong-number.properties',
    T + '--list --command-config {folder}/timeouts.properties',
    'kafka-topics --list --bootstrap-server 127.0.0.1:1 --command-config {folder}/quick.properties',
    'kafka-topics --create --topic x --bootstrap-server 127.0.0.1:1 '
    '--command-config {folder}/quick.properties',
    'kafka-topics --describe --bootstrap-server 127.0.0.1:1 '
    '--command-config {folder}/quick.properties',
]

LOOK = [
    T + '--list',
    T + '--list --exclude-internal',
    T + '--list --topic three',
    T + '--list --topic nothing',
    T + '--list --topic|',
    T + '--list --topic three,plain',
    T + '--list --topic|three, plain',
    T + '--list --topic|"three"',
    T + '--list --topic .*e.*',
    T + '--list --topic [a-m].*',
    T + '--list --topic [',
    T + '--list --topic (',
    T + '--list --topic *',
    T + '--list --command-config {folder}/fine.properties',
    'kafka-topics --bootstrap-server=PLAINTEXT://{server},127.0.0.1:1 --list',
    T + '--describe',
    T + '--describe --exclude-internal',
    T + '--describe --topic three',
    T + '--describe --topic plain,three',
    T + '--describe --topic .*',
    T + '--describe --topic many --partition-size-limit-per-response 10',
    T + '--describe --partition-size-limit-per-response 3',
    T + '--describe --topic many --partition-size-limit-per-response x',
    T + '--describe --topic nothing',
    T + '--describe --topic nothing --if-exists',
    T + '--describe --topic three --if-exists',
    T + '--describe --if-exists',
    T + '--describe --topic spaced',
    T + '--describe --topic twice',
    T + '--describe --topics-with-overrides',
    T + '--describe --topics-with-overrides --topic three',
    T + '--describe --topics-with-overrides --topic plain',
    T + '--describe --under-replicated-partitions',
    T + '--describe --unavailable-partitions',
    T + '--describe --under-min-isr-partitions',
    T + '--describe --at-min-isr-partitions',
    T + '--describe --at-min-isr-partitions --topic three',
    T + '--describe --under-min-isr-partitions --at-min-isr-partitions',
    T + '--describe --under-replicated-partitions --unavailable-partitions',
    T + '--describe --topic-id x',
    T + '--describe --topic-id abcd',
    T + '--describe --topic-id ab?d',
    T + '--describe --topic-id AAAAAAAAAAAAAAAAAAAAAA --topic plain',
    T + '--describe --topic-id gOtXs5U-TqOBDXtPWhWRaA',
    T + '--describe --topic-id gOtXs5U-TqOBDXtPWhWRaA --if-exists',
    T + '--describe --topic-id gOtXs5U-TqOBDXtPWhWRaA --topic plain --if-exists',
    T + '--describe --topic-id gOtXs5U-TqOBDXtPWhWRaAxxxx',
]

CHANGE = [
    T + '--alter --topic plain --partitions 2',
    T + '--alter --topic plain --partitions 2',
    T + '--alter --topic plain --partitions 1',
    T + '--alter --topic plain --partitions 0',
    T + '--alter --topic plain --partitions x',
    T + '--alter --topic plain',
    T + '--alter --partitions 3',
    T + '--alter --topic nothing --partitions 3',
    T + '--alter --topic nothing --partitions 3 --if-exists',
    T + '--alter --topic plain --partitions 4 --replica-assignment 1,1,1,1',
    T + '--alter --topic plain --partitions 6 --replica-assignment 1,1,1,1,1',
    T + '--alter --topic plain --partitions 5 --replica-assignment 1,1,1,1,9',
    T + '--alter --topic plain --partitions 5 --config retention.ms=1',
    T + '--alter --topic plain --partitions 5 --delete-config retention.ms',
    T + '--alter --partitions 2 --topic xi,omega',
    T + '--describe --topic plain',
    T + '--describe --topic|xi,omega',
    T + '--delete --topic nothing',
    T + '--delete --topic nothing --if-exists',
    T + '--delete',
    T + '--delete --topic|xi,omega',
    T + '--list',
]

BROKERS = [
    V + '--bootstrap-server {server}',
    V + '--bootstrap-server {server} --command-config {folder}/fine.properties',
    V, V + '--help', V + '--version', V + '--nonsense', V + '--bootstrap-server',
    V + '--bootstrap-server x', V + '--bootstrap-server {server} --command-config {folder}/none',
    C + 'cluster-id --bootstrap-server {server}',
    C + 'cluster-id -b {server}',
    C + 'cluster-id -b{server}',
    C + 'cluster-id --bootstrap-server={server}',
    C + 'cluster-id --bootstrap-s {server}',
    C + 'cluster-id --bootstrap-controller {controller}',
    C + 'cluster-id -C {controller}',
    C + 'cluster-id -C {server}',
    C + 'cluster-id -b {server} -c {folder}/fine.properties',
    C + 'cluster-id -b {server} --config {folder}/fine.properties',
    C + 'cluster-id -b {server} --config {folder}/fine.properties -c {folder}/fine.properties',
    C + 'cluster-id -b {server} -c {folder}/none',
    C + 'list-endpoints -b {server}',
    C + 'list-endpoints -b {server} --include-fenced-brokers',
    C + 'list-endpoints -C {controller}',
    C + 'list-endpoints -C {controller} --include-fenced-brokers',
    C + 'list-endpoints -C {server}',
    C + 'list-endpoints',
    C + 'list-endpoints --boot {server}',
    C + 'unregister -b {server} --id 42',
    C + 'unregister -b {server} --id x',
    C + 'unregister -b {server} -i -1',
    C + 'unregister -b {server}',
    C + 'unregister -C {controller} -i 43',
    C + 'unregister -b {server} -C {controller} -i 43',
    C + 'nonsense', C + 'cluster-id nonsense', C + 'cluster-id --nonsense', C, C + '--nonsense',
    C + 'cluster-id -b {server} -b {server}',
]

FEATURES = [
    F + '--bootstrap-server {server} describe',
    F + '--bootstrap-server {server} describe --node-id 1',
    F + '--bootstrap-server {server} describe --node-id -1',
    F + '--bootstrap-server {server} describe --node-id x',
    F + '--bootstrap-server={server} describe',
    F + '--bootstrap-controller {controller} describe',
    F + '--bootstrap-server {server} --bootstrap-controller {controller} describe',
    F + 'describe', F, F + 'nonsense', F + '--bootstrap-server {server}',
    F + 'describe --bootstrap-server {server}',
    F + '--bootstrap-server {server} --command-config {folder}/fine.properties describe',
    F + '--bootstrap-server {server} upgrade',
    F + '--bootstrap-server {server} upgrade --feature',
    F + '--bootstrap-server {server} upgrade --feature x',
    F + '--bootstrap-server {server} upgrade --feature x=y',
    F + '--bootstrap-server {server} upgrade --feature x=99999',
    F + '--bootstrap-server {server} upgrade --feature nosuch.version=1',
    F + '--bootstrap-server {server} upgrade --feature metadata.version=29 --dry-run',
    F + '--bootstrap-server {server} upgrade --feature metadata.version=29',
    F + '--bootstrap-server {server} upgrade --feature metadata.version=30 --dry-run',
    F + '--bootstrap-server {server} upgrade --feature metadata.version=99',
    F + '--bootstrap-server {server} upgrade --feature share.version=1 --feature share.version=1',
    F + '--bootstrap-server {server} upgrade --feature share.version=1 --feature group.version=1 '
        '--dry-run',
    F + '--bootstrap-server {server} upgrade --release-version 4.3 --dry-run',
    F + '--bootstrap-server {server} upgrade --release-version 4.3-IV0 --dry-run',
    F + '--bootstrap-server {server} upgrade --release-version 4.0 --dry-run',
    F + '--bootstrap-server {server} upgrade --release-version 1.0',
    F + '--bootstrap-server {server} upgrade --release-version 4.3 --feature share.version=1',
    F + '--bootstrap-server {server} upgrade --metadata 4.0 --dry-run',
    F + '--bootstrap-server {server} upgrade --metadata nonsense',
    F + '--bootstrap-server {server} upgrade --metadata 4.3-IV0 --dry-run',
    F + '--bootstrap-controller {controller} upgrade --metadata 4.3-IV0 --dry-run',
    F + '--bootstrap-server {server} downgrade --feature transaction.version=0 --dry-run',
    F + '--bootstrap-server {server} downgrade --feature metadata.version=29',
    F + '--bootstrap-server {server} downgrade --feature metadata.version=29 --unsafe --dry-run',
    F + '--bootstrap-server {server} downgrade --release-version 4.0 --dry-run',
    F + '--bootstrap-server {server} downgrade',
    F + '--bootstrap-controller {controller} downgrade --feature transaction.version=1 --dry-run',
    F + '--bootstrap-server {server} disable --feature streams.version --dry-run',
    F + '--bootstrap-server {server} disable --feature streams.version --unsafe --dry-run',
    F + '--bootstrap-server {server} disable --feature metadata.version',
    F + '--bootstrap-server {server} disable --feature a --feature a',
    F + '--bootstrap-server {server} disable --feature nosuch.version',
    F + '--bootstrap-server {server} disable',
    F + 'version-mapping',
    *(F + 'version-mapping --release-version ' + release
      for release in ('4.3', '4.2', '4.1', '4.0', '3.9', '3.8', '3.7-IV4', '3.3', '1.0', 'x')),
    F + 'feature-dependencies',
    F + 'feature-dependencies --feature share.version=1',
    F + 'feature-dependencies --feature eligible.leader.replicas.version=1',
    F + 'feature-dependencies --feature metadata.version=7',
    F + 'feature-dependencies --feature metadata.version=1',
    F + 'feature-dependencies --feature transaction.version=2 --feature group.version=1',
    F + 'feature-dependencies --feature group.version=1 --feature nosuch.version=1',
    F + 'feature-dependencies --feature share.version=9',
    F + 'feature-dependencies --feature x',
]

# After ten records in `plain` and one in `xi`.
OFFSETS = [
    O, O + '--topic plain', O + '--topic plain --time latest', O + '--topic plain --time -1',
    O + '--topic plain --time earliest', O + '--topic plain --time -2',
    O + '--topic xi --time max-timestamp', O + '--topic xi --time -3',
    O + '--topic plain --time earliest-local', O + '--topic plain --time -4',
    O + '--topic plain --time latest-tiered', O + '--topic plain --time -5',
    O + '--topic plain --time earliest-pending-upload', O + '--topic plain --time -6',
    O + '--topic plain --time 0', O + '--topic plain --time 99999999999999',
    O + '--topic plain --time x', O + '--topic plain --time -7',
    O + '--topic three --partitions 0,2', O + '--topic three --partitions 7',
    O + '--topic three --partitions x', O + '--topic three --partitions|',
    O + '--topic nothing', O + '--topic .*', O + '--topic [',
    O + '--exclude-internal-topics', O + '--partitions 1',
    O + '--topic-partitions three:1', O + '--topic-partitions three:0-2',
    O + '--topic-partitions three:1-', O + '--topic-partitions three:-2',
    O + '--topic-partitions three:', O + '--topic-partitions :1',
    O + '--topic-partitions three:2,plain', O + '--topic-partitions t.*,many:20-22',
    O + '--topic-partitions three:x', O + '--topic-partitions three:1:2',
    O + '--topic-partitions three --topic plain', O + '--topic-partitions nothing:1',
    O + '--topic many', O + '--command-config {folder}/fine.properties --topic plain',
    O + '--nonsense', O + '--help', O + '--version',
    'kafka-get-offsets', 'kafka-get-offsets --topic plain',
    'kafka-get-offsets --bootstrap-server x', 'kafka-get-offsets --bootstrap-server|',
    'kafka-get-offsets --bootstrap-server {server},x',
    D + '{folder}/three.json',
    D + '{folder}/mixed.json',
    D + '{folder}/none.json',
    D + '{folder}/empty.json',
    D + '{folder}/twice.json',
    D + '{folder}/version.json',
    D + '{folder}/broken.json',
    D + '{folder}/list.json',
    D + '{folder}/object.json',
    D + '{folder}/short.json',
    D + '{folder}/text.json',
    'kafka-delete-records', 'kafka-delete-records --help', 'kafka-delete-records --version',
    'kafka-delete-records --bootstrap-server {server}',
    'kafka-delete-records --offset-json-file x',
    O + '--time earliest --topic|plain,three,many',
]

CLEAN = [
    T + '--delete --topic .*',
    T + '--list',
]

FILES = {
    'fine.properties': 'client.id=tools\nrequest.timeout.ms=20000\nretry.backoff.ms = 50\n'
                       'reconnect.backoff.ms=10\nconnections.max.idle.ms=60000\nfoo.bar=1\n',
    'quick.properties': 'default.api.timeout.ms=1500\nrequest.timeout.ms=1000\n',
    'wrong-number.properties': 'request.timeout.ms=x\n',
    'timeouts.properties': 'request.timeout.ms=5000\ndefault.api.timeout.ms=100\n',
    'three.json': '{"partitions":[{"topic":"plain","partition":0,"offset":3}],"version":1}',
    'mixed.json': '{"partitions":[{"topic":"three","partition":2,"offset":-1},'
                  '{"topic":"plain","partition":0,"offset":99},'
                  '{"topic":"many","partition":7,"offset":0},'
                  '{"topic":"many","partition":24,"offset":1},'
                  '{"topic":"three","partition":0,"offset":-2}]}',
    'empty.json': '{"partitions":[]}',
    'twice.json': '{"partitions":[{"topic":"plain","partition":0,"offset":3},'
                  '{"topic":"plain","partition":0,"offset":4}]}',
    'version.json': '{"partitions":[],"version":2}',
    'broken.json': '{"partitions":',
    'list.json': '[]',
    'object.json': '{}',
    'short.json': '{"partitions":[{"topic":"plain"}]}',
    'text.json': '{"partitions":[{"topic":"plain","partition":"x","offset":0}]}',
}


def words_of(line, names):
    """Words stand between spaces; where `|` stands in a part of the line, what is between them may
    hold spaces or be empty."""
    first, *rest = line.format(**names).split('|')
    words = first.split(' ')
    if rest:
        words += [rest[0]]
        for more in rest[1:]:
            words += [more]
    return [word for number, word in enumerate(words) if word or number >= len(first.split(' '))]


class Apache:
    """All of Apache's tools in one process."""

    def run(self, invocations):
        lines = ''.join('\t'.join([TOOLS[words[0]], *words[1:]]) + '\n' for words in invocations)
        output = run([java_home_binary(), *TOOL_FLAGS, '-Djava.security.manager=allow',
                      '-Dorg.slf4j.simpleLogger.defaultLogLevel=off', '-cp', f'{fetch_jars()}/*',
                      str(ROOT / 'tests/interop/java/Tools.java')], stdin=lines, timeout=400)
        rest = output.out.encode()
        for _ in invocations:
            head, rest = rest.split(b'\n', 1)
            code, size = map(int, head.split())
            yield code, rest[:size].decode()
            rest = rest[size:]


class Ours:
    def run(self, invocations):
        for words in invocations:
            output = run([moldau(), *words], timeout=60, ok=False)
            yield output.code, output.out


def normal(text):
    for pattern, instead in VARYING:
        text = pattern.sub(instead, text)
    lines = text.splitlines(keepends=True)
    # kafka-delete-records keeps its answers in a map whose order is random in each run.
    if sum(line.startswith('partition: ') for line in lines) > 1:
        lines.sort()
    return ''.join(lines)


def folder_with_files():
    folder = new_folder('tools')
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding='utf-8')
    return folder


def play(tools, groups, names):
    """All invocations of the groups; what each gave."""
    out = []
    for group in groups:
        if callable(group):
            group()
            continue
        invocations = [words_of(line, names) for line in group]
        out += [(words, code, normal(text))
                for words, (code, text) in zip(invocations, tools.run(invocations), strict=True)]
    return out


def compare(node, groups):
    names = {'server': node.bootstrap, 'controller': node.controller,
             'folder': folder_with_files()}
    theirs, ours = play(Apache(), groups, names), play(Ours(), groups, names)
    wrong = []
    for (words, code, text), (_, our_code, our_text) in zip(theirs, ours, strict=True):
        if (code, text) == (our_code, our_text):
            continue
        diff = difflib.unified_diff(text.splitlines(), our_text.splitlines(), 'apache', 'ours',
                                    n=0, lineterm='')
        wrong.append('\n'.join([f'{" ".join(words)}: exit {code}, ours {our_code}', *diff]))
    print(f'    {len(theirs) - len(wrong)} of {len(theirs)} invocations equal', flush=True)
    if wrong:
        raise Failed('\n'.join(wrong))


@case()
def topics(node):
    compare(node, [MAKE, REFUSED, LOOK, CHANGE, CLEAN])


@case()
def brokers_and_clusters(node):
    compare(node, [BROKERS])


@case()
def features(node):
    compare(node, [FEATURES])


@case()
def offsets(node):
    def produce():
        for topic, count in (('plain', 10), ('xi', 1)):
            run_tool('kafka-console-producer', '--bootstrap-server', node.bootstrap, '--topic',
                     topic, stdin=''.join(f'record {number}\n' for number in range(count)))

    compare(node, [MAKE, produce, OFFSETS, CLEAN])
