# SPDX-License-Identifier: Apache-2.0
"""Single requests as JSON, encoded and decoded by Apache Kafka's own classes, and what must be
equal in the answers of two nodes."""

import json
import re
import subprocess
import time
import zipfile

from .java import TOOL_FLAGS, fetch_jars, java_home_binary
from .places import ROOT
from .process import Failed

TRANSIENT = {14, 15, 16, 51}
NO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'
# Left out: texts and what differs from node to node and from run to run.
IGNORED = {'throttleTimeMs', 'errorMessage', 'host', 'port', 'batchIndexErrorMessage'}
# Names of the same thing in both: the first one seen is the first.
IDS = re.compile(r'(memberId|topicId|clusterId|producerId|leader|clientInstanceId|processId'
                 r'|logDir|incarnationId|subscriptionId|sessionId|controllerId)$', re.I)
TIMES = re.compile(r'(Time|Timestamp)(Ms)?$')

_schemas = {}


def schema_of(name):
    """The schema of a message, out of Apache's jars."""
    if not _schemas:
        for path in sorted(fetch_jars().glob('kafka-clients-*.jar')):
            with zipfile.ZipFile(path) as jar:
                for entry in jar.namelist():
                    if entry.startswith('common/message/') and entry.endswith('.json'):
                        pattern = r'"(?:\\.|[^"\\])*"|//[^\n]*'
                        text = re.sub(pattern,
                                      lambda m: m.group(0) if m.group(0)[0] == '"' else '',
                                      jar.read(entry).decode())
                        schema = json.loads(text)
                        _schemas[schema['name']] = schema
    return _schemas[name]


def in_versions(text, version):
    if text == 'none':
        return False
    low, _, high = text.partition('-')
    if low.endswith('+'):
        return version >= int(low[:-1])
    return int(low) <= version <= int(high or low)


def default_of(field, version, structs):
    kind, text = field['type'], field.get('default')
    if text == 'null':
        return None
    if kind.startswith('[]'):
        return []
    if kind in ('string', 'bytes', 'records'):
        return text or ''
    if kind == 'bool':
        return str(text).lower() == 'true'
    if kind == 'uuid':
        return NO_UUID
    if kind == 'float64':
        return float(text or 0)
    if re.fullmatch(r'u?int\d+', kind):
        return int(str(text or 0), 0)
    return complete(field.get('fields') or structs[kind], {}, version, structs)


def complete(fields, body, version, structs):
    """`body` with all fields of this version, and no others."""
    whole = {}
    for field in fields:
        if not in_versions(field['versions'], version):
            continue
        name = field['name'][0].lower() + field['name'][1:]
        if name not in body:
            if 'tag' not in field or not in_versions(field['taggedVersions'], version):
                whole[name] = default_of(field, version, structs)
            continue
        value, kind = body[name], field['type'].removeprefix('[]')
        parts = field.get('fields') or structs.get(kind)
        if parts and value is not None:
            if field['type'].startswith('[]'):
                value = [complete(parts, one, version, structs) for one in value]
            else:
                value = complete(parts, value, version, structs)
        whole[name] = value
    return whole


def request(api, version, body):
    schema = schema_of(api + 'Request')
    structs = {one['name']: one['fields'] for one in schema.get('commonStructs', [])}
    return complete(schema['fields'], body, version, structs)


def versions_of(api):
    """All stable versions."""
    low, _, high = schema_of(api + 'Request')['validVersions'].partition('-')
    last = int(high or low)
    if schema_of(api + 'Request').get('latestVersionUnstable'):
        last -= 1
    return range(int(low), last + 1)


