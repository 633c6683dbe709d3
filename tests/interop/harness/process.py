# SPDX-License-Identifier: Apache-2.0
"""Processes: every one has a time limit, a log and an end; only our own are ever stopped."""

import atexit
import contextlib
import os
import re
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path


class Failed(Exception):
    """A check of a suite did not hold, or a process did not do what it should."""


@dataclass
class Output:
    code: int
    out: str
    err: str

    def lines(self):
        return self.out.splitlines()


def _text(value):
    if isinstance(value, bytes):
        return value.decode('utf-8', 'replace')
    return value or ''


def _end_group(pid, sign):
    try:
        os.killpg(pid, sign)
    except (ProcessLookupError, PermissionError):
        pass


def run(command, stdin='', timeout=60, ok=True, env=None, cwd=None):
    """Runs a command to its end. `ok`: an exit code other than 0 is a failure."""
    command = [str(word) for word in command]
    if isinstance(stdin, str):
        stdin = stdin.encode()
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, env=env, cwd=cwd, start_new_session=True)
    try:
        out, err = process.communicate(stdin, timeout=timeout)
    except subprocess.TimeoutExpired as late:
        _end_group(process.pid, signal.SIGKILL)
        out, err = process.communicate()
        raise Failed(f'not done after {timeout} s: {" ".join(command[-12:])}\n'
                     f'{_text(out)[-2000:]}\n{_text(err)[-2000:]}') from late
    output = Output(process.returncode, _text(out), _text(err))
    if ok and output.code != 0:
        raise Failed(f'exit {output.code}: {" ".join(command[-12:])}\n'
                     f'{output.out[-2000:]}\n{output.err[-3000:]}')
    return output


_alive = set()


@atexit.register
def _end_all():
    for process in list(_alive):
        process.kill()


class Process:
    """A server in the background. Its output goes to a file; lines of it can be waited for."""

    def __init__(self, command, log, env=None, cwd=None):
        self.command = [str(word) for word in command]
        self.log = log
        self._news = threading.Condition()
        self._lines = []
        self._popen = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env,
                                       cwd=cwd, start_new_session=True)
        _alive.add(self)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self):
        return self._popen.pid

    def running(self):
        return self._popen.poll() is None

    def _read(self):
        with open(self.log, 'a', encoding='utf-8') as file:
            for raw in self._popen.stdout:
                line = _text(raw)
                file.write(line)
                file.flush()
                with self._news:
                    self._lines.append(line)
                    self._news.notify_all()
        with self._news:
            self._lines.append(None)
            self._news.notify_all()

    def tail(self, count=30):
        with self._news:
            return ''.join(line for line in self._lines[-count:] if line)

    def wait_for(self, pattern, timeout=60):
        """The first match of `pattern` in the output, old or new."""
        seen, deadline = 0, time.monotonic() + timeout
        expression = re.compile(pattern)
        with self._news:
            while True:
                while seen < len(self._lines):
                    line = self._lines[seen]
                    seen += 1
                    if line is None:
                        raise Failed(f'ended before it said "{pattern}":\n{self.tail_unlocked()}')
                    match = expression.search(line)
                    if match:
                        return match
                left = deadline - time.monotonic()
                if left <= 0:
                    raise Failed(f'did not say "{pattern}" in {timeout} s:\n'
                                 f'{self.tail_unlocked()}')
                self._news.wait(left)

    def tail_unlocked(self):
        return ''.join(line for line in self._lines[-30:] if line)

    def stop(self, timeout=60):
        """SIGTERM and wait; the exit code."""
        if self.running():
            os.kill(self.pid, signal.SIGTERM)
        try:
            code = self._popen.wait(timeout)
        except subprocess.TimeoutExpired as late:
            self.kill()
            raise Failed(f'did not end {timeout} s after SIGTERM:\n{self.tail()}') from late
        self._forget()
        return code

    def wait(self, timeout=60):
        """The exit code of a process that ends by itself; None if it does not in time."""
        try:
            return self._popen.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def freeze(self):
        """Stops every thread where it is; one in a system call stops on its way out of it."""
        os.kill(self.pid, signal.SIGSTOP)
        while any(state not in 'TDtZX' for state in self._thread_states()):
            time.sleep(0.0005)

    def resume(self):
        """Lets a frozen process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _thread_states(self):
        for task in Path(f'/proc/{self.pid}/task').iterdir():
            with contextlib.suppress(OSError):
                yield (task / 'stat').read_text(encoding='ascii').rsplit(')', 1)[1].split()[0]

    def kill(self):
        """SIGKILL, to it and what it started."""
        _end_group(self.pid, signal.SIGKILL)
        self._popen.wait(10)
        self._forget()

    def _forget(self):
        _alive.discard(self)
        self._reader.join(10)
