// SPDX-License-Identifier: Apache-2.0
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.coordinator.group.api.assignor.GroupAssignment;
import org.apache.kafka.coordinator.group.api.assignor.MemberAssignment;
import org.apache.kafka.coordinator.group.api.assignor.PartitionAssignor;
import org.apache.kafka.coordinator.group.api.assignor.SubscribedTopicDescriber;
import org.apache.kafka.coordinator.group.api.assignor.SubscriptionType;
import org.apache.kafka.coordinator.group.assignor.RangeAssignor;
import org.apache.kafka.coordinator.group.assignor.SimpleAssignor;
import org.apache.kafka.coordinator.group.assignor.UniformAssignor;
import org.apache.kafka.coordinator.group.modern.Assignment;
import org.apache.kafka.coordinator.group.modern.GroupSpecImpl;
import org.apache.kafka.coordinator.group.modern.MemberSubscriptionAndAssignmentImpl;

/**
 * Generated groups through several changes, and what Apache Kafka's assignors give each member.
 * Arguments: how many groups, seed, consumer|share. Prints for each assignment
 *   group ASSIGNOR homogeneous|heterogeneous
 *   topic HIGH LOW PARTITIONS
 *   member ID INSTANCE|- TOPICINDEX,… TARGET RESULT
 *   end
 * where targets and results are "-" or TOPICINDEX:PARTITION.PARTITION;… in rising order.
 */
public final class ConsumerAssignments {
  private record Member(String id, String instance, TreeSet<Integer> topics) {}

  private static final class Describer implements SubscribedTopicDescriber {
    private final Map<Uuid, Integer> counts;
    Describer(Map<Uuid, Integer> counts) { this.counts = counts; }
    @Override public int numPartitions(Uuid topic) { return counts.getOrDefault(topic, -1); }
    @Override public Set<String> racksForPartition(Uuid topic, int partition) { return Set.of(); }
  }

  private final Random random;
  private final List<Uuid> topics = new ArrayList<>();
  private final Map<Uuid, Integer> counts = new HashMap<>();
  private final TreeMap<String, Member> members = new TreeMap<>();
  private final TreeMap<String, Map<Uuid, Set<Integer>>> targets = new TreeMap<>();
  private int nextId = 0;

  private ConsumerAssignments(Random random) { this.random = random; }

  private static String text(Map<Uuid, Set<Integer>> assignment, List<Uuid> topics) {
    StringBuilder out = new StringBuilder();
    for (int t = 0; t < topics.size(); t++) {
      Set<Integer> partitions = assignment.getOrDefault(topics.get(t), Set.of());
      if (partitions.isEmpty()) continue;
      if (out.length() > 0) out.append(';');
      out.append(t).append(':');
      boolean first = true;
      for (int partition : new TreeSet<>(partitions)) {
        if (!first) out.append('.');
        first = false;
        out.append(partition);
      }
    }
    return out.length() == 0 ? "-" : out.toString();
  }

  private TreeSet<Integer> subscription(boolean homogeneous) {
    TreeSet<Integer> out = new TreeSet<>();
    for (int t = 0; t < topics.size(); t++) if (homogeneous || random.nextInt(3) > 0) out.add(t);
    return out;
  }

  private void change(boolean homogeneous, int most) {
    int changes = 1 + random.nextInt(3);
    for (int i = 0; i < changes; i++) {
      if (members.size() > 1 && random.nextInt(3) == 0) {
        String gone = new ArrayList<>(members.keySet()).get(random.nextInt(members.size()));
        members.remove(gone);
        targets.remove(gone);
      } else if (members.size() < most) {
        String id = "m" + Integer.toHexString(random.nextInt()) + (nextId++);
        String instance = random.nextInt(3) == 0 ? "i" + nextId : null;
        members.put(id, new Member(id, instance, subscription(homogeneous)));
      }
    }
    if (random.nextInt(4) == 0) {
      Uuid grown = topics.get(random.nextInt(topics.size()));
      counts.put(grown, counts.get(grown) + 1 + random.nextInt(4));
    }
  }

