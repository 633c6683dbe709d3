// SPDX-License-Identifier: Apache-2.0
// Prints streams groups and what Apache Kafka's StickyTaskAssignor gives to their members, round
// after round while members come and go: the cases of streams_assignor_test.
// Run: java -cp 'build/interop/lib/*' tests/interop/group/StreamsAssignments.java SEED GROUPS
import java.util.*;
import org.apache.kafka.coordinator.group.streams.assignor.*;

public class StreamsAssignments {
    record Part(String id, int tasks, boolean stateful) {}

    static class Member {
        final String id;
        final String process;
        Map<String, Set<Integer>> active = Map.of();
        Map<String, Set<Integer>> standby = Map.of();

        Member(String id, String process) {
            this.id = id;
            this.process = process;
        }
    }

    static String text(Map<String, Set<Integer>> tasks) {
        if (tasks.isEmpty()) return "-";
        StringJoiner out = new StringJoiner(";");
        for (var entry : new TreeMap<>(tasks).entrySet()) {
            StringJoiner numbers = new StringJoiner(",");
            for (int partition : new TreeSet<>(entry.getValue())) numbers.add("" + partition);
            out.add(entry.getKey() + ":" + numbers);
        }
        return out.toString();
    }

    static TopologyDescriber describer(List<Part> parts) {
        Map<String, Part> byId = new TreeMap<>();
        for (Part part : parts) byId.put(part.id, part);
        return new TopologyDescriber() {
            public List<String> subtopologies() {
                return List.copyOf(byId.keySet());
            }

            public int maxNumInputPartitions(String id) {
                return byId.get(id).tasks;
            }

            public boolean isStateful(String id) {
                return byId.get(id).stateful;
            }
        };
    }

    static void round(List<Part> parts, List<Member> members, int standbys) {
        System.out.println("round " + standbys);
        Map<String, AssignmentMemberSpec> specs = new HashMap<>();
        for (Member member : members) {
            System.out.println("member " + member.id + " " + member.process + " "
                + text(member.active) + " " + text(member.standby));
            specs.put(member.id, new AssignmentMemberSpec(Optional.empty(), Optional.empty(),
                member.active, member.standby, Map.of(), member.process, Map.of(), Map.of(),
                Map.of()));
        }
        GroupAssignment out = new StickyTaskAssignor().assign(new GroupSpecImpl(specs,
            Map.of("num.standby.replicas", "" + standbys)), describer(parts));
        for (Member member : members) {
            MemberAssignment given = out.members().get(member.id);
            if (!given.warmupTasks().isEmpty()) throw new IllegalStateException("warm-up tasks");
            member.active = given.activeTasks();
            member.standby = given.standbyTasks();
            System.out.println("gets " + text(member.active) + " " + text(member.standby));
        }
    }

    static String id(Random random) {
        byte[] bytes = new byte[16];
        random.nextBytes(bytes);
        return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    }

    static void group(Random random) {
        int kinds = 1 + random.nextInt(random.nextInt(8) == 0 ? 14 : 4);
        int most = random.nextInt(6) == 0 ? 40 : 9;
        List<Part> parts = new ArrayList<>();
        for (int i = 0; i < kinds; ++i) {
            Part part = new Part("" + i, 1 + random.nextInt(most), random.nextInt(3) > 0);
            parts.add(part);
            System.out.println("part " + part.id + " " + part.tasks + " " + part.stateful);
        }
        int standbys = random.nextInt(4);
        List<String> processes = new ArrayList<>();
        List<Member> members = new ArrayList<>();
        int rounds = 1 + random.nextInt(6);
        for (int i = 0; i < rounds; ++i) {
            int joining = i == 0 ? 1 + random.nextInt(9) : random.nextInt(4);
            for (int j = 0; j < joining; ++j) {
                if (processes.isEmpty() || random.nextInt(2) == 0) processes.add(id(random));
                String process = processes.get(random.nextInt(processes.size()));
                members.add(new Member(id(random), process));
            }
            if (i > 0) {
                int leaving = random.nextInt(3);
                for (int j = 0; j < leaving && members.size() > 1; ++j) {
                    members.remove(random.nextInt(members.size()));
                }
            }
            if (random.nextInt(6) == 0) standbys = random.nextInt(3);
            round(parts, members, standbys);
        }
    }

    public static void main(String[] arguments) {
        Random random = new Random(Long.parseLong(arguments[0]));
        for (int i = 0; i < Integer.parseInt(arguments[1]); ++i) {
            System.out.println("group");
            group(random);
        }
    }
}
