// SPDX-License-Identifier: Apache-2.0
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.admin.AbortTransactionSpec;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.FeatureUpdate;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListShareGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListStreamsGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListTransactionsOptions;
import org.apache.kafka.clients.admin.NewPartitionReassignment;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RaftVoterEndpoint;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.ScramCredentialInfo;
import org.apache.kafka.clients.admin.ScramMechanism;
import org.apache.kafka.clients.admin.UserScramCredentialDeletion;
import org.apache.kafka.clients.admin.UserScramCredentialUpsertion;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.ElectionType;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.TopicPartitionReplica;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclBindingFilter;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.quota.ClientQuotaAlteration;
import org.apache.kafka.common.quota.ClientQuotaEntity;
import org.apache.kafka.common.quota.ClientQuotaFilter;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;

/** Calls every method of Admin once or more and prints how each went: its kind, or the error's. */
@SuppressWarnings("removal")
public final class AdminMethods {
  private static final TopicPartition T0 = new TopicPartition("t", 0);
  private static final TopicPartition NONE = new TopicPartition("none", 0);

  private interface Made {
    KafkaFuture<?> make() throws Exception;
  }

  private static void call(String name, Made made) {
    String text;
    try {
      Object value = made.make().get(30, TimeUnit.SECONDS);
      text = value == null ? "done"
          : value instanceof Collection<?> all ? "a collection of " + all.size()
          : value instanceof Map<?, ?> map ? "a map of " + new TreeSet<>(
              map.keySet().stream().map(Object::toString).toList())
          : "done";
    } catch (ExecutionException error) {
      text = error.getCause().getClass().getSimpleName();
    } catch (Exception error) {
      text = "at once " + error.getClass().getSimpleName();
    }
    System.out.println(name + ": " + text);
  }

  public static void main(String[] words) throws Exception {
    Properties p = new Properties();
    p.put("bootstrap.servers", words[0]);
    p.put("default.api.timeout.ms", "20000");
    p.put("request.timeout.ms", "10000");
    try (Admin admin = Admin.create(p)) {
      topics(admin);
      records(admin, words[0]);
      configs(admin);
      security(admin);
      groups(admin);
      transactions(admin, words[0]);
      cluster(admin, words[0]);
      call("deleteTopics", () -> admin.deleteTopics(List.of("t")).all());
      call("deleteTopics again", () -> admin.deleteTopics(List.of("t")).all());
    }
  }

  private static void topics(Admin a) {
    call("createTopics", () -> a.createTopics(List.of(new NewTopic("t", 2, (short) 1))).all());
    call("createTopics again", () -> a.createTopics(List.of(new NewTopic("t", 2, (short) 1))).all());
    call("listTopics", () -> a.listTopics().names());
    call("describeTopics", () -> a.describeTopics(List.of("t")).allTopicNames());
    call("describeTopics none", () -> a.describeTopics(List.of("none")).allTopicNames());
    call("createPartitions",
        () -> a.createPartitions(Map.of("t", NewPartitions.increaseTo(3))).all());
    call("createPartitions fewer",
        () -> a.createPartitions(Map.of("t", NewPartitions.increaseTo(1))).all());
    call("electLeaders", () -> a.electLeaders(ElectionType.PREFERRED, Set.of(T0)).all());
    call("alterPartitionReassignments", () -> a.alterPartitionReassignments(
        Map.of(T0, Optional.of(new NewPartitionReassignment(List.of(1))))).all());
    call("listPartitionReassignments", () -> a.listPartitionReassignments().reassignments());
  }

  private static void records(Admin a, String bootstrap) {
    try (KafkaProducer<byte[], byte[]> producer = producer(bootstrap, null)) {
      for (int n = 0; n < 5; n++) producer.send(new ProducerRecord<>("t", 0, null, new byte[3]));
    }
    call("listOffsets", () -> a.listOffsets(Map.of(T0, OffsetSpec.latest())).all());
    for (OffsetSpec spec : List.of(OffsetSpec.earliest(), OffsetSpec.maxTimestamp(),
        OffsetSpec.forTimestamp(0), OffsetSpec.earliestLocal(), OffsetSpec.latestTiered()))
      call("listOffsets " + spec.getClass().getSimpleName(),
          () -> a.listOffsets(Map.of(T0, spec)).all());
    call("deleteRecords",
        () -> a.deleteRecords(Map.of(T0, RecordsToDelete.beforeOffset(2))).all());
    call("deleteRecords beyond",
        () -> a.deleteRecords(Map.of(T0, RecordsToDelete.beforeOffset(99))).all());
    call("describeProducers", () -> a.describeProducers(List.of(T0)).all());
    call("describeLogDirs", () -> a.describeLogDirs(List.of(1)).allDescriptions());
    TopicPartitionReplica replica = new TopicPartitionReplica("t", 0, 1);
    call("describeReplicaLogDirs", () -> a.describeReplicaLogDirs(List.of(replica)).all());
    call("alterReplicaLogDirs", () -> a.alterReplicaLogDirs(Map.of(replica, "/none")).all());
  }

