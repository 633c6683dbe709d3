# SPDX-License-Identifier: Apache-2.0
"""The row of the restart after kill -9."""

from .results import Row, Work
from .server import KINDS, Server, loadgen

TOPIC = 'restart'


def load(server, partitions, gb):
    server.start()
    server.create(TOPIC, partitions)
    return server.load('produce', TOPIC, partitions=partitions, record_bytes=1024,
                       batch_bytes=65536, per_request_partitions=10, total_mb=int(gb * 1000),
                       connections=2, in_flight=2)


def restart_after_kill(partitions, gb):
    """The generator fills the partitions evenly; kill -9 follows the last acknowledgement. Then,
    some times: start, wait until each partition has acknowledged a record again, kill. No segment
    is full, so every start has everything to look through; files stay in the page cache as far as
    they fit. At the end each partition is read to its end and the records are counted."""
    def act(bench):
        count, size = partitions, gb
        if bench.scale < 1:
            count, size = max(100, int(count * bench.scale)), max(0.5, gb * bench.scale)
        for kind in KINDS[:2]:
            server = Server(kind, 'restart')
            loaded = load(server, count, size)
            wanted = loaded['records'] + count
            bench.say(f'  {kind} took {loaded["seconds"]:.0f} s for {size} GB')
            server.kill()
            for _ in range(min(3, bench.runs)):
                seen = server.start_watched(TOPIC, count)
                wanted += count + 1
                bench.add('restart', kind, {'first_ack_s': seen['first_ack'],
                                            'all_acks_s': seen['all_acks']})
                server.kill()
            server.start(300)
            found = loadgen('drain', '--port', server.port, '--topic', TOPIC, '--partitions', count,
                            timeout=900)
            good = found['records'] >= wanted and found['wrong'] == 0
            bench.note(f'restart {kind}: {wanted} acknowledged records, {found["records"]} read, '
                       f'{found["wrong"]} batches damaged: {"good" if good else "LOST"}')
            server.stop()
            server.remove()
    return act


def works(partitions, gb):
    what = f'restart after kill -9, {partitions:,} partitions, {gb:g} GB'
    return [Work('restart', [
        Row('restart', what, 'all_acks_s', 's', 1 / 5),
        Row('restart-first', '  to the first acknowledged produce', 'first_ack_s', 's'),
    ], restart_after_kill(partitions, gb))]
