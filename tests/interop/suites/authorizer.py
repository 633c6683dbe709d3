# SPDX-License-Identifier: Apache-2.0
"""ACLs: our verdicts are those of Apache's StandardAuthorizer, every API asks where Apache asks,
Kafka's own tool and clients see the same refusals."""

import json
import os
import random
import re
import subprocess
import time

from ..authorizer import requests
from ..harness import Failed, case, equal, kcat, run_tool, within
from ..harness.ask import Asker
from ..harness.java import TOOL_FLAGS, fetch_jars, java_home_binary
from ..harness.node import Node, start_node
from ..harness.places import ROOT
from ..harness.suite import Skip

HERE = ROOT / 'tests/interop/authorizer'
BUILD = ROOT / os.environ.get('MOLDAU_BUILD', 'build/release')
CLASS = 'org.apache.kafka.metadata.authorizer.StandardAuthorizer'
SEED = 20251121
MEMBER = 'AAAAAAAAAAAAAAAAAAAAAQ'
SETS, QUESTIONS, TYPES = 500, 220, 20

NAMES = ('*', 'a', 'b', 'ab', 'abc', 'abd', 'ab.c', 'b-a', 'a*', '*a', 'aaaa', 'aaab', 'é', 'éa',
         'aé', 'hardcode', 'kafka-cluster')
PRINCIPALS = ('User:a', 'User:b', 'User:*', 'User:a:b', 'Group:a', 'User:CN=x,O=y', 'User:')
# Nobody is called *: Apache's class does not bear it.
ASKING = tuple(one for one in PRINCIPALS if one != 'User:*')
HOSTS = ('127.0.0.1', '10.0.0.1', '*', '127.0.0.2')


def java_program(name, *arguments):
    return [java_home_binary(), *TOOL_FLAGS, '-cp', f'{fetch_jars()}/*', str(HERE / name),
            *arguments]


def speak(command, stdin):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=600,
                          check=False)
    if done.returncode != 0:
        raise Failed((done.stdout + done.stderr)[-4000:])
    return done.stdout.splitlines()


def name_of(dice):
    if dice.random() < 0.5:
        return dice.choice(NAMES)
    return ''.join(dice.choice('abc.') for _ in range(dice.randint(1, 6)))


def lines_of(seed):
    """Sets of ACLs and what is asked of each."""
    dice = random.Random(seed)
    for _ in range(SETS):
        supers = ';'.join(dice.sample(('User:a', 'User:CN=x,O=y', 'Group:a'), dice.choice(
            (0, 0, 0, 1))))
        yield ('S', supers, dice.choice(('true', 'false')))
        for acl in {(dice.choice((2, 2, 2, 3, 4, 5)), dice.choice((3, 3, 4)), name_of(dice),
                     dice.choice(PRINCIPALS), dice.choice(HOSTS), dice.randint(2, 15),
                     dice.choice((3, 3, 2))) for _ in range(dice.choice((0, 1, 3, 10, 40, 200)))}:
            yield ('A', *acl)
        for _ in range(QUESTIONS):
            yield ('Q', dice.choice(ASKING), dice.choice(HOSTS[:2]), dice.randint(3, 15),
                   dice.choice((2, 2, 2, 3, 4, 5)), name_of(dice), dice.randint(0, 3))
        for _ in range(TYPES):
            yield ('T', dice.choice(ASKING), dice.choice(HOSTS[:2]), dice.choice((3, 4, 8)),
                   dice.choice((2, 2, 3, 5)))


