# SPDX-License-Identifier: Apache-2.0
"""A full disk and a small memory: clear refusals, nothing lost, and it heals by itself.

Needs root, to mount a small filesystem and to make a control group.
"""

import contextlib
import json
import os
import subprocess
import time
from pathlib import Path

from ..harness import Failed, Skip, case, equal, kcat, new_folder, run, run_tool
from ..harness.node import Node

DISK_MIB = 64
MEMORY_MIB = 128


@contextlib.contextmanager
def small_disk():
    """An ext4 of 64 MiB in a file; a tmpfs where loop devices are not to be had."""
    if os.geteuid() != 0:
        raise Skip('mounting needs root')
    folder = new_folder('disk')
    image, mount = folder / 'image', folder / 'mount'
    mount.mkdir()
    image.write_bytes(b'')
    os.truncate(image, DISK_MIB << 20)
    ways = [f'mkfs.ext4 -q -F -m 0 {image} && mount -o loop {image} {mount}',
            f'mount -t tmpfs -o size={DISK_MIB}m none {mount}']
    for way in ways:
        if run(['bash', '-c', way], ok=False).code == 0:
            break
    else:
        raise Skip('no filesystem can be mounted here')
    try:
        yield mount
    finally:
        run(['umount', '-l', mount], ok=False)


def produce(node, topic, count, size=1000, timeout_ms=4000):
    """True if all of it was acknowledged; the error of the client otherwise."""
    text = '\n'.join('x' * size for _ in range(count)) + '\n'
    output = kcat('-P', '-b', node.bootstrap, '-t', topic, '-p', '0', '-X',
                  f'message.timeout.ms={timeout_ms}', '-X', 'acks=all', stdin=text, ok=False,
                  timeout=60)
    return output.code == 0, output.err


def count_records(node, topic):
    return kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', topic, '-p', '0', timeout=60
                ).out.count('\n')


def end_offset(node, topic):
    out = run_tool('kafka-get-offsets', '--bootstrap-server', node.bootstrap, '--topic', topic).out
    return int(out.strip().rsplit(':', 1)[1])


@case
def full_disk(context):
    """Appends are refused with a retriable error, reads go on, freed space heals it."""
    if context.kind == 'apache':
        raise Skip('Apache Kafka ends when its only directory is full')
    with small_disk() as mount:
        node = Node(context.kind, 'full')
        node.log_dirs = [mount / 'logs']
        node.properties['log.dirs'] = str(mount / 'logs')
        node.properties['log.retention.check.interval.ms'] = '1000'
        node.properties['log.segment.delete.delay.ms'] = '0'
        node.format()
        node.start()
        for topic in ('first', 'second'):
            run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic',
                     topic, '--config', 'segment.bytes=4194304')
        taken = 0
        while taken < 2 * DISK_MIB:
            done, error = produce(node, 'first', 1000)
            if not done:
                break
            taken += 1
        else:
            raise Failed('more than the disk holds was acknowledged')
        equal('storage' in error.lower() or 'timed out' in error.lower(), True, error[-500:])
        equal(node.process.running(), True, 'the node is alive')
        stored = end_offset(node, 'first')
        equal(stored >= taken * 1000, True, f'{stored} stored, {taken * 1000} acknowledged')
        equal(count_records(node, 'first'), stored, 'reads go on')
        free_space(node, stored - 500)
        deadline = time.monotonic() + 60
        while not produce(node, 'second', 10)[0]:
            if time.monotonic() > deadline:
                raise Failed('it did not heal after space was freed:\n' + node.process.tail())
        equal(count_records(node, 'second') >= 10, True)
        node.stop()
        node.start()
        equal(count_records(node, 'first'), 500, 'after a restart')
        node.stop()


def free_space(node, offset):
    wanted = node.folder / 'delete.json'
    wanted.write_text(json.dumps({'version': 1, 'partitions': [
        {'topic': 'first', 'partition': 0, 'offset': offset}]}), encoding='utf-8')
    run_tool('kafka-delete-records', '--bootstrap-server', node.bootstrap, '--offset-json-file',
             str(wanted))


@contextlib.contextmanager
def small_memory(pid):
    """A control group of 128 MiB around a process (version 1 or 2)."""
    for base, limit in ((Path('/sys/fs/cgroup/memory'), 'memory.limit_in_bytes'),
                        (Path('/sys/fs/cgroup'), 'memory.max')):
        group = base / f'moldau-{pid}'
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            break
        group.rmdir()
    else:
        raise Skip('no control group for memory can be made here')
    try:
        (group / limit).write_text(str(MEMORY_MIB << 20), encoding='ascii')
        (group / 'cgroup.procs').write_text(str(pid), encoding='ascii')
        yield group
    finally:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                group.rmdir()
                break
            time.sleep(0.05)


@case
def small_memory_thousand_partitions(context):
    """1,000 partitions, 128 MiB: writes, reads and restarts."""
    if context.kind == 'apache':
        raise Skip('a JVM node does not start in 128 MiB')
    node = Node(context.kind, 'small')
    node.format()
    node.start()
    try:
        with small_memory(node.process.pid):
            run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic',
                     'wide', '--partitions', '1000')
            for _ in range(3):
                text = '\n'.join(f'{i}:' + 'y' * 800 for i in range(30000)) + '\n'
                kcat('-P', '-b', node.bootstrap, '-t', 'wide', '-K', ':', stdin=text, timeout=120)
            equal(node.process.running(), True, 'the node is alive')
            out = kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', 'wide', timeout=120).out
            equal(out.count('\n'), 90000)
            print(f'    {node.resident_kib() // 1024} MiB resident with 1,000 partitions')
            node.stop()
    except subprocess.SubprocessError as error:
        raise Failed(str(error)) from error
    node.start()
    out = kcat('-C', '-e', '-q', '-b', node.bootstrap, '-t', 'wide', timeout=120).out
    equal(out.count('\n'), 90000, 'after a restart')
    node.stop()
