# SPDX-License-Identifier: Apache-2.0
"""Every method of the Java Admin: each ends as with Apache Kafka."""

import difflib

from ..harness import ROOT, Failed, case, fetch_jars, run
from ..harness.java import TOOL_FLAGS, java_home_binary
from ..harness.node import start_node

# Telemetry, which Apache Kafka has with a plugin only; voters, which come with the cluster.
DIFFERENT = ('clientInstanceId', 'addRaftVoter', 'removeRaftVoter')


def calls(kind):
    node = start_node(kind, 'methods')
    try:
        out = run([java_home_binary(), *TOOL_FLAGS, '-cp', f'{fetch_jars()}/*',
                   str(ROOT / 'tests/interop/java/AdminMethods.java'), node.bootstrap],
                  timeout=400).out
    finally:
        node.process.kill()
    return [line for line in out.splitlines() if not line.startswith(DIFFERENT)]


@case()
def each_ends_as_with_apache(context):
    theirs, ours = calls('apache'), calls(context.kind)
    print(f'    {len(theirs)} calls', flush=True)
    if theirs != ours:
        raise Failed('\n'.join(difflib.unified_diff(theirs, ours, 'apache', 'target', n=0,
                                                    lineterm='')))
