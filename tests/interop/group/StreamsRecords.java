// SPDX-License-Identifier: Apache-2.0
// Prints the records that Apache Kafka writes of a streams group: the cases of
// streams_records_test. Run: java -cp 'build/interop/lib/*' tests/interop/group/StreamsRecords.java
import java.util.*;
import org.apache.kafka.common.message.StreamsGroupHeartbeatRequestData.*;
import org.apache.kafka.coordinator.common.runtime.CoordinatorRecord;
import org.apache.kafka.coordinator.group.GroupCoordinatorRecordSerde;
import org.apache.kafka.coordinator.group.generated.StreamsGroupMemberMetadataValue;
import org.apache.kafka.coordinator.group.streams.*;

public class StreamsRecords {
    static String hex(byte[] bytes) {
        return bytes == null ? "-" : HexFormat.of().formatHex(bytes);
    }

    static void print(String name, CoordinatorRecord record) {
        GroupCoordinatorRecordSerde serde = new GroupCoordinatorRecordSerde();
        System.out.println(name + " " + hex(serde.serializeKey(record)) + " "
            + hex(serde.serializeValue(record)));
    }

    static Map<Integer, Integer> epochs(int... pairs) {
        Map<Integer, Integer> out = new HashMap<>();
        for (int i = 0; i < pairs.length; i += 2) out.put(pairs[i], pairs[i + 1]);
        return out;
    }

    static StreamsGroupMember member(boolean full) {
        StreamsGroupMember.Builder out = StreamsGroupMember.Builder.withDefaults("m")
            .setClientId("client").setClientHost("/127.0.0.1").setProcessId("process")
            .setRebalanceTimeoutMs(30_000).setTopologyEpoch(2).setMemberEpoch(7)
            .setPreviousMemberEpoch(6);
        if (!full) return out.build();
        return out.setRackId("rack").setInstanceId("instance")
            .setClientTags(Map.of("zone", "a", "area", "b", "x", ""))
            .setUserEndpoint(new StreamsGroupMemberMetadataValue.Endpoint()
                .setHost("host").setPort(65535))
            .setState(MemberState.UNREVOKED_TASKS)
            .setAssignedTasks(new TasksTupleWithEpochs(
                Map.of("1", epochs(2, 5, 0, 7), "0", epochs(11, 3)), Map.of("1", Set.of(3, 1)),
                Map.of()))
            .setTasksPendingRevocation(new TasksTupleWithEpochs(Map.of("2", epochs(0, 1)),
                Map.of("0", Set.of(4)), Map.of())).build();
    }

    static Topology topology() {
        TopicInfo changelog = new TopicInfo().setName("store-changelog").setTopicConfigs(List.of(
            new KeyValue().setKey("cleanup.policy").setValue("compact"),
            new KeyValue().setKey("a").setValue("b")));
        TopicInfo repartition = new TopicInfo().setName("r-repartition").setPartitions(4)
            .setReplicationFactor((short) 3);
        return new Topology().setEpoch(2).setSubtopologies(List.of(
            new Subtopology().setSubtopologyId("1").setSourceTopics(List.of("t", "s"))
                .setStateChangelogTopics(List.of(changelog))
                .setRepartitionSourceTopics(List.of(repartition))
                .setCopartitionGroups(List.of(new CopartitionGroup()
                    .setSourceTopics(List.of((short) 1, (short) 0))
                    .setRepartitionSourceTopics(List.of((short) 0)))),
            new Subtopology().setSubtopologyId("0").setSourceTopics(List.of("in"))
                .setRepartitionSinkTopics(List.of("r-repartition"))));
    }

    public static void main(String[] arguments) {
        print("member", StreamsCoordinatorRecordHelpers.newStreamsGroupMemberRecord("g", member(false)));
        print("full-member",
            StreamsCoordinatorRecordHelpers.newStreamsGroupMemberRecord("g", member(true)));
        print("no-member",
            StreamsCoordinatorRecordHelpers.newStreamsGroupMemberTombstoneRecord("g", "m"));
        print("metadata", StreamsCoordinatorRecordHelpers.newStreamsGroupMetadataRecord("g", 5,
            -77L, 2, new TreeMap<>(Map.of("num.standby.replicas", "1"))));
        print("metadata-not-ready", StreamsCoordinatorRecordHelpers.newStreamsGroupMetadataRecord(
            "g", 5, 0L, -1, new TreeMap<>()));
        print("no-metadata", StreamsCoordinatorRecordHelpers.newStreamsGroupEpochTombstoneRecord("g"));
        print("topology",
            StreamsCoordinatorRecordHelpers.newStreamsGroupTopologyRecord("g", topology()));
        print("no-topology",
            StreamsCoordinatorRecordHelpers.newStreamsGroupTopologyRecordTombstone("g"));
        print("target", StreamsCoordinatorRecordHelpers.newStreamsGroupTargetAssignmentRecord("g",
            "m", new TasksTuple(Map.of("1", Set.of(2, 0), "0", Set.of(11)), Map.of("1", Set.of(3)),
                Map.of())));
        print("no-target", StreamsCoordinatorRecordHelpers
            .newStreamsGroupTargetAssignmentTombstoneRecord("g", "m"));
        print("target-metadata", StreamsCoordinatorRecordHelpers
            .newStreamsGroupTargetAssignmentMetadataRecord("g", 5, 1_700_000_000_000L));
        print("no-target-metadata", StreamsCoordinatorRecordHelpers
            .newStreamsGroupTargetAssignmentMetadataTombstoneRecord("g"));
        print("current", StreamsCoordinatorRecordHelpers.newStreamsGroupCurrentAssignmentRecord("g",
            member(true)));
        print("current-empty", StreamsCoordinatorRecordHelpers
            .newStreamsGroupCurrentAssignmentRecord("g", member(false)));
        print("no-current", StreamsCoordinatorRecordHelpers
            .newStreamsGroupCurrentAssignmentTombstoneRecord("g", "m"));
    }
}
