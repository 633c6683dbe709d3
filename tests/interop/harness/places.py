# SPDX-License-Identifier: Apache-2.0
"""Where things lie: everything this harness writes is below build/interop."""

import os
import shutil
import socket
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / 'build' / 'interop'
RUNS = BUILD / f'run-{os.getpid()}'

_counter = 0


def new_folder(name):
    """An empty folder of this run."""
    global _counter
    _counter += 1
    folder = RUNS / f'{_counter:03}-{name}'
    folder.mkdir(parents=True)
    return folder


def remove_run():
    shutil.rmtree(RUNS, ignore_errors=True)


def free_ports(count):
    """Ports of the loopback address that were free a moment ago, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(('127.0.0.1', 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
