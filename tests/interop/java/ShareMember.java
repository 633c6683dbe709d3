// SPDX-License-Identifier: Apache-2.0
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;

/**
 * A member of a share group that says of each record what became of it: accepts it, but releases
 * every fifth at its first delivery and rejects those that begin with "bad". Prints what was
 * accepted once the node has acknowledged that. Ends after SECONDS without a record.
 */
public final class ShareMember {
  public static void main(String[] words) throws Exception {
    Properties config = new Properties();
    config.put("bootstrap.servers", words[0]);
    config.put("group.id", words[2]);
    config.put("share.acknowledgement.mode", "explicit");
    config.put("max.poll.records", words.length > 4 ? words[4] : "50");
    config.put("share.acquire.mode", words.length > 5 ? words[5] : "batch_optimized");
    config.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    config.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    long patience = Long.parseLong(words[3]) * 1000;
    try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(config)) {
      consumer.subscribe(List.of(words[1]));
      System.out.println("ready");
      long last = System.currentTimeMillis();
      while (System.currentTimeMillis() - last < patience) {
        ConsumerRecords<String, String> records = consumer.poll(Duration.ofMillis(500));
        if (records.isEmpty()) continue;
        last = System.currentTimeMillis();
        StringBuilder accepted = new StringBuilder();
        for (ConsumerRecord<String, String> record : records) {
          AcknowledgeType type = verdict(record);
          consumer.acknowledge(record, type);
          if (type == AcknowledgeType.ACCEPT) accepted.append("accepted ").append(record.value()).append('\n');
        }
        boolean stored = consumer.commitSync(Duration.ofSeconds(30)).values().stream()
            .allMatch(error -> error.isEmpty());
        if (stored) System.out.print(accepted);
      }
    }
    System.out.println("done");
  }

  private static AcknowledgeType verdict(ConsumerRecord<String, String> record) {
    if (record.value().startsWith("bad")) return AcknowledgeType.REJECT;
    boolean again = record.offset() % 5 == 0 && record.deliveryCount().orElse((short) 1) < 2;
    return again ? AcknowledgeType.RELEASE : AcknowledgeType.ACCEPT;
  }
}
