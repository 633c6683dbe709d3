# SPDX-License-Identifier: Apache-2.0
"""What /metrics tells of coordinators after groups, share groups and transactions were at work."""

import re
import time
import urllib.request

from ..harness import Skip, case, equal, kcat, run_tool
from ..harness.node import start_node
from ..harness.places import free_ports

RECORDS = 100
GROUP = 'kafka_server_group_coordinator_metrics_'
SHARE = 'kafka_server_share_coordinator_metrics_'
SHARE_GROUPS = 'kafka_server_sharegroupmetrics_'
TRANSACTION = 'kafka_server_transaction_coordinator_metrics_'
MARKERS = 'kafka_coordinator_transaction_transactionmarkerchannelmanager_'
VERIFICATION = 'kafka_server_addpartitionstotxnmanager_'


def metrics(address):
    """Name with labels → value."""
    with urllib.request.urlopen(f'http://{address}/metrics', timeout=10) as answer:
        text = answer.read().decode()
    return {name: float(value)
            for name, value in re.findall(r'^([^#\s]+) (\S+)$', text, re.M)}


def require(condition, what, found):
    equal((what, condition), (what, True), f'{what} in {found}')


@case(smoke=False)
def tell_of_coordinators(context):
    """Loads, writes of share state, acknowledgements and verifications are counted."""
    if context.kind == 'apache':
        raise Skip('Apache Kafka shows its metrics over JMX')
    port, = free_ports(1)
    address = f'127.0.0.1:{port}'
    node = start_node(context.kind, 'metrics', moldau_http_address=address)
    base = ('--bootstrap-server', node.bootstrap)
    run_tool('kafka-topics', *base, '--create', '--topic', 't', '--partitions', '1')
    run_tool('kafka-configs', *base, '--alter', '--entity-type', 'groups', '--entity-name', 'g',
             '--add-config', 'share.auto.offset.reset=earliest')
    kcat('-P', '-b', node.bootstrap, '-t', 't', '-p', '0',
         stdin='\n'.join(f'v{i}' for i in range(RECORDS)) + '\n')
    run_tool('kafka-console-share-consumer', *base, '--topic', 't', '--group', 'g',
             '--max-messages', str(RECORDS), '--timeout-ms', '40000', timeout=90)
    run_tool('kafka-producer-perf-test', *base, '--topic', 't', '--num-records', '50',
             '--record-size', '10', '--throughput', '-1', '--transactional-id', 'x', timeout=90)
    time.sleep(2)
    found = metrics(address)
    equal(found[SHARE_GROUPS + 'recordacknowledgements_total{acktype="Accept"}'], RECORDS)
    for name in (GROUP + 'num_partitions{state="active"}', SHARE + 'num_partitions{state="active"}',
                 SHARE + 'write_total', SHARE + 'event_purgatory_time_ms_count',
                 SHARE_GROUPS + 'partitionloadtimems_count',
                 SHARE_GROUPS + 'requesttopicpartitionsfetchratio_count',
                 SHARE_GROUPS + 'topicpartitionsacquiretimems_count',
                 TRANSACTION + 'partition_loads_total',
                 VERIFICATION + 'verificationtimems_count'):
        require(found[name] > 0, f'{name} above 0', found[name])
    for sensors in (GROUP, SHARE, TRANSACTION):
        longest, mean = (found[f'{sensors}partition_load_time_{end}'] for end in ('max', 'avg'))
        require(longest >= mean >= 0, f'{sensors} load times', (longest, mean))
    require(found[SHARE + 'write_latency_max'] >= found[SHARE + 'write_latency_avg'] >= 0,
            'latency of writes', found[SHARE + 'write_latency_max'])
    for name in (GROUP + 'num_partitions{state="failed"}', MARKERS + 'unknowndestinationqueuesize'):
        equal(found[name], 0, name)
