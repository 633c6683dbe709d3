# SPDX-License-Identifier: Apache-2.0
"""Starts Apache Kafka 4.3.1 and Moldau, and runs foreign clients and tools against them."""

from .clients import go_program, kcat, python_with
from .java import fetch_jars, java, run_tool
from .node import Node, random_cluster_id, start_apache, start_moldau
from .places import BUILD, ROOT, free_ports, new_folder
from .process import Failed, Output, Process, run
from .suite import Skip, case, equal, within

__all__ = [
    'BUILD', 'ROOT', 'Failed', 'Node', 'Output', 'Process', 'Skip', 'case', 'equal', 'fetch_jars',
    'free_ports', 'go_program', 'java', 'kcat', 'new_folder', 'python_with', 'random_cluster_id',
    'run', 'run_tool', 'start_apache', 'start_moldau', 'within',
]
