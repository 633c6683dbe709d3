# SPDX-License-Identifier: Apache-2.0
"""What ApiVersions advertises: ours beside a fresh Apache Kafka 4.3.1, on both listeners."""

import struct

from ..harness import Failed, case, equal, raw
from ..harness.node import start_apache

# What differs and will stay so: (listener, key) -> reason.
DIFFERENT = {
    ('broker', 71): 'client metrics are shown at /metrics, without a plugin to be configured',
    ('broker', 72): 'client metrics are shown at /metrics, without a plugin to be configured',
}
# What Apache serves and we do not yet: taken out once it is served.
CLUSTER = 'it works between several nodes, which are not built yet'
GROUPS = 'these groups are being built'
NOT_YET = {
    'broker': {80: CLUSTER, 81: CLUSTER,
               **{key: GROUPS for key in (68, 69, *range(76, 80), *range(83, 93))}},
    'controller': {1: CLUSTER,
                   **{key: CLUSTER for key in (52, 53, 54, 56, 58, 59, 62, 63, 67, 70, 73, 80, 81,
                                               82)}},
}


def api_versions(port):
    """{key: (lowest, highest)} as version 0 tells it."""
    connection = raw.socket.create_connection(('127.0.0.1', port), timeout=10)
    with connection:
        connection.sendall(raw.API_VERSIONS)
        frame = raw.receive_frame(connection)
    error, count = struct.unpack_from('>hi', frame, 4)
    equal(error, 0, 'error code')
    rows = [struct.unpack_from('>hhh', frame, 10 + 6 * i) for i in range(count)]
    return {key: (low, high) for key, low, high in rows}


@case
def advertised_as_apache_does(context):
    """Each API with Apache's range; every difference is one that is written down."""
    node = context.node
    apache = start_apache('apis') if context.kind != 'apache' else node
    findings = []
    for listener in ('broker', 'controller'):
        port = 'port' if listener == 'broker' else 'controller_port'
        ours, theirs = (api_versions(getattr(one, port)) for one in (node, apache))
        for key in sorted(ours.keys() | theirs.keys()):
            same = ours.get(key) == theirs.get(key)
            told = (listener, key) in DIFFERENT
            waits = key in NOT_YET[listener] and key not in ours
            if not same and not told and not waits:
                findings.append(f'{listener} {key}: {ours.get(key)}, Apache {theirs.get(key)}')
            if same and told and context.kind != 'apache':
                findings.append(f'{listener} {key} does not differ any more')
    if apache is not node:
        apache.stop()
    if findings:
        raise Failed('\n'.join(findings))
