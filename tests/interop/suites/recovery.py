# SPDX-License-Identifier: Apache-2.0
"""Directories that Apache Kafka left behind after a kill, then damaged in the ways that crashes
damage them: Apache Kafka and the target open a copy each and give the same answers, byte for byte.

MOLDAU_RECOVERY_SEED chooses the bytes that are broken.
"""

import hashlib
import os
import random
import shutil
import struct
import time

from ..harness import Failed, Node, case, equal, python_with, raw, run, run_tool

FILL = __file__.rsplit('/', 2)[0] + '/python/recovery_fill.py'
BASE = 1760000000000


def active(folder, suffix='.log'):
    return sorted(folder.glob(f'*{suffix}'))[-1]


def batches(path):
    """(position, size) of each batch of a file, from the headers."""
    data, at, found = path.read_bytes(), 0, []
    while at + 12 <= len(data):
        size = 12 + struct.unpack_from('>i', data, at + 8)[0]
        found.append((at, size))
        at += size
    return found


def cut(path, size):
    with open(path, 'r+b') as file:
        file.truncate(size)


def append(path, data):
    with open(path, 'ab') as file:
        file.write(data)


def overwrite(path, at, data):
    with open(path, 'r+b') as file:
        file.seek(at)
        file.write(data)


def remove(folder, *suffixes):
    for suffix in suffixes:
        for path in folder.glob(f'*{suffix}'):
            path.unlink()


def flip(path, at):
    data = path.read_bytes()
    overwrite(path, at, bytes([data[at] ^ 0x10]))


def flip_in_last_batch(folder, chance):
    at, size = batches(active(folder))[-1]
    flip(active(folder), at + chance.randrange(21, size))


def garble_index(folder, chance, suffix):
    path = active(folder, suffix)
    size = path.stat().st_size // 8 * 8
    overwrite(path, 0, chance.randbytes(min(size, 4096)))


def leave_swap(folder, _):
    """As a compaction that was killed between its two renames."""
    for suffix in ('.log', '.index', '.timeindex', '.txnindex'):
        path = sorted(folder.glob(f'*{suffix}'))[:1]
        if path:
            path[0].rename(f'{path[0]}.swap')


def leave_cleaned_and_deleted(folder, chance):
    first = sorted(folder.glob('*.log'))[0]
    shutil.copy(first, f'{first}.cleaned')
    (folder / '00000000000000000003.log.deleted').write_bytes(chance.randbytes(500))
    (folder / '00000000000000000003.index.deleted').write_bytes(chance.randbytes(16))


def tear_marker(folder, _):
    """The last control batch is gone, so that its transaction is open again."""
    path = active(folder)
    data = path.read_bytes()
    last = [at for at, _ in batches(path) if struct.unpack_from('>h', data, at + 21)[0] & 0x20][-1]
    cut(path, last + 20)


# topic → what a crash did to its directory. Not here: a lost partition.metadata, of which Apache
# makes a stray directory and an empty log, while we believe the name and keep the records.
DAMAGE = {
    'none': lambda folder, chance: None,
    'open': lambda folder, chance: None,
    'torn': lambda folder, chance: cut(active(folder), active(folder).stat().st_size
                                       - chance.randrange(1, 3000)),
    'open-torn': lambda folder, chance: cut(active(folder), active(folder).stat().st_size - 7),
    'torn-header': lambda folder, chance: cut(active(folder), batches(active(folder))[-1][0]
                                              + chance.randrange(1, 60)),
    'torn-marker': tear_marker,
    'zeros': lambda folder, chance: append(active(folder), bytes(4096)),
    'garbage': lambda folder, chance: append(active(folder), chance.randbytes(777)),
    'flipped': flip_in_last_batch,
    'empty': lambda folder, chance: cut(active(folder), 0),
    'no-active': lambda folder, chance: active(folder).unlink(),
    'no-indexes': lambda folder, chance: remove(folder, '.index', '.timeindex', '.txnindex'),
    'no-txnindex': lambda folder, chance: remove(folder, '.txnindex'),
    'bad-index': lambda folder, chance: garble_index(folder, chance, '.index'),
    'bad-timeindex': lambda folder, chance: garble_index(folder, chance, '.timeindex'),
    'odd-index': lambda folder, chance: cut(active(folder, '.index'), 13),
    'no-snapshots': lambda folder, chance: remove(folder, '.snapshot'),
    'torn-snapshot': lambda folder, chance: cut(active(folder, '.snapshot'), 9),
    'bad-snapshot': lambda folder, chance: flip(active(folder, '.snapshot'), 12),
    'no-epochs': lambda folder, chance: remove(folder, 'leader-epoch-checkpoint'),
    'swap': leave_swap,
    'cleaned': leave_cleaned_and_deleted,
}