  private static void configs(Admin a) {
    ConfigResource t = new ConfigResource(ConfigResource.Type.TOPIC, "t");
    ConfigResource broker = new ConfigResource(ConfigResource.Type.BROKER, "1");
    ConfigResource group = new ConfigResource(ConfigResource.Type.GROUP, "g");
    ConfigResource metrics = new ConfigResource(ConfigResource.Type.CLIENT_METRICS, "m");
    call("describeConfigs", () -> a.describeConfigs(List.of(t, broker, group)).all());
    set(a, t, "retention.ms", "1000000");
    set(a, t, "retention.ms", "x");
    set(a, t, "none", "x");
    set(a, broker, "log.cleaner.threads", "2");
    set(a, group, "consumer.session.timeout.ms", "46000");
    set(a, group, "share.record.lock.duration.ms", "16000");
    set(a, group, "streams.num.standby.replicas", "1");
    set(a, metrics, "interval.ms", "5000");
    call("listConfigResources", () -> a.listConfigResources(
        Set.of(ConfigResource.Type.GROUP, ConfigResource.Type.CLIENT_METRICS),
        new org.apache.kafka.clients.admin.ListConfigResourcesOptions()).all());
    call("listClientMetricsResources", () -> a.listClientMetricsResources().all());
    ClientQuotaEntity user = new ClientQuotaEntity(Map.of(ClientQuotaEntity.USER, "u"));
    call("alterClientQuotas", () -> a.alterClientQuotas(List.of(new ClientQuotaAlteration(user,
        List.of(new ClientQuotaAlteration.Op("producer_byte_rate", 1e6))))).all());
    call("alterClientQuotas wrong", () -> a.alterClientQuotas(List.of(new ClientQuotaAlteration(
        user, List.of(new ClientQuotaAlteration.Op("none", 1e6))))).all());
    call("describeClientQuotas", () -> a.describeClientQuotas(ClientQuotaFilter.all()).entities());
  }

  private static void set(Admin a, ConfigResource where, String key, String value) {
    call("incrementalAlterConfigs " + where.type() + " " + key + "=" + value,
        () -> a.incrementalAlterConfigs(Map.of(where, List.of(
            new AlterConfigOp(new ConfigEntry(key, value), AlterConfigOp.OpType.SET)))).all());
  }

  private static void security(Admin a) {
    AclBinding acl = new AclBinding(new ResourcePattern(ResourceType.TOPIC, "t",
        PatternType.LITERAL), new AccessControlEntry("User:a", "*", AclOperation.READ,
        AclPermissionType.ALLOW));
    call("createAcls", () -> a.createAcls(List.of(acl)).all());
    call("describeAcls", () -> a.describeAcls(AclBindingFilter.ANY).values());
    call("deleteAcls", () -> a.deleteAcls(List.of(AclBindingFilter.ANY)).all());
    call("alterUserScramCredentials", () -> a.alterUserScramCredentials(List.of(
        new UserScramCredentialUpsertion("u", new ScramCredentialInfo(
            ScramMechanism.SCRAM_SHA_256, 4096), "secret"))).all());
    call("alterUserScramCredentials none", () -> a.alterUserScramCredentials(List.of(
        new UserScramCredentialDeletion("none", ScramMechanism.SCRAM_SHA_512))).all());
    call("describeUserScramCredentials", () -> a.describeUserScramCredentials().all());
    call("createDelegationToken", () -> a.createDelegationToken().delegationToken());
    call("renewDelegationToken", () -> a.renewDelegationToken(new byte[4]).expiryTimestamp());
    call("expireDelegationToken", () -> a.expireDelegationToken(new byte[4]).expiryTimestamp());
    call("describeDelegationToken", () -> a.describeDelegationToken().delegationTokens());
  }