@case(smoke=True)
def verdicts_equal_those_of_apache(context):
    if not (BUILD / 'build.ninja').exists():
        raise Skip(f'no {BUILD}')
    subprocess.run(['cmake', '--build', str(BUILD), '--target', 'moldau_verdicts'], check=True,
                   stdout=subprocess.DEVNULL)
    lines = ['\t'.join(str(cell) for cell in line) for line in lines_of(SEED)]
    text = '\n'.join(lines) + '\n'
    theirs = speak(java_program('Verdicts.java'), text)
    ours = speak([str(BUILD / 'src/machine/security/moldau_verdicts')], text)
    equal(len(ours), SETS * (QUESTIONS + TYPES), 'answers')
    asked = [line for line in lines if line[0] in 'QT']
    for question, one, other in zip(asked, ours, theirs, strict=True):
        if one != other:
            raise Failed(f'seed {SEED}, {question}:\n  ours   {one}\n  Apache {other}')
    for verdict in ('ALLOWED', 'DENIED'):
        equal(sum(line.startswith(verdict) for line in ours) > len(ours) // 20, True, verdict)


@case
def another_class_is_refused(context):
    if context.kind != 'moldau':
        raise Skip('Apache Kafka loads classes')
    node = Node('moldau', 'other-class')
    node.format()
    node.properties['authorizer.class.name'] = 'com.example.OwnAuthorizer'
    node.launch()
    try:
        equal(node.process.wait(30) != 0, True, 'it does not start')
        node.process.wait_for(re.escape(CLASS), 10)
    finally:
        node.kill()


def both(kind, name, **properties):
    """A node of Apache and one of the kind that is tested, with the same properties."""
    nodes = []
    try:
        for one in ('apache', kind):
            nodes.append(start_node(one, name, **properties))
    except Exception:
        end(nodes)
        raise
    return nodes


def end(nodes):
    for node in nodes:
        node.kill()


def same_words(nodes, tool, *arguments):
    """Runs a tool on both and compares what it says; the order of lines is no promise."""
    texts = []
    for node in nodes:
        output = run_tool(tool, '--bootstrap-server', node.bootstrap, *arguments, ok=False)
        text = re.sub(r'\[\d{4}-[^]]*\] |\s+at \S+\(.*\)', '', output.out + output.err)
        texts.append((output.code, sorted(line.strip() for line in text.splitlines() if line)))
    equal(texts[1], texts[0], f'{tool} {" ".join(arguments)}')
    return texts[0]


@case(smoke=True)
def kafka_acls_says_the_same(context):
    """Add, list and remove, for every type of resource and pattern."""
    nodes = both(context.kind, 'acls', authorizer_class_name=CLASS, super_users='User:ANONYMOUS')
    try:
        def acls(*arguments):
            return same_words(nodes, 'kafka-acls', *arguments)

        acls('--list')
        acls('--add', '--allow-principal', 'User:a', '--operation', 'Read', '--operation',
             'Describe', '--topic', 't', '--group', 'g')
        acls('--add', '--deny-principal', 'User:b', '--deny-host', '10.0.0.1', '--operation',
             'All', '--topic', 'team.', '--resource-pattern-type', 'prefixed')
        acls('--add', '--allow-principal', 'User:*', '--operation', 'Write', '--topic', '*')
        acls('--add', '--allow-principal', 'User:c', '--producer', '--topic', 'p',
             '--transactional-id', 'x', '--idempotent')
        acls('--add', '--allow-principal', 'User:c', '--consumer', '--topic', 'p', '--group', '*')
        acls('--add', '--allow-principal', 'User:d', '--operation', 'Alter', '--cluster')
        acls('--add', '--allow-principal', 'User:d', '--operation', 'Describe',
             '--delegation-token', 'token')
        acls('--add', '--allow-principal', 'User:d', '--operation', 'CreateTokens',
             '--user-principal', 'User:e')
        acls('--list')
        acls('--list', '--topic', 'team.x', '--resource-pattern-type', 'match')
        acls('--list', '--topic', 'team.x', '--resource-pattern-type', 'any')
        acls('--list', '--principal', 'User:c')
        acls('--list', '--cluster')
        acls('--remove', '--force', '--topic', 'p', '--allow-principal', 'User:c', '--producer')
        acls('--remove', '--force', '--topic', 'team.', '--resource-pattern-type', 'prefixed')
        acls('--remove', '--force', '--topic', 'absent')
        acls('--list')
        for node in nodes:
            node.kill()
            node.start()
        code, lines = acls('--list')
        equal((code, len(lines) > 5), (0, True), 'after a restart')
    finally:
        end(nodes)


@case
def acls_survive_a_change_of_hands(context):
    """What one node has written binds the other, from log and from snapshot."""
    if context.kind != 'moldau':
        raise Skip('it needs both')
    node = Node('apache', 'hands', authorizer_class_name=CLASS,
                allow_everyone_if_no_acl_found='true',
                metadata_log_max_record_bytes_between_snapshots='1000')
    node.format()
    try:
        node.start()
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 't')
        listed = ''
        for number, kind in enumerate(('apache', 'moldau', 'apache', 'moldau')):
            if number:
                node.stop()
                node.kind = kind
                node.start()
                equal(listing(node), listed, f'{kind} lists what it found')
            for name in ('a', 'b'):
                add_acl(node, f'User:{kind}', 'Read', '--topic', f'{number}{name}')
            add_acl(node, 'User:other', 'All', '--topic', 't')
            run_tool('kafka-acls', '--bootstrap-server', node.bootstrap, '--remove', '--force',
                     '--topic', f'{number}b')
            out = kcat('-P', '-b', node.bootstrap, '-t', 't', stdin='x\n', ok=False)
            within(out.out + out.err, 'authorization failed')
            listed = listing(node)
            within(listed, f'name={number}a')
    finally:
        node.kill()


