# SPDX-License-Identifier: Apache-2.0
"""The share coordinator: what it keeps of a share partition."""

from . import about, topic


def ready(ask, group, topic_id):
    """Waits until the share coordinator of a partition has loaded."""
    ask.until('FindCoordinator', 6, keyType=2, coordinatorKeys=[f'{group}:{topic_id}:0'])
    while True:
        found = ask.until('ReadShareGroupStateSummary', 0, groupId=group, topics=[
            {'topicId': topic_id, 'partitions': [{'partition': 0, 'leaderEpoch': -1}]}])
        ask.answers.pop()
        if found['results'][0]['partitions'][0]['errorCode'] == 0:
            break
    ask.answers.pop()


class State:
    """The state of partition 0 of a fresh topic."""

    def __init__(self, ask, name):
        self.ask, self.group = ask, name
        self.topic = topic(ask, name + '-t', 2)
        ready(ask, name, self.topic)

    def _ask(self, api, version, partitions, **more):
        return self.ask(api, version, **{'groupId': self.group, 'topics': [
            {'topicId': self.topic, 'partitions': partitions}], **more})

    def initialize(self, epoch=0, start=0, version=0, partition=0, **more):
        return self._ask('InitializeShareGroupState', version, [
            {'partition': partition, 'stateEpoch': epoch, 'startOffset': start}], **more)

    def read(self, leader=0, version=0, partition=0, **more):
        return self._ask('ReadShareGroupState', version, [
            {'partition': partition, 'leaderEpoch': leader}], **more)

    def summary(self, version=1, partition=0, leader=0, **more):
        return self._ask('ReadShareGroupStateSummary', version, [
            {'partition': partition, 'leaderEpoch': leader}], **more)

    def write(self, *batches, epoch=0, leader=0, start=0, done=-1, version=1, partition=0, **more):
        return self._ask('WriteShareGroupState', version, [
            {'partition': partition, 'stateEpoch': epoch, 'leaderEpoch': leader,
             'startOffset': start, 'deliveryCompleteCount': done, 'stateBatches': [
                 {'firstOffset': first, 'lastOffset': last, 'deliveryState': state,
                  'deliveryCount': count} for first, last, state, count in batches]}], **more)

    def remove(self, version=0, partition=0, **more):
        return self._ask('DeleteShareGroupState', version, [{'partition': partition}], **more)


WRONG = ({'groupId': ''}, {'groupId': ' '}, {'topics': []}, {'partition': -1}, {'partition': 7})


@about('InitializeShareGroupState')
def initialized_state(ask, version, name):
    it = State(ask, name)
    it.summary()
    it.initialize(3, 10, version)
    it.summary()
    it.read()
    it.initialize(2, 20, version)
    it.initialize(3, 30, version)
    it.initialize(4, -1, version)
    it.read()
    it.initialize(-1, 5, version)
    it.initialize(5, -2, version)
    for wrong in WRONG:
        it.initialize(9, 9, version, **wrong)
    ask('InitializeShareGroupState', version, groupId=name, topics=[
        {'topicId': it.topic, 'partitions': []}])
    ask('InitializeShareGroupState', version, groupId=name, topics=[
        {'topicId': 'AAAAAAAAAAAAAAAAAAAAbw', 'partitions': [
            {'partition': 0, 'stateEpoch': 0, 'startOffset': 0}]}])
    ask('InitializeShareGroupState', version, groupId=name, topics=[
        {'topicId': it.topic, 'partitions': [
            {'partition': 1, 'stateEpoch': 1, 'startOffset': 0},
            {'partition': 0, 'stateEpoch': 1, 'startOffset': 0},
            {'partition': 1, 'stateEpoch': 2, 'startOffset': 4}]}])
    it.summary(partition=1)


@about('ReadShareGroupState')
def read_state(ask, version, name):
    it = State(ask, name)
    it.read(version=version)
    it.initialize(1, 5)
    it.read(3, version)
    it.read(2, version)
    it.read(-1, version)
    it.read(-2, version)
    it.read(4, version)
    it.summary()
    it.write((5, 9, 2, 1), epoch=1, leader=4, start=5)
    it.write((7, 7, 0, 1), epoch=1, leader=4, start=5)
    it.read(4, version)
    for wrong in WRONG:
        it.read(9, version, **wrong)
    ask('ReadShareGroupState', version, groupId=name, topics=[
        {'topicId': 'AAAAAAAAAAAAAAAAAAAAAA', 'partitions': [{'partition': 0, 'leaderEpoch': 0}]}])


