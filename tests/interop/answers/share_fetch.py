# SPDX-License-Identifier: Apache-2.0
"""ShareFetch and ShareAcknowledge: sessions, acquiring, and what becomes of records."""

import uuid
import base64

from . import about, coordinator, topic
from .share_groups import enter_share, share_config, starts, write

ACCEPT, RELEASE, REJECT, RENEW, GAP = 1, 2, 3, 4, 0


def some_id():
    """As members name themselves."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip('=')
        if not text.startswith('-'):
            return text


def share_fetch(ask, version, group, member, epoch, topics=(), on='a', quiet=False, **more):
    """`topics` are (id, [(partition, batches)])."""
    body = {'groupId': group, 'memberId': member, 'shareSessionEpoch': epoch, 'maxWaitMs': 200,
            'minBytes': 1, 'maxBytes': 1 << 20, 'maxRecords': 500, 'batchSize': 500,
            'topics': listed(topics), **more}
    return (ask.quiet if quiet else ask)('ShareFetch', version, on, **body)


def acknowledge(ask, version, group, member, epoch, topics=(), on='a', **more):
    return ask('ShareAcknowledge', version, on, groupId=group, memberId=member,
               shareSessionEpoch=epoch, topics=listed(topics), **more)


def listed(topics):
    return [{'topicId': one, 'partitions': [
        {'partitionIndex': index, 'acknowledgementBatches': [
            {'firstOffset': first, 'lastOffset': last, 'acknowledgeTypes': types}
            for first, last, types in batches]} for index, batches in partitions]}
        for one, partitions in topics]


class Shared:
    """A group with one member and a topic, with records in its partition 0."""

    def __init__(self, ask, version, name, batches=(5,), partitions=2, **configs):
        self.ask, self.version, self.name, self.member = ask, version, name, some_id()
        self.topic = topic(ask, name + '-t', partitions)
        coordinator(ask, name)
        share_config(ask, name, share_auto_offset_reset='earliest', **configs)
        for count in batches:
            write(ask, name + '-t', self.topic, count)
        self.epoch = enter_share(ask, name, self.member, [name + '-t'])

    def first(self, *partitions, **more):
        """Opens the session, and waits for records."""
        return self.fetch(0, *(partitions or [(0, [])]), maxWaitMs=20000, **more)

    def fetch(self, epoch, *partitions, member=None, **more):
        return share_fetch(self.ask, self.version, self.name, member or self.member, epoch,
                           [(self.topic, partitions)] if partitions else [], **more)

    def until_acquired(self, epoch, *partitions, **more):
        """Fetches until there are records, however many empty answers come first: these the broker
        gives when others' locks are not yet gone. Returns the epoch that follows."""
        found = []
        while not found:
            found = self.fetch(epoch, *partitions, quiet=True, **more)['responses']
            epoch, partitions = epoch + 1, ()
        self.ask.answers.append(('acquired', {'responses': found}))
        return epoch

    def acknowledge(self, epoch, *partitions, member=None, **more):
        return acknowledge(self.ask, self.version, self.name, member or self.member, epoch,
                           [(self.topic, partitions)] if partitions else [], **more)

    def starts(self):
        starts(self.ask, 1, self.name, [(self.name + '-t', [0])])

    def end(self, **more):
        """Where the group is, and the end of the session: what is locked is released."""
        self.starts()
        self.fetch(-1, quiet=True, **more)


@about('ShareFetch')
def fetched_and_accepted(ask, version, name):
    it = Shared(ask, version, name)
    it.first()
    it.starts()
    it.fetch(1)
    it.fetch(2, (0, [(0, 4, [ACCEPT])]))
    it.starts()
    write(ask, name + '-t', it.topic, 2)
    it.fetch(3, maxWaitMs=20000)
    it.fetch(4, (0, [(5, 5, [ACCEPT]), (6, 6, [REJECT])]))
    it.starts()
    it.fetch(-1)
    it.fetch(5)


@about('ShareFetch')
def released_and_fetched_again(ask, version, name):
    it = Shared(ask, version, name)
    it.first()
    it.fetch(1, (0, [(0, 4, [RELEASE])]))
    it.fetch(2, (0, [(0, 1, [RELEASE]), (2, 4, [ACCEPT])]))
    it.starts()
    it.fetch(3, (0, [(0, 1, [ACCEPT, RELEASE])]))
    it.starts()
    it.fetch(4, (0, [(1, 1, [REJECT])]))
    it.end()


@about('ShareFetch')
def released_too_often(ask, version, name):
    it = Shared(ask, version, name, (3,), share_delivery_count_limit='2')
    it.first()
    it.fetch(1, (0, [(0, 2, [RELEASE])]))
    it.fetch(2, (0, [(0, 2, [RELEASE])]))
    it.end()


@about('ShareFetch')
def session_epochs(ask, version, name):
    it = Shared(ask, version, name)
    it.fetch(3, (0, []))
    it.fetch(-1, (0, []))
    it.fetch(0)
    it.first()
    it.fetch(2)
    it.fetch(0, (0, []))
    it.fetch(1)
    it.fetch(1)
    it.fetch(2, member=some_id())
    it.fetch(-1)
    it.fetch(-1)
    it.end()