def listing(node):
    out = run_tool('kafka-acls', '--bootstrap-server', node.bootstrap, '--list').out
    return '\n'.join(sorted(line.strip() for line in out.splitlines()))


@case
def configs_tell_the_authorizer(context):
    nodes = both(context.kind, 'configs', authorizer_class_name=CLASS,
                 super_users='User:ANONYMOUS;User:b', allow_everyone_if_no_acl_found='true')
    try:
        found = []
        for node in nodes:
            out = run_tool('kafka-configs', '--bootstrap-server', node.bootstrap, '--describe',
                           '--broker', '1', '--all').out
            found.append(sorted(line.strip() for line in out.splitlines() if re.match(
                r'  (authorizer|super|allow|early|principal)', line)))
        equal(found[1], found[0])
        equal(len(found[0]) > 3, True, 'there are some')
    finally:
        end(nodes)


@case
def without_an_authorizer(context):
    nodes = both(context.kind, 'open')
    try:
        same_words(nodes, 'kafka-acls', '--list')
        same_words(nodes, 'kafka-acls', '--add', '--allow-principal', 'User:a', '--operation',
                   'Read', '--topic', 't')
        compare(nodes, requests.PREPARATION)
        # Topics are deleted on the way, and of one that is gone Apache 4.3.1 fails the whole
        # ShareFetch and leaves records locked; we answer for the partition.
        compare(nodes, [one for one in requests.everything() if one[0] != 'ShareFetch'])
    finally:
        end(nodes)


def add_acl(node, principal, operation, *resource, kind='--allow-principal'):
    run_tool('kafka-acls', '--bootstrap-server', node.bootstrap, '--add', kind, principal,
             '--operation', operation, *resource)


def clean(value, ids, field=''):
    """An answer without what must differ, lists in an order of their own."""
    if isinstance(value, dict):
        return {key: clean(one, ids, key) for key, one in value.items()
                if key not in requests.IGNORED}
    if isinstance(value, list):
        return sorted((clean(one, ids, field) for one in value), key=json.dumps)
    if field == 'errorCode' and value == 5:
        return 3  # a topic that comes into being: without a leader, or not known yet
    if field == 'topicId':
        return ids.get(value, value if value in requests.NO_IDS else 'of its own')
    return value


