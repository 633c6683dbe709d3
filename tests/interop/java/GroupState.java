// SPDX-License-Identifier: Apache-2.0
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.ExecutionException;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.GroupListing;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.StreamsGroupDescription;
import org.apache.kafka.common.GroupType;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.ClientQuotaFilter;

/**
 * All that a node knows of its groups, transactions, quotas, credentials and ACLs, a line each,
 * sorted, so that two of these texts can be compared.
 * Run: java -cp 'lib/*' GroupState.java BOOTSTRAP
 */
public final class GroupState {
  private static final TreeSet<String> LINES = new TreeSet<>();

  public static void main(String[] words) throws Exception {
    Properties p = new Properties();
    p.put("bootstrap.servers", words[0]);
    try (Admin admin = Admin.create(p)) {
      Collection<GroupListing> groups = admin.listGroups().all().get();
      for (GroupListing group : groups) {
        line("group", group.groupId(), group.type(), group.protocol(), group.groupState());
      }
      members(admin, groups);
      offsets(admin, groups);
      transactions(admin);
      metadata(admin, groups);
    }
    LINES.forEach(System.out::println);
  }

  private static void line(Object... parts) {
    StringBuilder out = new StringBuilder();
    for (Object part : parts) {
      if (part instanceof Optional<?> optional) part = optional.map(Object::toString).orElse("-");
      if (part instanceof Map<?, ?> map) part = new TreeMap<>(map);
      out.append(out.length() == 0 ? "" : " ").append(part);
    }
    LINES.add(out.toString());
  }

  private static List<String> of(Collection<GroupListing> groups, GroupType type) {
    return groups.stream().filter(group -> group.type().equals(Optional.of(type)))
        .map(GroupListing::groupId).sorted().collect(Collectors.toList());
  }

  private static Object sorted(Collection<?> values) {
    return values.stream().map(Object::toString).sorted().collect(Collectors.toList());
  }

  private static void members(Admin admin, Collection<GroupListing> groups) throws Exception {
    admin.describeClassicGroups(of(groups, GroupType.CLASSIC)).all().get().forEach((id, group) ->
        group.members().forEach(one -> line("member", id, group.protocolData(), one.consumerId(),
            one.groupInstanceId(), one.clientId(), sorted(one.assignment().topicPartitions()))));
    admin.describeConsumerGroups(of(groups, GroupType.CONSUMER)).all().get().forEach((id, group) -> {
      line("epochs", id, group.groupEpoch(), group.targetAssignmentEpoch(),
          group.partitionAssignor());
      group.members().forEach(one -> line("member", id, one.consumerId(), one.groupInstanceId(),
          one.clientId(), one.memberEpoch(), sorted(one.assignment().topicPartitions())));
    });
    admin.describeShareGroups(of(groups, GroupType.SHARE)).all().get().forEach((id, group) -> {
      line("epochs", id, group.groupEpoch(), group.targetAssignmentEpoch());
      group.members().forEach(one -> line("member", id, one.consumerId(), one.clientId(),
          one.memberEpoch(), sorted(one.assignment().topicPartitions())));
    });
    admin.describeStreamsGroups(of(groups, GroupType.STREAMS)).all().get().forEach(GroupState::streams);
  }

  private static void streams(String id, StreamsGroupDescription group) {
    line("epochs", id, group.groupEpoch(), group.targetAssignmentEpoch(), group.topologyEpoch());
    group.subtopologies().forEach(one -> line("topology", id, one.subtopologyId(),
        sorted(one.sourceTopics()), sorted(one.repartitionSinkTopics()),
        one.stateChangelogTopics(), one.repartitionSourceTopics()));
    group.members().forEach(one -> line("member", id, one.memberId(), one.memberEpoch(),
        one.clientId(), one.processId(), one.topologyEpoch(), one.clientTags(),
        sorted(one.assignment().activeTasks()), sorted(one.assignment().standbyTasks())));
  }

  private static void offsets(Admin admin, Collection<GroupListing> groups) throws Exception {
    for (GroupListing group : groups) {
      String id = group.groupId();
      if (group.type().equals(Optional.of(GroupType.SHARE))) {
        admin.listShareGroupOffsets(Map.of(id, new ListShareGroupOffsetsSpec())).all().get().get(id)
            .forEach((at, offset) -> line("start", id, at, offset.startOffset(), offset.lag()));
      } else {
        admin.listConsumerGroupOffsets(Map.of(id, new ListConsumerGroupOffsetsSpec())).all().get()
            .get(id).forEach((at, offset) -> line("offset", id, at, offset));
      }
    }
  }

  private static void transactions(Admin admin) throws Exception {
    for (var one : admin.listTransactions().all().get()) {
      var more = admin.describeTransactions(List.of(one.transactionalId())).all().get()
          .get(one.transactionalId());
      line("transaction", one.transactionalId(), one.producerId(), one.state(),
          more.transactionTimeoutMs(), more.producerEpoch(), more.transactionStartTimeMs(),
          sorted(more.topicPartitions()));
    }
  }

  private static void metadata(Admin admin, Collection<GroupListing> groups) throws Exception {
    admin.describeClientQuotas(ClientQuotaFilter.all()).entities().get().forEach((who, quotas) ->
        line("quota", new TreeMap<>(who.entries()), quotas));
    admin.describeUserScramCredentials().all().get().forEach((user, one) ->
        line("credential", user, sorted(one.credentialInfos())));
    try {
      admin.describeAcls(AclBindingFilter.ANY).values().get().forEach(acl -> line("acl", acl));
    } catch (ExecutionException error) {
      line("acl", error.getCause().getClass().getSimpleName());
    }
    List<ConfigResource> resources = groups.stream()
        .map(group -> new ConfigResource(ConfigResource.Type.GROUP, group.groupId())).toList();
    admin.describeConfigs(resources).all().get().forEach((resource, config) ->
        config.entries().stream().filter(entry -> !entry.isDefault()).forEach(entry ->
            line("config", resource.name(), entry.name(), entry.value(), entry.source())));
  }
}
