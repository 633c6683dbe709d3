# SPDX-License-Identifier: Apache-2.0
"""aiokafka at BOOTSTRAP. "members": two members of GROUP share topic "members" and hand over.
"pump": reads topic "in" and writes each record once to "out", in transactions of which one in three
is aborted, until COUNT records are written."""

import asyncio
import sys

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

PARTITIONS = 4


class Member:
    def __init__(self, bootstrap, group):
        self.consumer = AIOKafkaConsumer(
            'members', bootstrap_servers=bootstrap, group_id=group, auto_offset_reset='earliest',
            heartbeat_interval_ms=500, auto_commit_interval_ms=200)
        self.read = set()
        self.task = None

    async def join(self):
        await self.consumer.start()
        self.task = asyncio.create_task(self.run())
        return self

    async def run(self):
        while True:
            for batch in (await self.consumer.getmany(timeout_ms=50)).values():
                self.read |= {int(record.value) for record in batch}

    def count(self):
        return len(self.consumer.assignment())

    async def leave(self):
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await self.consumer.stop()


async def until(done, what):
    for _ in range(1200):
        if done():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(what)


async def write(bootstrap, numbers):
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True) as producer:
        await asyncio.gather(*[await producer.send('members', str(i).encode(),
                                                   partition=i % PARTITIONS) for i in numbers])


async def members(bootstrap, group):
    await write(bootstrap, range(80))
    one = await Member(bootstrap, group).join()
    await until(lambda: (one.count(), len(one.read)) == (4, 80), 'one alone')
    two = await Member(bootstrap, group).join()
    await until(lambda: (one.count(), two.count()) == (2, 2), 'two share')
    await write(bootstrap, range(80, 160))
    await until(lambda: one.read | two.read == set(range(160)), 'both read')
    await one.leave()
    await until(lambda: two.count() == 4, 'the other takes over')
    await write(bootstrap, range(160, 200))
    await until(lambda: two.read >= set(range(160, 200)), 'the other reads')
    await two.leave()


async def pump(bootstrap, group, count):
    source = TopicPartition('in', 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id=group,
                                enable_auto_commit=False, isolation_level='read_committed')
    consumer.assign([source])
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id=group)
    async with consumer, producer:
        turn = begin = 0
        while begin < int(count):
            consumer.seek(source, begin)
            records = (await consumer.getmany(timeout_ms=2000, max_records=20)).get(source, [])
            if not records:
                continue
            await producer.begin_transaction()
            for record in records:
                await producer.send('out', record.value)
            await producer.send_offsets_to_transaction({source: records[-1].offset + 1}, group)
            if turn % 3 == 1:
                await producer.abort_transaction()
                begin = await consumer.committed(source) or 0
            else:
                # Asked for now, the old offset may come: markers follow the answer, and this client
                # cannot require stable offsets.
                await producer.commit_transaction()
                begin = records[-1].offset + 1
            turn += 1


asyncio.run({'members': members, 'pump': pump}[sys.argv[2]](sys.argv[1], *sys.argv[3:]))
