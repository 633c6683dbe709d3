# SPDX-License-Identifier: Apache-2.0
"""Clients that are not Java: kcat (librdkafka), Python packages, Go programs."""

import fcntl
import os
import re
import shutil
import sys

from .places import BUILD, ROOT
from .process import Failed, run
from .suite import Skip

PACKAGES = {
    'kafka': ['kafka-python==3.0.12', 'lz4', 'zstandard', 'python-snappy'],
    'confluent_kafka': ['confluent-kafka'],
    'aiokafka': ['aiokafka==0.14.0'],
    'karapace': ['karapace'],
}


def kcat(*arguments, stdin='', timeout=60, ok=True):
    """Debian's kcat."""
    if not shutil.which('kcat'):
        raise Skip('kcat is not installed')
    return run(['kcat', *arguments], stdin=stdin, timeout=timeout, ok=ok)


def python_with(module):
    """A Python that can import `module`; its packages come from PyPI into build/interop."""
    folder = BUILD / f'venv-{module}'
    binary, mark = folder / 'bin/python3', folder / '.complete'
    packages = PACKAGES[module]
    BUILD.mkdir(parents=True, exist_ok=True)
    with open(BUILD / f'venv-{module}.lock', 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text(encoding='utf-8') == repr(packages):
            return str(binary)
        shutil.rmtree(folder, ignore_errors=True)
        base = '/usr/bin/python3' if os.access('/usr/bin/python3', os.X_OK) else sys.executable
        try:
            run([base, '-m', 'venv', folder], timeout=120)
            run([binary, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check',
                 '--retries', '3', *packages], timeout=300)
            run([binary, '-c', f'import {module}'], timeout=30)
        except Failed as error:
            raise Skip(f'no Python with {module}: {str(error)[-300:]}') from error
        mark.write_text(repr(packages), encoding='utf-8')
    return str(binary)


def go_program(name):
    """Builds tests/interop/go/NAME and names the binary; its go.mod says which Go it needs."""
    go = shutil.which('go')
    if not go:
        raise Skip('no Go')
    source, binary = ROOT / 'tests/interop/go' / name, BUILD / f'go-{name}'
    wanted = re.search(r'^go (\d+)\.(\d+)', (source / 'go.mod').read_text(encoding='utf-8'), re.M)
    here = re.search(r'go(\d+)\.(\d+)', run([go, 'version']).out)
    if not here or [int(n) for n in here.groups()] < [int(n) for n in wanted.groups()]:
        raise Skip(f'Go {wanted.group(0)[3:]} or later is needed')
    env = dict(os.environ, GOFLAGS='-mod=readonly', GOTOOLCHAIN='local')
    try:
        run([go, 'build', '-o', binary, '.'], cwd=source, env=env, timeout=300)
    except Failed as error:
        raise Skip(f'the Go program does not build here: {str(error)[-300:]}') from error
    return str(binary)