  private static void groups(Admin a) {
    call("alterConsumerGroupOffsets", () -> a.alterConsumerGroupOffsets("g",
        Map.of(T0, new OffsetAndMetadata(3))).all());
    call("alterConsumerGroupOffsets none", () -> a.alterConsumerGroupOffsets("g",
        Map.of(NONE, new OffsetAndMetadata(3))).all());
    call("listConsumerGroupOffsets", () -> a.listConsumerGroupOffsets(
        Map.of("g", new ListConsumerGroupOffsetsSpec())).all());
    call("listConsumerGroups", () -> a.listConsumerGroups().all());
    call("listGroups", () -> a.listGroups().all());
    call("describeConsumerGroups", () -> a.describeConsumerGroups(List.of("g")).all());
    call("describeConsumerGroups none", () -> a.describeConsumerGroups(List.of("none")).all());
    call("describeClassicGroups", () -> a.describeClassicGroups(List.of("g")).all());
    call("describeClassicGroups none", () -> a.describeClassicGroups(List.of("none")).all());
    call("removeMembersFromConsumerGroup", () -> a.removeMembersFromConsumerGroup("g",
        new RemoveMembersFromConsumerGroupOptions()).all());
    call("deleteConsumerGroupOffsets",
        () -> a.deleteConsumerGroupOffsets("g", Set.of(T0)).all());
    call("deleteConsumerGroups", () -> a.deleteConsumerGroups(List.of("g")).all());
    call("deleteConsumerGroups none", () -> a.deleteConsumerGroups(List.of("none")).all());
    call("describeShareGroups none", () -> a.describeShareGroups(List.of("none")).all());
    call("alterShareGroupOffsets", () -> a.alterShareGroupOffsets("s", Map.of(T0, 3L)).all());
    call("listShareGroupOffsets", () -> a.listShareGroupOffsets(
        Map.of("s", new ListShareGroupOffsetsSpec())).all());
    call("describeShareGroups", () -> a.describeShareGroups(List.of("s")).all());
    call("deleteShareGroupOffsets", () -> a.deleteShareGroupOffsets("s", Set.of("t")).all());
    call("deleteShareGroups", () -> a.deleteShareGroups(List.of("s")).all());
    call("describeStreamsGroups none", () -> a.describeStreamsGroups(List.of("none")).all());
    call("alterStreamsGroupOffsets", () -> a.alterStreamsGroupOffsets("w",
        Map.of(T0, new OffsetAndMetadata(3))).all());
    call("listStreamsGroupOffsets", () -> a.listStreamsGroupOffsets(
        Map.of("w", new ListStreamsGroupOffsetsSpec())).all());
    call("deleteStreamsGroupOffsets", () -> a.deleteStreamsGroupOffsets("w", Set.of(T0)).all());
    call("deleteStreamsGroups", () -> a.deleteStreamsGroups(List.of("w")).all());
  }

  private static void transactions(Admin a, String bootstrap) {
    try (KafkaProducer<byte[], byte[]> producer = producer(bootstrap, "x")) {
      producer.initTransactions();
      producer.beginTransaction();
      producer.send(new ProducerRecord<>("t", 0, null, new byte[3]));
      producer.flush();
      call("listTransactions", () -> a.listTransactions().all());
      call("listTransactions by pattern", () -> a.listTransactions(
          new ListTransactionsOptions().filterOnTransactionalIdPattern("x.*")).all());
      call("describeTransactions", () -> a.describeTransactions(List.of("x")).all());
      call("describeTransactions none", () -> a.describeTransactions(List.of("none")).all());
      call("abortTransaction none", () -> a.abortTransaction(
          new AbortTransactionSpec(T0, 77777, (short) 0, -1)).all());
      call("fenceProducers", () -> a.fenceProducers(List.of("x")).all());
      call("forceTerminateTransaction", () -> a.forceTerminateTransaction("x").result());
    } catch (Exception error) {
      System.out.println("the fenced producer: " + error.getClass().getSimpleName());
    }
  }

  private static void cluster(Admin a, String bootstrap) {
    call("describeCluster", () -> a.describeCluster().nodes());
    call("describeFeatures", () -> a.describeFeatures().featureMetadata());
    call("updateFeatures", () -> a.updateFeatures(Map.of("none",
        new FeatureUpdate((short) 1, FeatureUpdate.UpgradeType.UPGRADE)),
        new org.apache.kafka.clients.admin.UpdateFeaturesOptions()).all());
    call("describeMetadataQuorum", () -> a.describeMetadataQuorum().quorumInfo());
    call("unregisterBroker", () -> a.unregisterBroker(99).all());
    call("addRaftVoter", () -> a.addRaftVoter(7, Uuid.randomUuid(),
        Set.of(new RaftVoterEndpoint("CONTROLLER", "127.0.0.1", 1))).all());
    call("removeRaftVoter", () -> a.removeRaftVoter(7, Uuid.randomUuid()).all());
    Callable<Object> instance = () -> a.clientInstanceId(Duration.ofSeconds(10));
    try {
      System.out.println("clientInstanceId: " + (instance.call() == null ? "none" : "done"));
    } catch (Exception error) {
      System.out.println("clientInstanceId: " + error.getClass().getSimpleName());
    }
  }

  private static KafkaProducer<byte[], byte[]> producer(String bootstrap, String id) {
    Properties p = new Properties();
    p.put("bootstrap.servers", bootstrap);
    if (id != null) p.put("transactional.id", id);
    p.put("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
    p.put("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
    return new KafkaProducer<>(p);
  }
}
