// SPDX-License-Identifier: Apache-2.0
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;

/**
 * Takes what a share group has: releases the records of odd offsets, accepts or rejects the others
 * (all are accepted if VERDICT is "accept"). Prints each with its count of deliveries and ends
 * without a word to the node after COUNT of them, or when there are none for 10 seconds.
 * Run: java -cp 'lib/*' ShareDeliveries.java BOOTSTRAP TOPIC GROUP VERDICT COUNT
 */
public final class ShareDeliveries {
  public static void main(String[] words) {
    Properties p = new Properties();
    p.put("bootstrap.servers", words[0]);
    p.put("group.id", words[2]);
    p.put("share.acknowledgement.mode", "explicit");
    p.put("max.poll.records", "20");
    p.put("key.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    p.put("value.deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
    KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(p);
    consumer.subscribe(List.of(words[1]));
    int wanted = Integer.parseInt(words[4]);
    int seen = 0;
    long last = 0;
    while (seen < wanted && (last == 0 || System.currentTimeMillis() - last < 10_000)) {
      StringBuilder said = new StringBuilder();
      for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(500))) {
        AcknowledgeType verdict = AcknowledgeType.ACCEPT;
        if (!words[3].equals("accept")) {
          if (record.offset() % 2 == 1) verdict = AcknowledgeType.RELEASE;
          if (record.offset() % 4 == 0) verdict = AcknowledgeType.REJECT;
        }
        consumer.acknowledge(record, verdict);
        seen++;
        said.append(record.offset()).append(' ').append(record.deliveryCount().orElse((short) -1))
            .append(' ').append(verdict).append('\n');
      }
      if (last == 0 && consumer.subscription().size() == 1) last = System.currentTimeMillis();
      if (said.length() == 0) continue;
      last = System.currentTimeMillis();
      consumer.commitSync(Duration.ofSeconds(30)).forEach((partition, error) ->
          error.ifPresent(what -> said.append("not acknowledged: ").append(what).append('\n')));
      System.out.print(said);
      System.out.flush();
    }
    Runtime.getRuntime().halt(0);
  }
}
