# SPDX-License-Identifier: Apache-2.0
"""Starts and stops: how long a start may take, and what a stop tells the controller."""

from ..harness import case, equal, run_tool
from ..harness.node import Node, start_node


@case
def a_start_that_takes_too_long_ends(context):
    node = Node(context.kind, 'late', server_max_startup_time_ms=1)
    node.format()
    node.launch()
    try:
        code = node.process.wait(60)
        equal(code not in (0, None), True, f'exit code {code}')
    finally:
        node.kill()
    # What was begun is in nobody's way.
    node.properties['server.max.startup.time.ms'] = '60000'
    node.start()
    node.stop()


def metadata_records(node):
    log = node.log_dirs[0] / '__cluster_metadata-0' / '00000000000000000000.log'
    return run_tool('kafka-dump-log', '--cluster-metadata-decoder', '--files', str(log)).out


def stopped(kind, enabled):
    node = start_node(kind, 'controlled', controlled_shutdown_enable=enabled)
    try:
        # A broker that leads nothing is let go at once.
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', 'led')
        node.stop()
        return metadata_records(node)
    finally:
        node.kill()


@case
def a_controlled_shutdown_tells_the_controller(context):
    equal('"inControlledShutdown":1' in stopped(context.kind, 'true'), True, 'enabled')


@case
def without_a_controlled_shutdown_nobody_is_told(context):
    equal('"inControlledShutdown":1' in stopped(context.kind, 'false'), False, 'disabled')
