# SPDX-License-Identifier: Apache-2.0
"""Makes the golden log directories: an Apache Kafka 4.3.1 writes them, first stopped, then loaded
again and killed. Run from the root of the repository: python3 tests/golden/log/make.py

stopped.tar.gz and killed.tar.gz hold partition directories and checkpoints, stopped.txt and
killed.txt what a client was told before:
  <topic> offsets <earliest> <latest>
  <topic> time <timestamp> <offset>
"""

import gzip
import io
import os
import sys
import tarfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))

from tests.interop.harness.clients import python_with  # noqa: E402
from tests.interop.harness.java import run_tool  # noqa: E402
from tests.interop.harness.node import Node  # noqa: E402
from tests.interop.harness.process import run  # noqa: E402

LOAD = r'''
import sys, time
from confluent_kafka import Producer, Consumer, TopicPartition
bootstrap = sys.argv[1]
BASE = 1760000000000
def flush(p):
    assert p.flush(30) == 0
for n, codec in enumerate(['none', 'gzip', 'snappy', 'lz4', 'zstd']):
    p = Producer({'bootstrap.servers': bootstrap, 'compression.type': codec, 'linger.ms': 20,
                  'enable.idempotence': codec == 'zstd'})
    for i in range(60):
        p.produce('codecs', f'{codec} {i} ' + 'x' * 50, key=f'k{i}', timestamp=BASE + n * 1000 + i,
                  headers=[('h', b'v')] if i % 7 == 0 else None)
        if i % 20 == 19: flush(p)
    flush(p)
p = Producer({'bootstrap.servers': bootstrap, 'linger.ms': 0, 'enable.idempotence': True})
for i in range(60):
    p.produce('rolled', 'y' * 60000, timestamp=BASE + i * 10)
    flush(p)
for i in range(40):
    p.produce('shortened', 'z' * 60000, timestamp=BASE + i * 10)
    flush(p)
t = Producer({'bootstrap.servers': bootstrap, 'transactional.id': 'golden'})
t.init_transactions(30)
for n in range(6):
    t.begin_transaction()
    for i in range(5):
        t.produce('transactions', f'{n} {i}', key=str(i), timestamp=BASE + n * 100 + i)
    flush(t)
    if n % 2: t.abort_transaction(30)
    else: t.commit_transaction(30)
p = Producer({'bootstrap.servers': bootstrap, 'linger.ms': 5})
for round in range(12):
    for i in range(40):
        p.produce('compacted', None if i % 10 == 9 else f'{round} {i} ' + 'c' * 3000,
                  key=f'key {i % 13}', timestamp=BASE + round * 1000 + i)
    flush(p)
'''

ASK = r'''
import sys
from confluent_kafka import Consumer, TopicPartition
c = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': 'g', 'enable.auto.commit': False})
for topic in sys.argv[2:]:
    low, high = c.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
    print(topic, 'offsets', low, high)
    for at in (1760000000000, 1760000000105, 1760000001003, 1760000002055, 1760000004059):
        [found] = c.offsets_for_times([TopicPartition(topic, 0, at)], timeout=30)
        print(topic, 'time', at, found.offset)
c.close()
'''

TOPICS = {
    'codecs': ['index.interval.bytes=200'],
    'rolled': ['segment.bytes=1048576'],
    'shortened': ['segment.bytes=1048576'],
    'transactions': [],
    'compacted': ['cleanup.policy=compact', 'segment.bytes=1048576',
                  'min.cleanable.dirty.ratio=0.01'],
}


def pack(folder, name, topics=tuple(TOPICS)):
    """A reproducible archive of the partition directories and checkpoints."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode='w', format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.rglob('*')):
            relative = path.relative_to(folder)
            if not path.is_file() or relative.parts[0].startswith('__'):
                continue
            if len(relative.parts) > 1 and relative.parts[0].rsplit('-', 1)[0] not in topics:
                continue
            entry = tarfile.TarInfo(str(relative))
            entry.size = path.stat().st_size
            entry.mtime = int(path.stat().st_mtime)
            archive.addfile(entry, io.BytesIO(path.read_bytes()))
    (HERE / name).write_bytes(gzip.compress(raw.getvalue(), 9, mtime=0))


def ask(python, node, name):
    answer = run([python, '-c', ASK, node.bootstrap, *TOPICS], timeout=60).out
    (HERE / name).write_text(answer, encoding='utf-8')


def main():
    python = python_with('confluent_kafka')
    node = Node('apache', 'golden', log_cleaner_backoff_ms=500, log_retention_ms=-1,
                log_cleaner_dedupe_buffer_size=4194304)
    node.format()
    node.start()
    for topic, configs in TOPICS.items():
        run_tool('kafka-topics', '--bootstrap-server', node.bootstrap, '--create', '--topic', topic,
                 *[part for config in configs for part in ('--config', config)])
    run([python, '-c', LOAD, node.bootstrap], timeout=120)
    deletes = node.folder / 'delete.json'
    deletes.write_text('{"partitions":[{"topic":"shortened","partition":0,"offset":25}],'
                       '"version":1}', encoding='utf-8')
    run_tool('kafka-delete-records', '--bootstrap-server', node.bootstrap,
             '--offset-json-file', str(deletes))
    time.sleep(8)
    ask(python, node, 'stopped.txt')
    node.stop()
    pack(node.log_dirs[0], 'stopped.tar.gz')
    node.start()
    run([python, '-c', LOAD, node.bootstrap], timeout=120)
    ask(python, node, 'killed.txt')
    node.kill()
    pack(node.log_dirs[0], 'killed.tar.gz')
    for name in sorted(os.listdir(HERE)):
        print(name, (HERE / name).stat().st_size)


if __name__ == '__main__':
    main()