class Reply:
    def __init__(self, data):
        self.data, self.at = data, 4

    def take(self, form):
        values = struct.unpack_from('>' + form, self.data, self.at)
        self.at += struct.calcsize('>' + form)
        return values if len(values) > 1 else values[0]

    def bytes(self, size):
        self.at += size
        return self.data[self.at - size:self.at]

    def text(self):
        return self.bytes(self.take('h')).decode()


def ask(connection, api_key, version, body):
    connection.sendall(raw.request(api_key, version, body))
    return Reply(raw.receive_frame(connection))


def fetch(connection, topic, offset, isolation):
    """Fetch version 4: (error, high watermark, stable offset, aborted, records)."""
    body = struct.pack('>iiiib', -1, 0, 1, 50 << 20, isolation) + struct.pack('>i', 1)
    body += raw.string(topic) + struct.pack('>iiqi', 1, 0, offset, 50 << 20)
    reply = ask(connection, 1, 4, body)
    reply.take('ii')
    reply.text()
    reply.take('i')
    _, error, high, stable = reply.take('ihqq')
    aborted = sorted(reply.take('qq') for _ in range(max(0, reply.take('i'))))
    return error, high, stable, aborted, reply.bytes(max(0, reply.take('i')))


def next_offset(records, offset):
    at = 0
    while at + 61 <= len(records):
        base, size = struct.unpack_from('>qi', records, at)
        if at + 12 + size > len(records):
            break
        offset = base + struct.unpack_from('>i', records, at + 23)[0] + 1
        at += 12 + size
    return offset


def read_all(connection, topic, isolation, start):
    """All answers from `start` to the end, records as (size, digest)."""
    offset, answers = start, []
    while True:
        error, high, stable, aborted, records = fetch(connection, topic, offset, isolation)
        digest = hashlib.sha256(records).hexdigest()[:16]
        answers.append((offset, error, high, stable, aborted, len(records), digest))
        following = next_offset(records, offset)
        if error or following == offset:
            return answers
        offset = following


def list_offset(connection, topic, timestamp):
    body = struct.pack('>i', -1) + struct.pack('>i', 1) + raw.string(topic)
    reply = ask(connection, 2, 1, body + struct.pack('>iiq', 1, 0, timestamp))
    reply.take('i')
    reply.text()
    return reply.take('iihqq')[2:]


def end_of_epoch(connection, topic, epoch):
    body = struct.pack('>i', 1) + raw.string(topic) + struct.pack('>iiii', 1, 0, -1, epoch)
    reply = ask(connection, 23, 2, body)
    reply.take('ii')
    reply.text()
    return reply.take('ihiiq')[1:]


def wait_until_led(node, topics, timeout=60):
    """A node that has started may not have taken over all its partitions yet."""
    deadline = time.monotonic() + timeout
    with raw.connect(node, timeout=60) as connection:
        for topic in topics:
            while error := list_offset(connection, topic, -1)[0]:
                if time.monotonic() > deadline:
                    raise Failed(f'{topic}: error {error} for {timeout} s')
                time.sleep(0.05)


