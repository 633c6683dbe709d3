# SPDX-License-Identifier: Apache-2.0
"""headers.py BUILD COMPILER FLAG…: every header of src/ and include/ compiles alone.

A header that passed is not compiled again until it, something it includes, the compiler or the
flags change: build/…/headers.json remembers. Headers are compiled without the precompiled one,
which would hide a missing include.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*["<]([^">\n]+)[">]', re.M)


class Closure:
    """What a header is made of, as one hash."""

    def __init__(self, folders):
        self.folders = folders
        self._texts = {}

    def _text(self, name):
        if name not in self._texts:
            self._texts[name] = ''
            for folder in self.folders:
                if (folder / name).is_file():
                    self._texts[name] = (folder / name).read_text(encoding='utf-8')
                    break
        return self._texts[name]

    def hash(self, name):
        seen, stack = set(), [name]
        while stack:
            one = stack.pop()
            if one not in seen:
                seen.add(one)
                stack += INCLUDE.findall(self._text(one))
        digest = hashlib.sha256()
        for one in sorted(seen):
            digest.update(one.encode() + b'\0' + self._text(one).encode() + b'\0')
        return digest.hexdigest()


def compile_alone(command, name):
    """What the compiler says against a file that includes only this header, twice."""
    source = f'#include "{name}"\n#include "{name}"\n'
    done = subprocess.run([*command, '-x', 'c++', '-fsyntax-only', '-'], input=source, text=True,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=ROOT,
                          timeout=120, check=False)
    return done.stderr if done.returncode else ''


def main(arguments):
    build, command = Path(arguments[0]), arguments[1:]
    folders = [ROOT / 'src', build / 'gen', ROOT / 'include']
    command += [f'-I{folder}' for folder in folders]
    memory = build / 'headers.json'
    key = hashlib.sha256(' '.join(command).encode()).hexdigest()
    try:
        known = json.loads(memory.read_text(encoding='utf-8'))
    except (OSError, ValueError):
        known = {}
    if known.get('key') != key:
        known = {'key': key, 'passed': {}}
    closure = Closure(folders)
    names = sorted(str(path.relative_to(ROOT / folder)) for folder in ('src', 'include')
                   for path in (ROOT / folder).rglob('*.h'))
    hashes = {name: closure.hash(name) for name in names}
    todo = [name for name in names if known['passed'].get(name) != hashes[name]]
    failed = 0
    passed = {name: hashes[name] for name in names if name not in set(todo)}
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, text in zip(todo, pool.map(lambda one: compile_alone(command, one), todo)):
            if text:
                failed += 1
                print(f'src/{name} does not compile alone:\n{text[:2000]}')
            else:
                passed[name] = hashes[name]
    memory.write_text(json.dumps({'key': key, 'passed': passed}), encoding='utf-8')
    print(f'headers: {len(names)}, compiled now: {len(todo)}, failed: {failed}')
    return 1 if failed else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
