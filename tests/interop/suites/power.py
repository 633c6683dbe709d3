# SPDX-License-Identifier: Apache-2.0
"""Power cuts under load: what a topic with flush.messages=1 acknowledged is there afterwards.

The node's directory is an ext4 on a loop device. A cut is the file system's own emergency stop
without flushing its journal (the ioctl that file system tests use): from that moment nothing
reaches the device, and what was not synced is gone. Then the node is killed, the file system is
mounted again, which replays its journal, and the node is started. A device that forgets what it
said was flushed is the simulator's business, not this suite's.

Needs root and loop devices. MOLDAU_POWER_CUTS and MOLDAU_POWER_SEED choose how often and when.
"""

import fcntl
import os
import random
import struct
import time

from ..harness import Failed, Skip, case, equal, kcat, new_folder, run, run_tool
from ..harness.node import Node
from .crash import PARTITIONS, Producer, check_files, finish_all

DISK_MIB = 1024
SHUTDOWN = 0x8004587d  # EXT4_IOC_SHUTDOWN, XFS_IOC_GOINGDOWN: _IOR('X', 125, __u32)
WITHOUT_JOURNAL = 2    # ..._NOLOGFLUSH
EVERY = 5              # cuts between two new topics


class Disk:
    """An ext4 in a file that can lose its power."""

    def __init__(self):
        if os.geteuid() != 0:
            raise Skip('mounting needs root')
        folder = new_folder('power')
        self.image, self.mount = folder / 'image', folder / 'mount'
        self.mount.mkdir()
        self.image.write_bytes(b'')
        os.truncate(self.image, DISK_MIB << 20)
        if run(['mkfs.ext4', '-q', '-F', '-m', '0', self.image], ok=False).code != 0:
            raise Skip('no mkfs.ext4 here')
        self.power_on(skip=True)

    def power_on(self, skip=False):
        output = run(['mount', '-o', 'loop', self.image, self.mount], ok=False)
        if output.code != 0:
            raise (Skip if skip else Failed)(f'no mount through a loop device: {output.err}')

    def cut(self):
        folder = os.open(self.mount, os.O_RDONLY)
        try:
            fcntl.ioctl(folder, SHUTDOWN, struct.pack('I', WITHOUT_JOURNAL))
        except OSError as error:
            raise Skip(f'the file system cannot be stopped: {error}') from error
        finally:
            os.close(folder)

    def power_off(self):
        """After the last process has let go of it."""
        run(['umount', self.mount])

    def remove(self, keep):
        """`keep`: the image is evidence."""
        run(['umount', '-l', self.mount], ok=False)
        if not keep:
            self.image.unlink()


def topics_tool(node, *arguments):
    return run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, *arguments).out


def create(node, topic, *options):
    topics_tool(node, '--create', '--topic', topic, '--partitions', PARTITIONS, '--config',
                'segment.bytes=1048576', *options)


def cut_and_return(node, disk, moments):
    """One power cut. Every thread has stopped before it: whoever still runs may be told that an
    fsync went well whose journal was thrown away, which no real cut lets anybody hear."""
    time.sleep(moments.uniform(0, 0.5))  # the moment of the cut, no wait
    node.process.freeze()
    disk.cut()
    node.kill()
    disk.power_off()
    disk.power_on()
    node.start()


@case
def cut_under_load(context):
    cuts = int(os.environ.get('MOLDAU_POWER_CUTS', '3' if context.kind == 'apache' else '10'))
    seed = int(os.environ.get('MOLDAU_POWER_SEED', '1'))
    moments = random.Random(seed)
    disk = Disk()
    node = Node(context.kind, 'power', metadata_log_max_record_bytes_between_snapshots='2000')
    node.log_dirs = [disk.mount / 'logs']
    node.properties['log.dirs'] = str(disk.mount / 'logs')
    done = False
    try:
        node.format()
        node.start()
        lose_power_often(node, disk, moments, cuts, seed)
        done = True
    finally:
        if node.process and node.process.running():
            node.kill()
        disk.remove(keep=not done)


def lose_power_often(node, disk, moments, cuts, seed):
    create(node, 'strict', '--config', 'flush.messages=1')
    create(node, 'plain', '--config', 'flush.messages=1')
    made = ['strict', 'plain']
    folder = new_folder('power-acks')
    producers = [Producer(node, 'strict', 'idempotent', folder),
                 Producer(node, 'plain', 'plain', folder)]
    problems, swept = [], 0
    try:
        for number in range(cuts):
            if number % EVERY == 0:
                create(node, f'made-{number}')
                made.append(f'made-{number}')
            kcat('-P', '-b', node.bootstrap, '-t', made[-1], '-p', '0', '-X', 'acks=all',
                 stdin='one\n')
            for one in producers:
                one.wait_for_news()
            cut_and_return(node, disk, moments)
            # The page cache keeps no promise; that it was lost shows that the power was.
            swept += number % EVERY == 0 and f'{made[-1]}:0:0' in run_tool(
                'kafka-get-offsets', '--bootstrap-server', node.bootstrap, '--topic',
                made[-1]).out.split()
    except Failed as error:
        problems.append(f'cut {number}: {error}')
    finally:
        problems += finish_all(producers)
    if problems:
        raise Failed(f'seed {seed}: ' + '; '.join(problems))
    equal(sorted(topics_tool(node, '--list', '--exclude-internal').split()), sorted(made),
          f'topics after {cuts} cuts, seed {seed}')
    for one in producers:
        print(f'    {one.words[-1]}: {one.verify()} after {cuts} cuts, seed {seed}', flush=True)
    if not swept:
        raise Failed('no unsynced record was ever lost: these were no power cuts')
    print(f'    {swept} of {len(made) - 2} times the page cache was lost', flush=True)
    node.stop()
    for topic in ('strict', 'plain'):
        check_files(node, topic)
