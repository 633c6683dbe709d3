# SPDX-License-Identifier: Apache-2.0
"""Apache Kafka's own classes: fetched once with Maven, run with Java 17."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess

from .places import BUILD
from .process import Failed, run
from .suite import Skip

LIB = BUILD / 'lib'
POM = __file__.rsplit('/', 2)[0] + '/java/pom.xml'
SPRING_POM = __file__.rsplit('/', 2)[0] + '/java/spring/pom.xml'

TOOLS = {
    'kafka-acls': 'org.apache.kafka.tools.AclCommand',
    'kafka-broker-api-versions': 'org.apache.kafka.tools.BrokerApiVersionsCommand',
    'connect-distributed': 'org.apache.kafka.connect.cli.ConnectDistributed',
    'kafka-client-metrics': 'org.apache.kafka.tools.ClientMetricsCommand',
    'kafka-cluster': 'org.apache.kafka.tools.ClusterTool',
    'kafka-configs': 'kafka.admin.ConfigCommand',
    'kafka-console-consumer': 'org.apache.kafka.tools.consumer.ConsoleConsumer',
    'kafka-console-producer': 'org.apache.kafka.tools.ConsoleProducer',
    'kafka-console-share-consumer': 'org.apache.kafka.tools.consumer.ConsoleShareConsumer',
    'kafka-share-groups': 'org.apache.kafka.tools.consumer.group.ShareGroupCommand',
    'kafka-consumer-groups': 'org.apache.kafka.tools.consumer.group.ConsumerGroupCommand',
    'kafka-consumer-perf-test': 'org.apache.kafka.tools.ConsumerPerformance',
    'kafka-delete-records': 'org.apache.kafka.tools.DeleteRecordsCommand',
    'kafka-dump-log': 'org.apache.kafka.tools.DumpLogSegments',
    'kafka-features': 'org.apache.kafka.tools.FeatureCommand',
    'kafka-get-offsets': 'org.apache.kafka.tools.GetOffsetShell',
    'kafka-leader-election': 'org.apache.kafka.tools.LeaderElectionCommand',
    'kafka-log-dirs': 'org.apache.kafka.tools.LogDirsCommand',
    'kafka-metadata-quorum': 'org.apache.kafka.tools.MetadataQuorumCommand',
    'kafka-metadata-shell': 'org.apache.kafka.shell.MetadataShell',
    'kafka-producer-perf-test': 'org.apache.kafka.tools.ProducerPerformance',
    'kafka-reassign-partitions': 'org.apache.kafka.tools.reassign.ReassignPartitionsCommand',
    'kafka-server-start': 'kafka.Kafka',
    'kafka-storage': 'kafka.tools.StorageTool',
    'kafka-streams-groups': 'org.apache.kafka.tools.streams.StreamsGroupCommand',
    'kafka-transactions': 'org.apache.kafka.tools.TransactionsCommand',
    'kafka-topics': 'org.apache.kafka.tools.TopicCommand',
    'kafka-verifiable-producer': 'org.apache.kafka.tools.VerifiableProducer',
}
# Tools live for a second: no time for an optimising compiler or parallel collectors.
TOOL_FLAGS = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xshare:auto',
              '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn']


def java_home_binary():
    """A java of version 17 or later, or Skip."""
    for candidate in (os.environ.get('JAVA_HOME', '') + '/bin/java',
                      '/usr/lib/jvm/java-17-openjdk-amd64/bin/java', shutil.which('java') or ''):
        if candidate and os.access(candidate, os.X_OK):
            text = subprocess.run([candidate, '-version'], capture_output=True, text=True,
                                  stdin=subprocess.DEVNULL, timeout=30, check=False).stderr
            match = re.search(r'version "(\d+)', text)
            if match and int(match.group(1)) >= 17:
                return candidate
    raise Skip('no Java 17')


def fetch_jars():
    """The folder with Apache Kafka's jars; Maven fills it on first use."""
    return fetched(POM, LIB, 'Apache Kafka')


def fetch_spring():
    """The folder with Spring Kafka's jars, likewise."""
    return fetched(SPRING_POM, BUILD / 'lib-spring', 'Spring Kafka')


def fetched(pom, folder, what):
    digest = hashlib.sha256(open(pom, 'rb').read()).hexdigest()
    mark = folder / '.complete'
    folder.mkdir(parents=True, exist_ok=True)
    with open(f'{folder}.lock', 'w', encoding='utf-8') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if mark.exists() and mark.read_text(encoding='utf-8') == digest:
            return folder
        if not shutil.which('mvn'):
            raise Skip(f'no Maven to fetch {what} with')
        for old in folder.glob('*.jar'):
            old.unlink()
        command = ['mvn', '-q', '-B', '-ntp', '-U', '-f', pom,
                   'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies',
                   '-DincludeScope=runtime', f'-DoutputDirectory={folder}']
        last = None
        for _ in range(2):
            try:
                run(command, timeout=240)
                break
            except Failed as error:
                last = error
        else:
            raise Skip(f'Maven could not fetch {what}: {str(last)[-300:]}')
        mark.write_text(digest, encoding='utf-8')
    return folder


def java(main, *arguments, flags=TOOL_FLAGS):
    """The command line that runs a class of Apache Kafka."""
    return [java_home_binary(), *flags, '-cp', f'{fetch_jars()}/*', main, *arguments]


def run_tool(tool, *arguments, stdin='', timeout=90, ok=True):
    """Runs one of Apache Kafka's tools by the name of its script, without `.sh`."""
    return run(java(TOOLS[tool], *arguments), stdin=stdin, timeout=timeout, ok=ok)