def compare(nodes, script, ids=None, to_controller=False):
    """The same requests to both; every field of every answer but those declared different. `ids`
    are the topics' ids, if nobody may ask for them any more."""
    answers = []
    for node, ids in zip(nodes, ids or [topic_ids(node) for node in nodes], strict=True):
        lines = [f'{api} {version} ' + json.dumps(requests.fill(body, ids))
                 for api, version, body in script]
        port = node.controller_port if to_controller else node.port
        told = speak(java_program('Asker.java', '127.0.0.1', str(port)),
                     '\n'.join(lines) + '\n')
        names = {value: key for key, value in ids.items()}
        answers.append([clean(json.loads(line), names) if line.startswith('{') else line
                        for line in told])
    different = []
    for (api, version, body), apache, other in zip(script, *answers, strict=True):
        if apache != other and other != 'not served':
            different.append(f'{api} {version} {json.dumps(body)}\n  Apache {json.dumps(apache)}\n'
                             f'  target {json.dumps(other)}')
    if different:
        raise Failed(f'{len(different)} of {len(script)} answers differ\n' +
                     '\n'.join(different)[:40000])
    return answers


def audit_lines(node):
    """What was refused, in the words of the log; Apache also judges the empty name of a topic
    whose id it does not know."""
    text = (node.folder / f'{node.starts}-{node.kind}.log').read_text(encoding='utf-8')
    return sorted({line.replace(' (kafka.authorizer.logger)', '')
                   for line in re.findall(r'Principal = .* is Denied .*', text)
                   if 'Topic:LITERAL: for' not in line})


def topic_ids(node):
    """Of the topics that exist, as the tool tells them to a super user before ACLs come."""
    out = run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--describe').out
    return dict(re.findall(r'Topic: (\S+)\s+TopicId: (\S+)', out))


@case(smoke=True)
def answers_equal_those_of_apache(context):
    """Every API, asked by somebody who may do some of it; then by somebody who may nothing."""
    nodes = both(context.kind, 'answers', authorizer_class_name=CLASS,
                 allow_everyone_if_no_acl_found='true')
    try:
        compare(nodes, requests.PREPARATION)
        ids = [topic_ids(node) for node in nodes]
        for node in nodes:
            speak(java_program('Asker.java', '127.0.0.1', str(node.port)),
                  f'CreateAcls 3 {json.dumps(requests.acls(requests.ACLS))}\n')
        compare(nodes, requests.everything(), ids)
        compare(nodes, requests.of_the_controller(), ids, to_controller=True)
        for node in nodes:
            speak(java_program('Asker.java', '127.0.0.1', str(node.port)),
                  f'CreateAcls 3 {json.dumps(requests.acls(requests.CLUSTER_ACLS))}\n')
        script = requests.everything()
        answers = compare(nodes, script, ids)[1]
        compare(nodes, requests.of_the_controller(), ids, to_controller=True)
        unserved = {api for (api, _, _), told in zip(script, answers, strict=True)
                    if told == 'not served'}
        lines = [[one for one in audit_lines(node)
                  if re.search(r'for request = (\w+)', one).group(1) not in unserved]
                 for node in nodes]
        equal([[one for one in lines[0] if one not in lines[1]],
               [one for one in lines[1] if one not in lines[0]]], [[], []], 'the audit log')
        equal(len(lines[0]) > 50, True, 'it has lines')
    finally:
        end(nodes)


