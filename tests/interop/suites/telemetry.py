# SPDX-License-Identifier: Apache-2.0
"""Client metrics (KIP-714): subscriptions of kafka-client-metrics, pushes of the Java clients."""

import re
import struct
import time
import urllib.request
import zlib

from ..harness import Failed, Skip, case, equal, raw, run_tool, within
from ..harness.node import start_node
from ..harness.places import free_ports

GET, PUSH = 71, 72
NO_ERROR, INVALID_REQUEST, UNSUPPORTED_CODEC, INVALID_RECORD = 0, 42, 76, 87
THROTTLED, UNKNOWN_SUBSCRIPTION, TOO_LARGE = 89, 117, 118


def start(context, **properties):
    if context.kind == 'apache':
        raise Skip('Apache Kafka has no receiver of client metrics of its own')
    port, = free_ports(1)
    node = start_node(context.kind, 'telemetry', moldau_http_address=f'127.0.0.1:{port}',
                      **properties)
    node.http = f'http://127.0.0.1:{port}'
    return node


def metrics(node):
    with urllib.request.urlopen(node.http + '/metrics', timeout=10) as answer:
        return answer.read().decode()


def client_metrics(node, *arguments):
    return run_tool('kafka-client-metrics', '--bootstrap-server', node.bootstrap, *arguments).out


def unsigned(value):
    out = b''
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


class Client:
    """Speaks the two APIs by hand."""

    def __init__(self, node):
        self.connection = raw.connect(node)
        self.id = bytes(16)
        self.subscription = 0
        self.interval_ms = 0
        self.requested = []

    def call(self, key, body):
        payload = struct.pack('>hhi', key, 0, 7) + raw.string('by-hand') + b'\0' + body + b'\0'
        self.connection.sendall(struct.pack('>i', len(payload)) + payload)
        return raw.receive_frame(self.connection)[5:]

    def get(self):
        answer = self.call(GET, self.id)
        _, error = struct.unpack_from('>ih', answer)
        if error:
            return error
        self.id = answer[6:22]
        self.subscription, = struct.unpack_from('>i', answer, 22)
        equal(answer[26:31], bytes([5, 4, 3, 1, 2]), 'codecs: zstd, lz4, gzip, snappy')
        self.interval_ms, self.bytes_max, delta, count = struct.unpack_from('>ii?B', answer, 31)
        equal(delta, True)
        at = 41
        self.requested = []
        for _ in range(count - 1):
            size = answer[at] - 1
            self.requested.append(answer[at + 1:at + 1 + size].decode())
            at += 1 + size
        return 0

    def push(self, data, codec=0, subscription=None, last=False, client_id=None):
        body = (client_id or self.id) + struct.pack(
            '>i?b', self.subscription if subscription is None else subscription, last, codec)
        answer = self.call(PUSH, body + unsigned(len(data) + 1) + data)
        return struct.unpack_from('>ih', answer)[1]


def field(number, data):
    return unsigned(number << 3 | 2) + unsigned(len(data)) + data


def gauge(name, value, **attributes):
    """An OTLP message with one gauge of one point."""
    point = unsigned(4 << 3 | 1) + struct.pack('<d', value)
    for key, text in attributes.items():
        point += field(7, field(1, key.encode()) + field(2, field(1, text.encode())))
    return field(1, field(2, field(2, field(1, name.encode()) + field(5, field(1, point)))))


@case
def java_clients_push(context):
    """A producer and a consumer of 4.3.1 as they are; their metrics are at /metrics, then gone."""
    node = start(context)
    client_metrics(node, '--alter', '--name', 'all', '--metrics', '*', '--interval', '500')
    described = client_metrics(node, '--describe', '--name', 'all')
    within(described, 'interval.ms=500')
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 'told')
    seen = set()
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor() as pool:
        work = pool.submit(run_tool, 'kafka-producer-perf-test', '--topic', 'told',
                           '--num-records', '5000', '--record-size', '100', '--throughput', '1000',
                           '--producer-props', f'bootstrap.servers={node.bootstrap}',
                           'client.id=teller')
        while not work.done():
            seen |= set(re.findall(r'^(kafka_client_telemetry_\w+)\{.*client_id="teller"',
                                   metrics(node), re.M))
            time.sleep(0.2)
        work.result()
    equal(len(seen) > 10, True, f'metrics seen: {sorted(seen)}')
    within('\n'.join(sorted(seen)), 'org_apache_kafka_producer_connection_creation')
    # Its last push says that it ends.
    equal(metrics(node).count('client_id="teller"'), 0, 'series of who has gone')
    client_metrics(node, '--delete', '--name', 'all')
    node.stop()


@case
def rules_of_a_push(context):
    """Ids, intervals, sizes, codecs, damage: each has its error, and nothing else happens."""
    node = start(context, telemetry_max_bytes=1000)
    client_metrics(node, '--alter', '--name', 'some', '--metrics', 'org.me.,other', '--interval',
                   '100', '--match', 'client_id=by-.*')
    client = Client(node)
    equal(client.get(), NO_ERROR)
    equal((client.interval_ms, client.bytes_max), (100, 1000))
    equal(sorted(client.requested), ['org.me.', 'other'])
    equal(client.get(), THROTTLED, 'asked twice at once')
    equal(client.push(b'', subscription=client.subscription + 1), UNKNOWN_SUBSCRIPTION)
    equal(client.get(), NO_ERROR, 'it may ask again after that')
    time.sleep(0.15)
    equal(client.push(gauge('org.me.a', 4.5, where='here')), NO_ERROR)
    within(metrics(node), 'client_id="by-hand",where="here"} 4.5')
    equal(client.push(b''), THROTTLED)
    for data, codec, error in (
            (bytes(1001), 0, TOO_LARGE), (b'x', 9, UNSUPPORTED_CODEC), (b'\xff' * 20, 0,
                                                                       INVALID_RECORD),
            (b'no gzip', 1, INVALID_RECORD), (gzip(bytes(900_000)), 1, INVALID_RECORD),
            (gzip(gauge('other.b', 1)), 1, NO_ERROR), (gauge('not.asked', 1), 0, NO_ERROR)):
        time.sleep(0.15)
        equal(client.push(data, codec), error, f'{data[:10]} {codec}')
    text = metrics(node)
    within(text, 'kafka_client_telemetry_other_b{')
    equal(text.count('not_asked'), 0, 'what was not asked for')
    equal(client.push(b'', client_id=bytes(16)), INVALID_REQUEST, 'the zero id')
    equal(client.push(b'', last=True), NO_ERROR, 'the last one may come at any time')
    equal(client.push(b''), INVALID_REQUEST, 'after the last')
    equal(metrics(node).count('by-hand'), 0)
    node.stop()


def gzip(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


@case
def subscriptions_are_checked(context):
    """As Apache: interval, selectors, names of configs."""
    node = context.node
    for arguments, why in ((['--interval', '50'], 'interval must be between 100 and 3600000'),
                           (['--match', 'nobody=x'], 'Illegal client matching pattern'),
                           (['--match', 'client_id=(('], 'Illegal client matching pattern')):
        refused = run_tool('kafka-client-metrics', '--bootstrap-server', node.bootstrap, '--alter',
                           '--name', 'bad', *arguments, ok=False)
        within(refused.out + refused.err, why)
    if 'bad' in client_metrics(node, '--list').split():
        raise Failed('a refused subscription is there')