class Asker:
    """Asks one node; `answers` is all that must be the same for another."""

    def __init__(self, node):
        self.bootstrap = node.bootstrap
        self.answers = []
        self.topics = {}  # The names of ids.
        self.deadline = None  # When a script has taken too long.
        self.process = subprocess.Popen(
            [java_home_binary(), *TOOL_FLAGS, '-cp', f'{fetch_jars()}/*',
             str(ROOT / 'tests/interop/java/Ask.java'), node.bootstrap],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)

    def close(self):
        self.process.stdin.close()
        self.process.wait(30)

    def _exchange(self, line):
        if self.deadline is not None and time.monotonic() > self.deadline:
            raise TimeoutError('the script takes too long')
        self.process.stdin.write(json.dumps(line) + '\n')
        self.process.stdin.flush()
        text = self.process.stdout.readline()
        if not text:
            raise Failed('the program that asks has ended')
        answer = json.loads(text)
        if 'cannot' in answer:
            raise Failed(f'{line}: {answer["cannot"]}')
        return answer

    def _line(self, how, on, api, version, body, client):
        line = {how: on, 'api': api, 'version': version, 'body': request(api, version, body)}
        if client:
            line['client'] = client
        return line

    def quiet(self, api, version, on='a', client=None, **body):
        """An answer that is not compared."""
        return self._exchange(self._line('on', on, api, version, body, client))

    def __call__(self, api, version, on='a', client=None, **body):
        answer = self.quiet(api, version, on, client, **body)
        self.answers.append((f'{api} v{version}', answer))
        return answer

    def until(self, api, version, on='a', client=None, **body):
        """Asks again while the answer holds an error that passes by itself."""
        deadline = time.monotonic() + 30
        while True:
            answer = self.quiet(api, version, on, client, **body)
            if not (errors_of(answer) & TRANSIENT) or time.monotonic() > deadline:
                self.answers.append((f'{api} v{version}', answer))
                return answer
            time.sleep(0.02)

    def send(self, api, version, on='a', client=None, **body):
        """Does not wait for the answer; receive(on) does."""
        self._exchange(self._line('send', on, api, version, body, client))
        self.answers.append((f'{api} v{version} sent', {}))

    def receive(self, on='a'):
        answer = self._exchange({'receive': on})
        self.answers.append(('received', answer))
        return answer


def errors_of(answer):
    """All error codes in an answer."""
    if isinstance(answer, dict):
        own = {value for key, value in answer.items() if key.lower().endswith('errorcode')}
        return own.union(*(errors_of(value) for value in answer.values()))
    if isinstance(answer, list):
        return set().union(*(errors_of(value) for value in answer))
    return set()


def is_made_up(name):
    """Not by a script: those are short."""
    return isinstance(name, int) and name != -1 or (
        isinstance(name, str) and len(name) > 8 and name != NO_UUID)


def normal(transcript, topics):
    """A transcript without what may differ; `topics` are known ids with their names."""
    names = {one: f'<topicId of {name}>' for one, name in topics.items()}

    def collect(value):
        if isinstance(value, dict):
            for key, one in value.items():
                if IDS.search(key) and is_made_up(one):
                    names.setdefault(one, f'<{key} {len(names)}>')
                collect(one)
        elif isinstance(value, list):
            for one in value:
                collect(one)

    def replace(value, key=''):
        if isinstance(value, dict):
            return {k: replace(v, k) for k, v in value.items() if k not in IGNORED}
        if isinstance(value, list):
            parts = [replace(one, key) for one in value]
            return sorted(parts, key=json.dumps) if key in UNORDERED else parts
        if TIMES.search(key) and isinstance(value, int) and value > 1_000_000_000_000:
            return '<time>'
        if key == 'key' and isinstance(value, str):
            return ':'.join(names.get(one, one) for one in value.split(':'))
        if isinstance(value, str) or IDS.search(key):
            return names.get(value, value)
        return value

    collect([answer for _, answer in transcript])
    return [(what, replace(answer)) for what, answer in transcript]


# Lists whose order Kafka does not promise (a Java map's).
UNORDERED = {'topics', 'groups', 'members', 'partitions', 'responses', 'results',
             'transactionStates', 'topicResults', 'configs', 'resources', 'entries', 'features',
             'supportedFeatures', 'finalizedFeatures', 'brokers', 'configResources',
             'subscribedTopicNames', 'topicPartitions', 'resultsByTopicV3AndBelow', 'entity',
             'resultsByPartition', 'partitionResponses'}
