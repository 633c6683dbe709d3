// SPDX-License-Identifier: Apache-2.0
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.ConsumerGroupMetadata;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;

/**
 * Two members each of a classic group, a consumer group and a share group, and a producer that
 * holds a transaction open. They live until they are ended, through any number of restarts of the
 * node, and print what they do. The producer ends its transaction N once FOLDER/end-N is there: it
 * commits the even ones, aborts the others, and begins the next.
 * Run: java -cp 'lib/*' LiveMembers.java BOOTSTRAP FOLDER
 */
public final class LiveMembers {
  private static Path folder;

  public static void main(String[] words) {
    folder = Path.of(words[1]);
    for (int n = 0; n < 2; n++) {
      int number = n;
      start(() -> reads(words[0], "classic", number));
      start(() -> reads(words[0], "consumer", number));
      start(() -> shares(words[0], number));
    }
    start(() -> holdsOpen(words[0]));
  }

  private interface Role {
    void run() throws Exception;
  }

  private static void start(Role role) {
    new Thread(() -> {
      try {
        role.run();
      } catch (Throwable error) {
        error.printStackTrace(System.out);
        say("FAILED " + error);
      }
    }).start();
  }

  private static synchronized void say(String text) {
    System.out.println(text);
    System.out.flush();
  }

  private static Properties config(String bootstrap) {
    Properties p = new Properties();
    p.put("bootstrap.servers", bootstrap);
    p.put("reconnect.backoff.max.ms", "200");
    for (String side : List.of("key.", "value.")) {
      p.put(side + "deserializer", "org.apache.kafka.common.serialization.StringDeserializer");
      p.put(side + "serializer", "org.apache.kafka.common.serialization.StringSerializer");
    }
    return p;
  }

  private static void reads(String bootstrap, String protocol, int number) {
    Properties p = config(bootstrap);
    p.put("group.id", protocol + "-group");
    p.put("group.protocol", protocol);
    p.put("client.id", protocol + "-" + number);
    if (number == 0) p.put("group.instance.id", protocol + "-static");
    p.put("auto.offset.reset", "earliest");
    p.put("auto.commit.interval.ms", "200");
    if (protocol.equals("classic")) {
      p.put("session.timeout.ms", "60000");
      p.put("heartbeat.interval.ms", "500");
    }
    try (KafkaConsumer<String, String> consumer = new KafkaConsumer<>(p)) {
      consumer.subscribe(List.of(protocol));
      while (true) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(300))) {
          say(protocol + " read " + record.value());
        }
      }
    }
  }

  private static void shares(String bootstrap, int number) {
    Properties p = config(bootstrap);
    p.put("group.id", "share-group");
    p.put("client.id", "share-" + number);
    p.put("share.acknowledgement.mode", "explicit");
    p.put("max.poll.records", "20");
    try (KafkaShareConsumer<String, String> consumer = new KafkaShareConsumer<>(p)) {
      consumer.subscribe(List.of("share"));
      while (true) {
        StringBuilder read = new StringBuilder();
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(300))) {
          consumer.acknowledge(record, AcknowledgeType.ACCEPT);
          read.append(read.length() == 0 ? "" : "\n").append("share read ").append(record.value());
        }
        if (read.length() == 0) continue;
        consumer.commitSync(Duration.ofSeconds(60)).forEach((partition, error) ->
            error.ifPresent(what -> say("share not acknowledged: " + what)));
        say(read.toString());
      }
    }
  }

  private static void holdsOpen(String bootstrap) throws Exception {
    Properties p = config(bootstrap);
    p.put("transactional.id", "held-open");
    p.put("transaction.timeout.ms", "600000");
    p.put("delivery.timeout.ms", "120000");
    p.put("request.timeout.ms", "10000");
    p.put("max.block.ms", "120000");
    try (KafkaProducer<String, String> producer = new KafkaProducer<>(p)) {
      producer.initTransactions();
      for (int number = 0; true; number++) {
        producer.beginTransaction();
        sends(producer, number, "first");
        producer.sendOffsetsToTransaction(
            Map.of(new TopicPartition("transactions", 0), new OffsetAndMetadata(number + 1)),
            new ConsumerGroupMetadata("transaction-group"));
        say("transaction open " + number);
        while (!Files.exists(folder.resolve("end-" + number))) Thread.sleep(50);
        sends(producer, number, "second");
        if (number % 2 == 0) {
          producer.commitTransaction();
        } else {
          producer.abortTransaction();
        }
        say("transaction ended " + number);
      }
    }
  }

  private static void sends(KafkaProducer<String, String> producer, int number, String part) {
    for (int partition = 0; partition < 2; partition++) {
      producer.send(new ProducerRecord<>("transactions", partition, null, number + "-" + part));
    }
    producer.flush();
  }
}
