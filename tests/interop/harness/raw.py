# SPDX-License-Identifier: Apache-2.0
"""Bytes on a socket: what no well-behaved client would send."""

import socket
import struct


def connect(node, timeout=10):
    return socket.create_connection(('127.0.0.1', node.port), timeout=timeout)


def string(text):
    return struct.pack('>h', len(text)) + text.encode()


def request(api_key, version, body=b'', correlation=7, client='raw'):
    """A frame with request header 1."""
    payload = struct.pack('>hhi', api_key, version, correlation) + string(client) + body
    return struct.pack('>i', len(payload)) + payload


def fetch(topic, partition, offset, max_bytes):
    """Fetch version 4 of one partition, waiting for nothing."""
    body = struct.pack('>iiiib', -1, 0, 1, max_bytes, 0)
    body += struct.pack('>i', 1) + string(topic)
    body += struct.pack('>iiqi', 1, partition, offset, max_bytes)
    return request(1, 4, body)


API_VERSIONS = request(18, 0)


def receive_exactly(connection, size):
    data = b''
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError(f'closed after {len(data)} of {size} bytes')
        data += more
    return data


def receive_frame(connection):
    size, = struct.unpack('>i', receive_exactly(connection, 4))
    return receive_exactly(connection, size)


def is_closed(connection, timeout=15):
    """True if the peer closes, whatever it says before."""
    connection.settimeout(timeout)
    try:
        while connection.recv(65536):
            pass
        return True
    except TimeoutError:
        return False
    except OSError:
        return True
