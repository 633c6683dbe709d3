# SPDX-License-Identifier: Apache-2.0
"""Cases, their checks, and the run that reports them: passed, failed or skipped, never hidden."""

import time
import traceback


class Skip(Exception):
    """What is needed is not here; the reason is the text."""


def case(function=None, *, smoke=False):
    """Marks a function of a suite as a case; it gets the running node, or the context if it
    names its parameter `context`. `smoke`: part of the short session of CI."""
    def mark(target):
        target.is_case = True
        target.smoke = smoke
        return target
    return mark(function) if function else mark


def equal(actual, expected, what=''):
    from .process import Failed
    if actual != expected:
        raise Failed(f'{what or "value"}:\n  got      {_short(actual)}\n'
                     f'  expected {_short(expected)}')


def within(actual, expected, what=''):
    """`expected` is a part of `actual`."""
    from .process import Failed
    if expected not in actual:
        raise Failed(f'{what or "text"}: no {expected!r} in\n{_short(actual)}')


def _short(value):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) < 3000 else text[:1500] + ' … ' + text[-1500:]


def cases_of(module):
    return [value for value in vars(module).values() if getattr(value, 'is_case', False)]


class Context:
    """What the cases of a run share: the kind of node that is tested and one node of it."""

    def __init__(self, kind):
        self.kind = kind
        self._node = None
        self._broken = None

    @property
    def node(self):
        from .node import start_node
        if self._broken:
            raise type(self._broken)('the node did not start: ' + str(self._broken)[:200])
        if self._node is None or not self._node.process.running():
            if self._node is not None:
                tail, self._node = self._node.process.tail(), None
                from .process import Failed
                raise Failed(f'the node has ended:\n{tail}')
            try:
                self._node = start_node(self.kind, 'shared')
            except Exception as error:
                self._broken = error
                raise
        return self._node

    def close(self):
        if self._node is not None and self._node.process.running():
            self._node.stop()


def run_cases(cases, context, say=print):
    """Runs them in order; (passed, failed, skipped) as lists of names."""
    passed, failed, skipped = [], [], []
    for number, function in enumerate(cases, 1):
        name = f'{function.__module__.rsplit(".", 1)[-1]}.{function.__name__}'
        began = time.monotonic()
        label = f'[{number}/{len(cases)}]'
        try:
            names = function.__code__.co_varnames[:function.__code__.co_argcount]
            function(context if names[:1] == ('context',) else context.node)
            passed.append(name)
            say(f'{label} passed  {name}  {time.monotonic() - began:.1f} s')
        except Skip as reason:
            skipped.append(name)
            say(f'{label} skipped {name}: {reason}')
        except Exception as error:  # one broken case must not hide the others
            failed.append(name)
            say(f'{label} FAILED  {name}  {time.monotonic() - began:.1f} s')
            if type(error).__name__ == 'Failed':
                say('    ' + str(error).replace('\n', '\n    '))
            else:
                say(traceback.format_exc())
    return passed, failed, skipped
