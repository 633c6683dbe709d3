# SPDX-License-Identifier: Apache-2.0
"""Our messages against Apache's own Java classes and schemas; needs no node."""

import subprocess
import sys

from ..harness import Failed, case
from ..harness.java import TOOL_FLAGS, fetch_jars, java_home_binary
from ..harness.places import ROOT
from ..harness.suite import Skip

HERE = ROOT / 'tests/interop/wire'
BUILD = ROOT / 'build/release'
SEED, COUNT = '20250301', '20'


def ours(*words, stdin=None):
    """Our side, built when it is first asked for."""
    if not (BUILD / 'build.ninja').exists():
        raise Skip('no build/release')
    subprocess.run(['cmake', '--build', str(BUILD), '--target', 'moldau_wire_lines'], check=True,
                   stdout=subprocess.DEVNULL)
    return speak([str(BUILD / 'src/wire/moldau_wire_lines'), *words], stdin)


def theirs(*words, stdin=None):
    java = [java_home_binary(), *TOOL_FLAGS, '-cp', f'{fetch_jars()}/*',
            str(HERE / 'WireLines.java'), *words]
    return speak(java, stdin)


def speak(command, stdin):
    done = subprocess.run(command, input=stdin or '', capture_output=True, text=True, timeout=600,
                          check=False)
    if done.returncode != 0:
        raise Failed((done.stdout + done.stderr)[-4000:])
    return done.stdout


@case(smoke=True)
def apache_decodes_what_we_encode(context):
    theirs('again', stdin=ours('random', SEED, COUNT))


@case(smoke=True)
def we_decode_what_apache_encodes(context):
    ours('again', stdin=theirs('random', SEED, COUNT))


@case(smoke=True)
def the_notation_says_what_the_schemas_say(context):
    speak([sys.executable, str(HERE / 'compare_schemas.py'), str(fetch_jars())], None)
