# SPDX-License-Identifier: Apache-2.0
"""Garbage, strangers and greed on the Kafka port: the right end, and nobody else notices."""

import os
import random
import resource
import struct
import time

from ..harness import Failed, Skip, case, equal, kcat, run_tool
from ..harness import raw

MIB = 1024


def still_serves(node):
    """A good client gets its answer, and soon."""
    began = time.monotonic()
    with raw.connect(node) as connection:
        connection.sendall(raw.API_VERSIONS)
        answer = raw.receive_frame(connection)
        equal(answer[:4], struct.pack('>i', 7), 'correlation id')
    took = time.monotonic() - began
    if took > 5:
        raise Failed(f'an ApiVersions request took {took:.1f} s')


def must_close(node, data, what):
    with raw.connect(node) as connection:
        connection.sendall(data)
        equal(raw.is_closed(connection), True, f'the connection is closed after {what}')
    still_serves(node)


@case(smoke=True)
def strangers(node):
    """Other protocols and broken frames: the connection is closed, the node serves on."""
    hello = bytes.fromhex('16030100b5010000b10303') + bytes(170)
    must_close(node, hello, 'a TLS hello')
    must_close(node, b'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 'an HTTP request')
    must_close(node, struct.pack('>i', -1), 'a negative length')
    must_close(node, struct.pack('>i', 2147483647) + b'x' * 8, 'a length of 2 GiB')
    must_close(node, struct.pack('>i', 4) + b'abcd', 'a frame shorter than its header')
    must_close(node, raw.request(9999, 0), 'an unknown API')
    must_close(node, raw.request(3, 999), 'an unknown version')
    must_close(node, raw.request(0, 2), 'a version of Produce that is no more')
    must_close(node, raw.request(3, 1, struct.pack('>i', 2147483647)), 'an array of 2^31 - 1')
    must_close(node, raw.request(3, 1, struct.pack('>i', 3)), 'an array without its elements')


@case(smoke=True)
def unknown_version_of_api_versions(node):
    """ApiVersions in a version of the future is answered in version 0 with error 35."""
    with raw.connect(node) as connection:
        connection.sendall(raw.request(18, 99, b'\0'))  # no tagged fields in the header
        answer = raw.receive_frame(connection)
        equal(struct.unpack('>h', answer[4:6])[0], 35, 'UNSUPPORTED_VERSION')
    still_serves(node)


@case
def random_bytes(node):
    """Random frames with believable headers, fixed seed: nothing but answers and closed ends."""
    numbers = random.Random(20260101)
    for _ in range(400):
        with raw.connect(node) as connection:
            body = numbers.randbytes(numbers.randrange(0, 200))
            key, version = numbers.randrange(0, 93), numbers.randrange(0, 14)
            connection.sendall(raw.request(key, version, body))
            connection.shutdown(1)
            raw.is_closed(connection, 30)
    still_serves(node)


@case
def half_frames(node):
    """Peers that stop in the middle of a frame cost little and block nobody."""
    halves = []
    try:
        for _ in range(50):
            connection = raw.connect(node)
            connection.sendall(raw.request(3, 1, struct.pack('>i', 0))[:9])
            halves.append(connection)
        still_serves(node)
    finally:
        for connection in halves:
            connection.close()
    still_serves(node)


@case(smoke=True)
def declared_frames_cost_nothing(node):
    """32 connections declare frames of 100 MiB and send 8 bytes: no memory, no stop."""
    if node.kind == 'apache':
        raise Skip('Apache Kafka 4.3.1 answers nobody after this')
    before = node.resident_kib()
    greedy = []
    try:
        for _ in range(32):
            connection = raw.connect(node)
            connection.sendall(struct.pack('>i', 100 * 1024 * 1024) + bytes(8))
            greedy.append(connection)
        still_serves(node)
        grown = node.resident_kib() - before
        if grown > 32 * MIB:
            raise Failed(f'resident memory grew by {grown // MIB} MiB')
    finally:
        for connection in greedy:
            connection.close()
    still_serves(node)


@case
def readers_that_do_not_read(node):
    """100 connections ask for 50 MiB each and read nothing: bounded memory."""
    run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 'big')
    text = '\n'.join(f'{i} ' + 'x' * 1000 for i in range(60000))
    kcat('-P', '-b', node.bootstrap, '-t', 'big', '-p', '0', stdin=text + '\n', timeout=120)
    before = node.resident_kib()
    lazy = []
    try:
        for _ in range(100):
            connection = raw.connect(node)
            connection.sendall(raw.fetch('big', 0, 0, 50 * 1024 * 1024) * 4)
            lazy.append(connection)
        still_serves(node)
        out = kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', 'big', '-p', '0', timeout=120).out
        equal(out.count('\n'), 60000, 'records a good consumer reads meanwhile')
        grown = node.resident_kib() - before
        if node.kind == 'moldau' and grown > 64 * MIB:
            raise Failed(f'resident memory grew by {grown // MIB} MiB')
    finally:
        for connection in lazy:
            connection.close()
    still_serves(node)


@case
def many_connections(node):
    """1,000 idle connections: little memory each, and the next one is served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 1200:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    before = node.resident_kib()
    idle = []
    try:
        for _ in range(1000):
            connection = raw.connect(node)
            connection.sendall(raw.API_VERSIONS)
            idle.append(connection)
        for connection in idle:
            raw.receive_frame(connection)
        still_serves(node)
        grown = node.resident_kib() - before
        print(f'    {grown * 1024 // 1000} bytes of resident memory per idle connection')
        if node.kind == 'moldau' and grown > 20 * 1000:
            raise Failed(f'{grown} KiB for 1,000 idle connections')
    finally:
        for connection in idle:
            connection.close()
    still_serves(node)
    equal(os.path.isdir(f'/proc/{node.process.pid}'), True)