@about('WriteShareGroupState')
def written_state(ask, version, name):
    it = State(ask, name)
    it.write((0, 3, 2, 1), version=version)
    it.initialize(2, 0)
    it.write((0, 3, 2, 1), epoch=2, leader=1, version=version, done=4)
    it.summary()
    it.write((4, 9, 0, 1), epoch=2, leader=1, version=version)
    it.write((4, 9, 0, 1), epoch=1, leader=1, version=version)
    it.write((4, 9, 0, 1), epoch=3, leader=1, version=version)
    it.write((4, 9, 0, 1), epoch=2, leader=0, version=version)
    it.write((4, 9, 0, 1), epoch=2, leader=2, version=version)
    it.read(2)
    it.write(epoch=2, leader=2, start=7, version=version, done=0)
    it.read(2)
    it.summary()
    it.write(epoch=2, leader=2, start=-1, version=version)
    it.write(epoch=2, leader=2, start=-2, version=version)
    it.read(2)
    it.write((10, 12, 1, 1), epoch=2, leader=2, start=7, version=version)
    it.write((20, 22, 0, -1), epoch=2, leader=2, start=7, version=version)
    it.write((1, 2, 0, 1), epoch=2, leader=2, start=7, version=version)
    it.write((30, 32, 0, 1), epoch=2, leader=2, start=5, version=version)
    it.read(2)
    it.write((30, 32, 0, 1), epoch=-1, leader=2, start=5, version=version)
    it.write((30, 32, 0, 1), epoch=2, leader=-1, start=5, version=version)
    it.read(2)
    for wrong in WRONG:
        it.write((0, 0, 0, 1), epoch=2, leader=2, version=version, **wrong)


@about('WriteShareGroupState')
def batches_are_joined(ask, version, name):
    it = State(ask, name)
    it.initialize(0, 0)
    for batches in ([(0, 4, 0, 1), (5, 9, 0, 1)], [(10, 14, 2, 1)], [(12, 16, 0, 2)],
                    [(0, 20, 4, 3)], [(5, 6, 2, 4), (8, 9, 2, 4)], [(21, 30, 0, 1), (25, 27, 2, 1)],
                    [(40, 50, 0, 1), (45, 45, 0, 2), (46, 60, 0, 2)]):
        it.write(*batches, version=version)
        it.read()
    it.write(start=26, version=version)
    it.read()
    it.write(start=100, version=version)
    it.read()


@about('WriteShareGroupState')
def many_writes_make_snapshots(ask, version, name):
    it = State(ask, name)
    it.initialize(0, 0)
    for number in range(520):
        ask.quiet('WriteShareGroupState', version, groupId=name, topics=[
            {'topicId': it.topic, 'partitions': [
                {'partition': 0, 'stateEpoch': 0, 'leaderEpoch': 0, 'startOffset': -1,
                 'deliveryCompleteCount': number, 'stateBatches': [
                     {'firstOffset': number, 'lastOffset': number, 'deliveryCount': 1,
                      'deliveryState': 2 * (number % 2)}]}]}])
    it.summary()
    it.read()


@about('ReadShareGroupStateSummary')
def summaries(ask, version, name):
    it = State(ask, name)
    it.summary(version)
    it.initialize(5, 6)
    it.summary(version)
    it.write(epoch=5, leader=3, start=9, done=2)
    it.summary(version)
    it.summary(version, leader=2)
    it.summary(version, leader=9)
    it.summary(version)
    for wrong in WRONG:
        it.summary(version, **wrong)
    ask('ReadShareGroupStateSummary', version, groupId=name, topics=[
        {'topicId': it.topic, 'partitions': [{'partition': 0, 'leaderEpoch': 0},
                                             {'partition': 1, 'leaderEpoch': 0},
                                             {'partition': 0, 'leaderEpoch': 0}]},
        {'topicId': 'AAAAAAAAAAAAAAAAAAAAbw', 'partitions': [{'partition': 0, 'leaderEpoch': 0}]}])
    ask('ReadShareGroupStateSummary', version, groupId=name, topics=[
        {'topicId': it.topic, 'partitions': []}])


@about('DeleteShareGroupState')
def deleted_state(ask, version, name):
    it = State(ask, name)
    it.remove(version)
    it.initialize(1, 2)
    it.write((2, 4, 2, 1), epoch=1, leader=6, start=2)
    it.remove(version)
    it.summary()
    it.read(6)
    it.write((2, 4, 2, 1), epoch=1, leader=6, start=2)
    it.initialize(0, 0)
    it.summary()
    for wrong in WRONG:
        it.remove(version, **wrong)
    ask('DeleteShareGroupState', version, groupId=name, topics=[
        {'topicId': it.topic, 'partitions': []}])
