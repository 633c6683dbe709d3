# SPDX-License-Identifier: Apache-2.0
"""Moldau, Apache Kafka 4.3.1 and the toy loop, measured side by side. Entry: bench/run."""