def answers_of(node, topic):
    times = [-1, -2, BASE, BASE + 1000000 + 2005, BASE + 1000000 + 500003, BASE + 2000000 + 4030,
             BASE + 2000000 + 500000, BASE * 2]
    with raw.connect(node, timeout=60) as connection:
        offsets = {at: list_offset(connection, topic, at) for at in times}
        start, end = offsets[-2][2], offsets[-1][2]
        found = {f'offset at {at}': answer for at, answer in offsets.items()}
        for epoch in range(4):
            found[f'end of epoch {epoch}'] = end_of_epoch(connection, topic, epoch)
        for isolation, name in enumerate(('read_uncommitted', 'read_committed')):
            for first in (start, (start + end) // 2, end - 1, end + 1):
                found[f'{name} from {first}'] = read_all(connection, topic, isolation, first)
        found['producers'] = producers_of(connection, topic)
    return found


def producers_of(connection, topic):
    """DescribeProducers version 0: producer states but for the epoch of their coordinator."""
    payload = struct.pack('>hhi', 61, 0, 7) + raw.string('raw') + b'\0'
    payload += b'\2' + bytes([len(topic) + 1]) + topic.encode() + b'\2' + bytes(7)
    connection.sendall(struct.pack('>i', len(payload)) + payload)
    reply = Reply(raw.receive_frame(connection))
    reply.take('bi')  # no tags, throttle
    equal(reply.take('B'), 2, 'topics')
    reply.bytes(reply.take('B') - 1)
    equal(reply.take('B'), 2, 'partitions')
    _, error = reply.take('ih')
    reply.bytes(max(0, reply.take('B') - 1))
    states = []
    for _ in range(reply.take('B') - 1):
        producer, epoch, sequence, time, _, start, _ = reply.take('qiiqiqB')
        states.append((producer, epoch, sequence, time, start))
    return error, sorted(states)


def differences(first, second):
    return [f'{what}:\n    apache {value}\n    target {second.get(what)}'
            for what, value in first.items() if second.get(what) != value]


def twin(node, kind):
    """A node on a copy of the directories of another."""
    copy = Node(kind, 'copy')
    copy.cluster_id = node.cluster_id
    for key in ('controller.quorum.bootstrap.servers', 'listeners', 'advertised.listeners'):
        copy.properties[key] = node.properties[key]
    copy.port, copy.controller_port = node.port, node.controller_port
    shutil.copytree(node.log_dirs[0], copy.log_dirs[0])
    return copy


def fill(node, topics):
    script = [python_with('confluent_kafka'), FILL]
    run([*script, node.bootstrap, '1', *topics], timeout=300)
    node.kill()
    node.start()
    run([*script, node.bootstrap, '2', *topics], timeout=300)
    wanted = node.folder / 'delete.json'
    wanted.write_text('{"version":1,"partitions":[' + ','.join(
        f'{{"topic":"{topic}","partition":0,"offset":{45 + 7 * i}}}'
        for i, topic in enumerate(topics) if i % 4 == 1) + ']}', encoding='utf-8')
    run_tool('kafka-delete-records', '--bootstrap-server', node.bootstrap, '--offset-json-file',
             str(wanted))
    node.kill()


@case
def after_crashes(context):
    seed = int(os.environ.get('MOLDAU_RECOVERY_SEED', '1'))
    node = Node('apache', 'recovery')
    node.format()
    node.start()
    fill(node, list(DAMAGE))
    for topic, harm in DAMAGE.items():
        harm(node.partition_folder(topic), random.Random(f'{seed} {topic}'))
    found = []
    for kind in ('apache', context.kind):
        copy = twin(node, kind)
        copy.start()
        wait_until_led(copy, DAMAGE)
        found.append({topic: answers_of(copy, topic) for topic in DAMAGE})
        copy.stop()
    wrong = []
    for topic in DAMAGE:
        equal(len(found[0][topic]['read_uncommitted from '
                                  f'{found[0][topic]["offset at -2"][2]}']) > 1, True, topic)
        wrong += [f'{topic}: {text}' for text in differences(found[0][topic], found[1][topic])]
    if wrong:
        raise Failed(f'seed {seed}, {len(wrong)} differences:\n' + '\n'.join(wrong))
