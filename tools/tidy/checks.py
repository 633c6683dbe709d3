# SPDX-License-Identifier: Apache-2.0
"""The files of the project and every check on them."""

import os
import subprocess
from pathlib import Path

from report import Finding
import generated
import rules_code
import rules_coroutine
import rules_layers
import rules_size
import rules_text
from source import Source

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = ('.cc', '.h', '.py', '.sh', '.md', '.txt', '.cmake', '.json', '.toml', '.api', '.yml')
SKIPPED_FOLDERS = {'build', 'data', '.git', '.cache', 'corpus', 'golden', '__pycache__'}


def list_files(root):
    """The files of the project: what git knows plus what it would add, else all."""
    try:
        out = subprocess.run(
            ['git', 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], cwd=root,
            stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=60).stdout
        paths = {path for path in out.decode().split('\0') if path}
    except (OSError, subprocess.SubprocessError):
        paths = set()
        for folder, names, files in os.walk(root):
            names[:] = [name for name in names if name not in SKIPPED_FOLDERS]
            paths |= {os.path.relpath(os.path.join(folder, name), root) for name in files}
    return sorted(path for path in paths if (root / path).is_file())


def is_text(root, path):
    if SKIPPED_FOLDERS & set(path.split('/')):
        return False
    if path.endswith(SUFFIXES) or path.endswith('LAYERS'):
        return True
    if '.' in path.rsplit('/', 1)[-1].lstrip('.'):
        return False
    with open(root / path, 'rb') as file:
        return file.read(2) == b'#!'


def load(root):
    sources = []
    for path in list_files(root):
        if is_text(root, path):
            text = (root / path).read_text(encoding='utf-8')
            sources.append(Source(path, text))
    return sources


def check(sources, layers):
    """All findings about these sources."""
    paths = {source.path for source in sources}
    text_of = {source.path: source.text for source in sources}
    aggregates = rules_coroutine.find_aggregates(sources)
    calls = rules_layers.Calls(layers)
    for source in sources:
        yield from rules_text.check_text(source)
        if source.path.endswith(('.cc', '.h', '.py')):
            yield from rules_size.check_sizes(source)
        if source.is_cpp:
            yield from rules_layers.check_includes(source, layers, paths)
            yield from calls.check(source)
            yield from rules_code.check_names(source)
            yield from rules_code.check_docstrings(source)
            yield from rules_code.check_globals(source, layers)
            yield from rules_code.check_sleeps(source)
            yield from rules_code.check_raw_types(source)
            yield from rules_coroutine.check_coroutines(source, aggregates)
    yield from rules_code.check_fuzzers(sources)
    yield from rules_text.check_readmes(layers, paths, text_of.__getitem__)
    cmake = {path: text for path, text in text_of.items()
             if path.startswith('src/') and path.endswith('CMakeLists.txt')}
    yield from rules_layers.check_targets(cmake, layers)
    for path, wanted in generated.pages(layers, text_of):
        # A page that is not there yet is made by --write.
        if wanted != text_of.get(path, wanted):
            yield Finding('generated', path, 1, 'run: python3 tools/tidy --write')
