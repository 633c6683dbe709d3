# SPDX-License-Identifier: Apache-2.0
"""tools/tidy: checks the rules of docs/contributing.md that a machine can check.

python3 tools/tidy           print what is wrong; exit 1 if anything is
python3 tools/tidy --write   bring generated parts of docs/ up to date first
"""

import sys

from checks import ROOT, check, load
import generated
from layers import parse
from report import apply_exceptions


def main(arguments):
    layers = parse((ROOT / 'src/LAYERS').read_text(encoding='utf-8'))
    sources = load(ROOT)
    if '--write' in arguments:
        for path, wanted in generated.pages(layers, {one.path: one.text for one in sources}):
            (ROOT / path).write_text(wanted, encoding='utf-8')
        sources = load(ROOT)
    exceptions = (ROOT / 'tools/tidy/exceptions.txt').read_text(encoding='utf-8')
    findings = apply_exceptions(list(check(sources, layers)), exceptions)
    for finding in sorted(findings, key=lambda f: (f.path, f.line, f.rule)):
        print(finding)
    print(f'tidy: {len(sources)} files, {len(findings)} findings')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