@about('ShareFetch')
def refused_share_fetches(ask, version, name):
    it = Shared(ask, version, name)

    def one(**wrong):
        share_fetch(ask, version, **{'group': name, 'member': it.member, 'epoch': 0,
                                     'topics': [(it.topic, [(1, [])])], **wrong})
    one(group=None)
    one(group='')
    one(member=None)
    one(member='')
    one(member='m')
    one(member='not a uuid at all')
    one(group=name + '-none')
    one(maxRecords=0)
    one(maxRecords=-1)
    one(batchSize=0)
    one(maxBytes=0)
    one(maxBytes=-1)
    one(minBytes=-1)
    one(maxWaitMs=-1)
    one(epoch=-2)
    one(topics=[(it.topic, [(5, [])])])
    one(topics=[(it.topic, [(-1, [])])])
    one(topics=[(it.topic, [(0, [(0, 0, [ACCEPT])])])])
    one(forgottenTopicsData=[{'topicId': it.topic, 'partitions': [0]}])
    it.end()


@about('ShareFetch')
def forgotten_partitions(ask, version, name):
    it = Shared(ask, version, name)
    it.fetch(0, (1, []))
    it.first((0, []), (1, []))
    it.fetch(1, forgottenTopicsData=[{'topicId': it.topic, 'partitions': [0]}])
    it.fetch(2, (0, [(0, 4, [ACCEPT])]))
    it.fetch(3, forgottenTopicsData=[{'topicId': it.topic, 'partitions': [0, 1, 7]}])
    it.fetch(4)
    it.fetch(5, (0, []))
    it.end()


@about('ShareFetch')
def bad_batches(ask, version, name):
    it = Shared(ask, version, name)
    it.first()
    for number, batches in enumerate((
            [(3, 1, [ACCEPT])], [(0, 1, [7])], [(0, 1, [-1])], [(0, 1, [])],
            [(0, 2, [ACCEPT, ACCEPT])], [(0, 2, [ACCEPT] * 4)],
            [(1, 2, [ACCEPT]), (0, 0, [ACCEPT])], [(0, 2, [ACCEPT]), (2, 3, [ACCEPT])],
            [(0, 99, [ACCEPT])], [(50, 60, [ACCEPT])], [(-1, 0, [ACCEPT])],
            [(-5, -1, [ACCEPT])], [(0, 4, [GAP])], [(0, 4, [RENEW])])):
        it.fetch(number + 1, (0, batches))
    it.end()


@about('ShareAcknowledge')
def acknowledged(ask, version, name):
    it = Shared(ask, version, name)
    it.first()
    it.acknowledge(1, (0, [(0, 1, [ACCEPT])]))
    it.acknowledge(2, (0, [(0, 1, [ACCEPT])]))
    it.acknowledge(3, (0, [(2, 2, [REJECT]), (3, 4, [RELEASE, ACCEPT])]))
    it.starts()
    it.fetch(4, maxWaitMs=20000)
    it.acknowledge(5, (0, [(3, 3, [ACCEPT])]))
    it.starts()
    it.acknowledge(-1)
    it.acknowledge(-1)


@about('ShareAcknowledge')
def refused_acknowledgements(ask, version, name):
    it = Shared(ask, version, name)
    it.acknowledge(1, (0, [(0, 0, [ACCEPT])]))
    it.acknowledge(0, (0, [(0, 0, [ACCEPT])]))
    it.first()
    good = [(it.topic, [(0, [(0, 0, [ACCEPT])])])]
    unknown = [('AAAAAAAAAAAAAAAAAAAAbw', [(0, [(0, 0, [ACCEPT])])])]

    def one(**wrong):
        acknowledge(ask, version, **{'group': name, 'member': it.member, 'epoch': 1,
                                     'topics': good, **wrong})
    one(group=None)
    one(member=None)
    one(group='')
    one(member='')
    one(member=some_id())
    one(group=name + '-none')
    one(epoch=0)
    one(epoch=7)
    one(topics=unknown)
    one(epoch=2, topics=[(it.topic, [(6, [(0, 0, [ACCEPT])])])])
    one(epoch=3, topics=[(it.topic, [(1, [(0, 0, [ACCEPT])])])])
    one(epoch=4, topics=[(it.topic, [(0, [])])])
    one(epoch=5, topics=[])
    one(epoch=6)
    it.end()


@about('ShareAcknowledge')
def bad_acknowledgement_batches(ask, version, name):
    it = Shared(ask, version, name)
    it.first()
    for number, batches in enumerate((
            [(3, 1, [ACCEPT])], [(0, 1, [7])], [(0, 1, [])], [(0, 2, [ACCEPT, ACCEPT])],
            [(1, 2, [ACCEPT]), (0, 0, [ACCEPT])], [(0, 2, [ACCEPT]), (2, 3, [ACCEPT])],
            [(0, 99, [ACCEPT])], [(50, 60, [ACCEPT])], [(0, 4, [GAP])])):
        it.acknowledge(number + 1, (0, batches))
    it.end()


