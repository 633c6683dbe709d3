# SPDX-License-Identifier: Apache-2.0
"""Karapace as schema registry: schemas registered, versions, compatibility, references; they live
on over a kill of the node and a restart of the registry, for they are records of a compacted topic.

Karapace comes from PyPI where it is there; MOLDAU_KARAPACE names a Python that has it otherwise.
"""

import json
import os
import time
import urllib.error
import urllib.request

from ..harness import Failed, Process, case, equal, free_ports, python_with, within
from ..harness.node import start_node

TYPE = {'Content-Type': 'application/vnd.schemaregistry.v1+json'}


def record(*fields):
    return {'type': 'record', 'name': 'Order', 'fields': [
        {'name': name, 'type': kind, **({'default': default[0]} if default else {})}
        for name, kind, *default in fields]}


FIRST = record(('id', 'long'))
SECOND = record(('id', 'long'), ('note', 'string', ''))
BROKEN = record(('id', 'long'), ('note', 'string', ''), ('amount', 'int'))


class Registry:
    def __init__(self, node):
        self.node = node
        self.python = os.environ.get('MOLDAU_KARAPACE') or python_with('karapace')
        self.port, = free_ports(1)
        self.starts = 0
        self.process = None

    def start(self):
        self.starts += 1
        path = self.node.folder / 'karapace.json'
        path.write_text(json.dumps({
            'bootstrap_uri': self.node.bootstrap, 'host': '127.0.0.1', 'port': self.port,
            'advertised_hostname': '127.0.0.1', 'karapace_registry': True, 'karapace_rest': False,
            'client_id': 'karapace', 'group_id': 'karapace', 'log_level': 'INFO',
            'waiting_time_before_acting_as_master_ms': 500}), encoding='utf-8')
        self.process = Process([self.python, '-m', 'karapace.karapace_all', path],
                               self.node.folder / f'karapace-{self.starts}.log')

    def ask(self, path, body=None, method=None):
        """(status, answer) once the registry is able to give one."""
        data = None if body is None else json.dumps(body).encode()
        deadline = time.monotonic() + 60
        while True:
            request = urllib.request.Request(f'http://127.0.0.1:{self.port}{path}', data,
                                             headers=TYPE, method=method)
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return answer.status, json.loads(answer.read() or b'null')
            except urllib.error.HTTPError as error:
                text = error.read()
                if error.code < 500 or time.monotonic() > deadline:
                    return error.code, json.loads(text or b'null')
            except OSError as error:
                if time.monotonic() > deadline or not self.process.running():
                    raise Failed(f'{path}: {error}\n{self.process.tail()}') from error
            time.sleep(0.3)

    def register(self, subject, schema, **more):
        return self.ask(f'/subjects/{subject}/versions', {'schema': json.dumps(schema), **more})

    def everything(self):
        status, subjects = self.ask('/subjects')
        equal(status, 200, subjects)
        found = {}
        for subject in sorted(subjects):
            _, versions = self.ask(f'/subjects/{subject}/versions')
            found[subject] = [self.ask(f'/subjects/{subject}/versions/{n}')[1] for n in versions]
        return found, self.ask('/config')[1]


@case
def schema_registry(context):
    node = start_node(context.kind, 'karapace')
    registry = None
    try:
        registry = Registry(node)
        registry.start()
        equal(registry.ask('/subjects'), (200, []))
        equal(registry.register('orders-value', FIRST), (200, {'id': 1}))
        equal(registry.register('orders-value', FIRST), (200, {'id': 1}), 'the same again')
        equal(registry.register('orders-value', SECOND), (200, {'id': 2}))
        check = '/compatibility/subjects/orders-value/versions/latest'
        within(repr(registry.ask(check, {'schema': json.dumps(BROKEN)})), "'is_compatible': False")
        equal(registry.register('orders-value', BROKEN)[0], 409, 'an incompatible one')
        equal(registry.register('plain', {'type': 'object'}, schemaType='JSON')[0], 200)
        equal(registry.ask('/config', {'compatibility': 'FULL'}, 'PUT')[0], 200)
        before = registry.everything()
        equal([len(versions) for versions in before[0].values()], [2, 1], before)
        node.kill()
        node.start()
        equal(registry.register('late', FIRST)[0], 200, 'after a kill of the node')
        equal(registry.ask('/subjects/plain', method='DELETE'), (200, [1]))
        before = registry.everything()
        equal(sorted(before[0]), ['late', 'orders-value'])
        registry.process.stop(60)
        registry.start()
        equal(registry.everything(), before, 'after a restart of the registry')
        equal(before[1], {'compatibilityLevel': 'FULL'})
        equal(registry.register('orders-value', SECOND), (200, {'id': 2}))
    finally:
        if registry and registry.process:
            registry.process.kill()
        node.kill()