  private void assign(PartitionAssignor assignor, boolean homogeneous) {
    Map<String, MemberSubscriptionAndAssignmentImpl> specs = new HashMap<>();
    Map<Uuid, Map<Integer, String>> inverted = new HashMap<>();
    for (Member member : members.values()) {
      // Where hashes collide the order of insertion decides: it is that of the ids.
      TreeSet<Uuid> sorted = new TreeSet<>();
      for (int t : member.topics()) sorted.add(topics.get(t));
      Set<Uuid> ids = new HashSet<>(sorted);
      Map<Uuid, Set<Integer>> target = new HashMap<>();
      new TreeMap<>(targets.getOrDefault(member.id(), Map.of())).forEach((topic, partitions) ->
          target.put(topic, new HashSet<>(new ArrayList<>(new TreeSet<>(partitions)))));
      target.forEach((topic, partitions) -> partitions.forEach(partition ->
          inverted.computeIfAbsent(topic, k -> new HashMap<>()).put(partition, member.id())));
      specs.put(member.id(), new MemberSubscriptionAndAssignmentImpl(Optional.empty(),
          Optional.ofNullable(member.instance()), ids, new Assignment(target)));
    }
    SubscriptionType type =
        homogeneous ? SubscriptionType.HOMOGENEOUS : SubscriptionType.HETEROGENEOUS;
    GroupAssignment made = assignor.assign(
        new GroupSpecImpl(Collections.unmodifiableMap(specs), type, inverted), new Describer(counts));
    System.out.println("group " + assignor.name() + " " + type.toString().toLowerCase());
    for (Uuid topic : topics) {
      System.out.println("topic " + topic.getMostSignificantBits() + " "
          + topic.getLeastSignificantBits() + " " + counts.get(topic));
    }
    for (Member member : members.values()) {
      MemberAssignment result = made.members().get(member.id());
      Map<Uuid, Set<Integer>> partitions = result == null ? Map.of() : result.partitions();
      StringBuilder subscribed = new StringBuilder();
      for (int t : member.topics()) subscribed.append(subscribed.length() == 0 ? "" : ",").append(t);
      System.out.println("member " + member.id() + " "
          + (member.instance() == null ? "-" : member.instance()) + " "
          + (subscribed.length() == 0 ? "-" : subscribed) + " "
          + text(targets.getOrDefault(member.id(), Map.of()), topics) + " " + text(partitions, topics));
      Map<Uuid, Set<Integer>> kept = new HashMap<>();
      partitions.forEach((topic, all) -> { if (!all.isEmpty()) kept.put(topic, new TreeSet<>(all)); });
      targets.put(member.id(), kept);
    }
    System.out.println("end");
  }

  public static void main(String[] args) {
    int groups = Integer.parseInt(args[0]);
    Random random = new Random(Long.parseLong(args[1]));
    boolean shares = args.length > 2 && args[2].equals("share");
    for (int g = 0; g < groups; g++) {
      ConsumerAssignments group = new ConsumerAssignments(random);
      boolean homogeneous = random.nextBoolean();
      int count = 1 + random.nextInt(4);
      for (int t = 0; t < count; t++) {
        Uuid topic = new Uuid(random.nextLong(), random.nextLong());
        group.topics.add(topic);
        group.counts.put(topic, 1 + random.nextInt(random.nextInt(5) == 0 ? 60 : 12));
      }
      PartitionAssignor assignor =
          shares ? new SimpleAssignor()
              : random.nextInt(3) == 0 ? new RangeAssignor() : new UniformAssignor();
      int most = random.nextInt(6) == 0 ? 40 : 6;
      for (int step = 0; step < 5; step++) {
        group.change(homogeneous, most);
        if (!group.members.isEmpty()) group.assign(assignor, homogeneous);
      }
    }
  }
}