@about('ShareAcknowledge', first=2)
def renewed(ask, version, name):
    it = Shared(ask, version, name)
    it.first()
    it.acknowledge(1, (0, [(0, 4, [RENEW])]))
    it.acknowledge(2, (0, [(0, 4, [RENEW])]), isRenewAck=True)
    it.acknowledge(3, (0, [(0, 0, [RENEW]), (1, 2, [ACCEPT])]), isRenewAck=True)
    it.fetch(4, (0, [(0, 0, [RENEW])]), isRenewAck=True)
    it.fetch(4, (0, [(0, 0, [RENEW])]), isRenewAck=True, maxBytes=0, maxRecords=0, minBytes=0,
             maxWaitMs=0)
    it.fetch(5, (0, [(0, 0, [RENEW])]), isRenewAck=True, maxBytes=0, maxRecords=0, minBytes=0,
             maxWaitMs=0, batchSize=0)
    it.acknowledge(6, (0, [(40, 41, [RENEW])]), isRenewAck=True)
    it.acknowledge(7, (0, [(0, 0, [ACCEPT])]), isRenewAck=True)
    it.end()


@about('ShareFetch')
def limits_of_records(ask, version, name):
    it = Shared(ask, version, name, (4, 4, 4))
    it.first(maxRecords=3, batchSize=3)
    it.fetch(1, maxRecords=1, batchSize=1)
    it.fetch(2, maxRecords=100, batchSize=2)
    it.fetch(3)
    it.end()


@about('ShareFetch', first=2)
def strict_limit_of_records(ask, version, name):
    it = Shared(ask, version, name, (4, 4, 4))
    it.first(maxRecords=3, batchSize=3, shareAcquireMode=1)
    it.fetch(1, maxRecords=1, batchSize=1, shareAcquireMode=1)
    it.fetch(2, maxRecords=5, batchSize=2, shareAcquireMode=1)
    it.fetch(3, maxRecords=5, shareAcquireMode=9)
    it.fetch(4, shareAcquireMode=1)
    it.fetch(5, (0, [(0, 2, [ACCEPT])]), shareAcquireMode=1)
    it.end()


@about('ShareFetch')
def limit_of_locks(ask, version, name):
    it = Shared(ask, version, name, (60, 60), share_partition_max_record_locks='100')
    it.first(maxRecords=500)
    it.fetch(1)
    it.fetch(2, (0, [(0, 59, [ACCEPT])]))
    it.end()


@about('ShareFetch')
def two_members_on_one_partition(ask, version, name):
    it = Shared(ask, version, name, (3, 3), 1)
    other = some_id()
    enter_share(ask, name, other, [name + '-t'], 'b')
    it.first(maxRecords=3, batchSize=3)
    it.fetch(0, (0, []), member=other, on='b', maxWaitMs=20000)
    it.fetch(1, (0, [(3, 5, [ACCEPT])]))
    it.acknowledge(1, (0, [(0, 2, [ACCEPT])]), member=other, on='b')
    it.acknowledge(2, (0, [(0, 2, [ACCEPT])]))
    it.acknowledge(2, (0, [(3, 5, [ACCEPT])]), member=other, on='b')
    it.end()


@about('ShareFetch')
def a_member_leaves_its_records(ask, version, name):
    it = Shared(ask, version, name, (3,), 1)
    other = some_id()
    enter_share(ask, name, other, [name + '-t'], 'b')
    it.first()
    it.fetch(-1, (0, [(0, 0, [ACCEPT])]))
    it.until_acquired(0, (0, []), member=other, on='b')
    it.acknowledge(-1, (0, [(1, 1, [ACCEPT])]), member=other, on='b')
    it.end()


@about('ShareFetch')
def from_the_latest(ask, version, name):
    member = some_id()
    made = topic(ask, name + '-t', 1)
    coordinator(ask, name)
    write(ask, name + '-t', made, 5)
    enter_share(ask, name, member, [name + '-t'])
    share_fetch(ask, version, name, member, 0, [(made, [(0, [])])], maxWaitMs=3000)
    starts(ask, 1, name, [(name + '-t', [0])])
    write(ask, name + '-t', made, 2)
    share_fetch(ask, version, name, member, 1, maxWaitMs=20000)
    starts(ask, 1, name, [(name + '-t', [0])])
    share_fetch(ask, version, name, member, -1, quiet=True)


@about('ShareFetch')
def records_deleted_below(ask, version, name):
    it = Shared(ask, version, name, (4, 4))
    it.first(maxRecords=4, batchSize=4)
    ask.quiet('DeleteRecords', 2, timeoutMs=20000, topics=[{'name': name + '-t', 'partitions': [
        {'partitionIndex': 0, 'offset': 6}]}])
    epoch = it.until_acquired(1)
    it.acknowledge(epoch, (0, [(0, 3, [ACCEPT])]))
    it.acknowledge(epoch + 1, (0, [(6, 7, [ACCEPT])]))
    it.end()
