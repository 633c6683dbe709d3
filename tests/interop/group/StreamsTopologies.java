// SPDX-License-Identifier: Apache-2.0
// Prints generated topologies with topics, and what Apache Kafka's InternalTopicManager makes of
// them: the cases of streams_topics_test.
// Run: java -cp 'build/interop/lib/*' tests/interop/group/StreamsTopologies.java SEED CASES
import java.util.*;
import java.util.stream.Collectors;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.errors.ApiException;
import org.apache.kafka.common.message.StreamsGroupHeartbeatRequestData.*;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.coordinator.common.runtime.*;
import org.apache.kafka.coordinator.group.streams.StreamsTopology;
import org.apache.kafka.coordinator.group.streams.topics.*;
import org.slf4j.helpers.NOPLogger;

public class StreamsTopologies {
    record Topic(String name, int partitionCount) implements CoordinatorMetadataImage.TopicMetadata {
        public Uuid id() {
            return Uuid.ONE_UUID;
        }

        public List<String> partitionRacks(int partition) {
            return List.of();
        }
    }

    static CoordinatorMetadataImage image(Map<String, Integer> topics) {
        return new CoordinatorMetadataImage() {
            public Set<Uuid> topicIds() {
                return Set.of();
            }

            public Set<String> topicNames() {
                return topics.keySet();
            }

            public Optional<TopicMetadata> topicMetadata(String name) {
                return Optional.ofNullable(topics.get(name)).map(count -> new Topic(name, count));
            }

            public Optional<TopicMetadata> topicMetadata(Uuid id) {
                return Optional.empty();
            }

            public CoordinatorMetadataDelta emptyDelta() {
                return null;
            }

            public long version() {
                return 1;
            }

            public boolean isEmpty() {
                return topics.isEmpty();
            }
        };
    }

    static String names(List<String> names) {
        return names.isEmpty() ? "-" : String.join(",", names);
    }

    static String infos(List<TopicInfo> infos) {
        return infos.isEmpty() ? "-" : infos.stream()
            .map(info -> info.name() + ":" + info.partitions() + ":" + info.replicationFactor())
            .collect(Collectors.joining(","));
    }

    static String places(List<Short> places) {
        return places.stream().map(place -> "" + place).collect(Collectors.joining("."));
    }

    static <T> List<T> some(Random random, List<T> from, int most) {
        List<T> all = new ArrayList<>(from);
        Collections.shuffle(all, random);
        return new ArrayList<>(all.subList(0, Math.min(all.size(), random.nextInt(most + 1))));
    }

    static Topology topology(Random random) {
        int parts = 1 + random.nextInt(random.nextInt(6) == 0 ? 13 : 4);
        List<String> sources = List.of("s0", "s1", "s2", "s3");
        List<String> repartitions = new ArrayList<>();
        for (int i = 0; i < parts; ++i) repartitions.add("r" + i);
        List<Subtopology> out = new ArrayList<>();
        for (int i = 0; i < parts; ++i) {
            Subtopology part = new Subtopology().setSubtopologyId("" + i);
            part.setSourceTopics(some(random, sources, 3));
            List<TopicInfo> in = new ArrayList<>();
            for (String name : some(random, repartitions, i == 0 ? 1 : 2)) {
                in.add(new TopicInfo().setName(name)
                    .setPartitions(random.nextInt(4) == 0 ? 1 + random.nextInt(4) : 0)
                    .setReplicationFactor((short) random.nextInt(2)));
            }
            part.setRepartitionSourceTopics(in);
            part.setRepartitionSinkTopics(some(random, repartitions, 3));
            List<TopicInfo> changelogs = new ArrayList<>();
            for (int k = random.nextInt(3); k > 0; --k) {
                changelogs.add(new TopicInfo().setName("c" + i + "-" + k));
            }
            part.setStateChangelogTopics(changelogs);
            if (random.nextInt(2) == 0) {
                List<Short> a = new ArrayList<>();
                List<Short> b = new ArrayList<>();
                for (short k = 0; k < part.sourceTopics().size(); ++k) if (random.nextBoolean()) a.add(k);
                for (short k = 0; k < in.size(); ++k) if (random.nextBoolean()) b.add(k);
                part.setCopartitionGroups(List.of(new CopartitionGroup().setSourceTopics(a)
                    .setRepartitionSourceTopics(b)));
            }
            out.add(part);
        }
        return new Topology().setEpoch(random.nextInt(3)).setSubtopologies(out);
    }

    static String result(Topology topology, Map<String, Integer> topics) {
        ConfiguredTopology out;
        try {
            out = InternalTopicManager.configureTopics(NOPLogger.NOP_LOGGER, "g", "m", 0,
                StreamsTopology.fromHeartbeatRequest(topology), image(topics), Time.SYSTEM);
        } catch (ApiException error) {
            return "error " + Errors.forException(error).code() + " " + error.getMessage();
        } catch (RuntimeException error) {
            return "error -1 -";
        }
        StringJoiner text = new StringJoiner(" ");
        text.add("tasks").add(out.subtopologies().map(parts -> parts.entrySet().stream()
            .map(part -> part.getKey() + ":" + part.getValue().numberOfTasks())
            .collect(Collectors.joining(","))).orElse("-"));
        Map<String, Integer> missing = new TreeMap<>();
        out.internalTopicsToBeCreated().forEach((name, topic) ->
            missing.put(name + ":" + topic.replicationFactor(), topic.numPartitions()));
        text.add(missing.isEmpty() ? "-" : missing.entrySet().stream()
            .map(entry -> entry.getKey() + ":" + entry.getValue()).collect(Collectors.joining(",")));
        text.add(out.topicConfigurationException().map(problem ->
            problem.status().code() + " " + problem.getMessage()).orElse("-"));
        return text.toString();
    }

    public static void main(String[] arguments) {
        Random random = new Random(Long.parseLong(arguments[0]));
        for (int i = 0; i < Integer.parseInt(arguments[1]); ++i) {
            Topology topology = topology(random);
            Map<String, Integer> topics = new TreeMap<>();
            for (int k = 0; k < 4; ++k) {
                if (random.nextInt(12) > 0) topics.put("s" + k, 1 + random.nextInt(3));
            }
            boolean created = random.nextInt(3) == 0;
            int odd = random.nextInt(4);
            for (Subtopology part : topology.subtopologies()) {
                for (TopicInfo info : part.repartitionSourceTopics()) {
                    if (created || random.nextInt(8) == 0) topics.put(info.name(), 1 + odd);
                }
                for (TopicInfo info : part.stateChangelogTopics()) {
                    if (created || random.nextInt(8) == 0) topics.put(info.name(), 1 + odd);
                }
            }
            System.out.println("topics " + (topics.isEmpty() ? "-" : topics.entrySet().stream()
                .map(topic -> topic.getKey() + ":" + topic.getValue())
                .collect(Collectors.joining(","))));
            for (Subtopology part : topology.subtopologies()) {
                System.out.println("part " + part.subtopologyId() + " " + names(part.sourceTopics())
                    + " " + names(part.repartitionSinkTopics()) + " "
                    + infos(part.repartitionSourceTopics()) + " "
                    + infos(part.stateChangelogTopics()) + " "
                    + part.copartitionGroups().stream().map(group -> places(group.sourceTopics())
                        + "/" + places(group.repartitionSourceTopics())).findFirst().orElse("-"));
            }
            System.out.println(result(topology, topics));
        }
    }
}