@case(smoke=True)
def clients_are_refused_and_let_in(context):
    """Java and librdkafka, before and after their ACLs."""
    node = start_node(context.kind, 'clients', authorizer_class_name=CLASS,
                      allow_everyone_if_no_acl_found='true')
    try:
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 't')
        add_acl(node, 'User:other', 'All', '--topic', 't')
        out = run_tool('kafka-console-producer', '--bootstrap-server', node.bootstrap, '--topic',
                       't', stdin='one\n', ok=False)
        within(out.out + out.err, 'TopicAuthorizationException')
        add_acl(node, 'User:ANONYMOUS', 'Write', '--topic', 't')
        run_tool('kafka-console-producer', '--bootstrap-server', node.bootstrap, '--topic', 't',
                 stdin='one\n')
        kcat('-P', '-b', node.bootstrap, '-t', 't', stdin='two\n')
        read = ('--topic', 't', '--from-beginning', '--max-messages', '2', '--timeout-ms', '20000')
        out = run_tool('kafka-console-consumer', '--bootstrap-server', node.bootstrap, *read,
                       '--group', 'g', ok=False)
        within(out.out + out.err, 'TopicAuthorizationException')
        out = kcat('-C', '-b', node.bootstrap, '-t', 't', '-o', 'beginning', '-e', ok=False)
        within(out.out + out.err, 'authorization failed')
        add_acl(node, 'User:other', 'All', '--group', 'g')
        add_acl(node, 'User:ANONYMOUS', 'Read', '--topic', 't')
        out = run_tool('kafka-console-consumer', '--bootstrap-server', node.bootstrap, *read,
                       '--group', 'g', ok=False)
        within(out.out + out.err, 'GroupAuthorizationException')
        add_acl(node, 'User:ANONYMOUS', 'Read', '--group', 'g')
        equal(run_tool('kafka-console-consumer', '--bootstrap-server', node.bootstrap, *read,
                       '--group', 'g').lines(), ['one', 'two'])
        equal(kcat('-C', '-q', '-b', node.bootstrap, '-t', 't', '-o', 'beginning',
                   '-e').out.split(), ['one', 'two'])
        add_acl(node, 'User:ANONYMOUS', 'Read', '--topic', 't', kind='--deny-principal')
        out = kcat('-C', '-b', node.bootstrap, '-t', 't', '-o', 'beginning', '-e', ok=False)
        within(out.out + out.err, 'authorization failed')
    finally:
        node.kill()


def topics_by_regex(node, ids, group, regex):
    """Subscribes as Kafka's Java consumer does, beats until the expression is resolved, and gives
    the names of what is assigned."""
    names = {value: key for key, value in ids.items()}
    asker = Asker(node)
    try:
        asker.until('FindCoordinator', 4, keyType=0, coordinatorKeys=[group])
        beat = asker.until('ConsumerGroupHeartbeat', 1, groupId=group, memberId=MEMBER,
                           memberEpoch=0, rebalanceTimeoutMs=10000, subscribedTopicRegex=regex,
                           topicPartitions=[])
        deadline = time.monotonic() + 20
        while True:
            equal(beat['errorCode'], 0, 'the heartbeat')
            topics = (beat.get('assignment') or {}).get('topicPartitions', [])
            if topics or time.monotonic() > deadline:
                return sorted(names[topic['topicId']] for topic in topics)
            time.sleep(0.2)
            beat = asker.quiet('ConsumerGroupHeartbeat', 1, groupId=group, memberId=MEMBER,
                               memberEpoch=beat['memberEpoch'])
    finally:
        asker.close()


@case
def a_regex_matches_what_may_be_seen(context):
    """KIP-848: topics that the member may not describe do not match its expression."""
    nodes = both(context.kind, 'regex', authorizer_class_name=CLASS,
                 allow_everyone_if_no_acl_found='true')
    try:
        found = []
        for node in nodes:
            for name in ('log-free', 'log-seen', 'log-hidden', 'other'):
                run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create',
                         '--topic', name)
            ids = topic_ids(node)
            rows = [(requests.TOPIC, requests.LITERAL, 'log-hidden', requests.OTHER, requests.READ,
                     requests.ALLOW),
                    (requests.TOPIC, requests.LITERAL, 'log-seen', requests.ME, requests.DESCRIBE,
                     requests.ALLOW)]
            speak(java_program('Asker.java', '127.0.0.1', str(node.port)),
                  f'CreateAcls 3 {json.dumps(requests.acls(rows))}\n')
            found.append(topics_by_regex(node, ids, 'expression', 'log-.*'))
        equal(found, [['log-free', 'log-seen']] * 2)
    finally:
        end(nodes)
