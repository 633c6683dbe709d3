// SPDX-License-Identifier: Apache-2.0
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.Future;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.OutOfOrderSequenceException;

/**
 * Reads topic IN as a group and writes each record once to topic OUT, in transactions of which one
 * in four is aborted and done again. Lives through any number of crashes of the node. Ends when it
 * has written COUNT records and says how many transactions that took.
 */
public final class ExactlyOnce {
  private static final Random RANDOM = new Random(7);

  public static void main(String[] words) throws Exception {
    String bootstrap = words[0];
    String in = words[1];
    String out = words[2];
    String id = words[3];
    long count = Long.parseLong(words[4]);
    String protocol = words.length > 5 ? words[5] : "classic";
    long committed = 0;
    int begun = 0;
    int restarts = 0;
    while (true) {
      try (KafkaProducer<byte[], byte[]> producer = producer(bootstrap, id);
           KafkaConsumer<byte[], byte[]> consumer = consumer(bootstrap, id, protocol)) {
        producer.initTransactions();
        consumer.subscribe(List.of(in));
        while ((committed = committed(consumer, in)) < count) {
          ConsumerRecords<byte[], byte[]> records = consumer.poll(Duration.ofMillis(500));
          if (records.isEmpty()) continue;
          begun++;
          boolean abort = RANDOM.nextInt(4) == 0;
          once(producer, consumer, records, out, abort);
          if (abort) rewind(consumer);
          System.out.println("committed " + committed);
        }
        break;
      } catch (AuthorizationException | OutOfOrderSequenceException error) {
        throw error;
      } catch (KafkaException error) {
        restarts++;
        System.out.println("again after " + error);
        Thread.sleep(100);
      }
    }
    System.out.println("done " + committed + " records, " + begun + " transactions, " + restarts
        + " restarts");
  }

  private static long committed(KafkaConsumer<byte[], byte[]> consumer, String in) {
    TopicPartition partition = new TopicPartition(in, 0);
    OffsetAndMetadata offset = consumer.committed(java.util.Set.of(partition)).get(partition);
    return offset == null ? 0 : offset.offset();
  }

  private static void once(KafkaProducer<byte[], byte[]> producer,
      KafkaConsumer<byte[], byte[]> consumer, ConsumerRecords<byte[], byte[]> records, String out,
      boolean abort) {
    producer.beginTransaction();
    try {
      List<Future<?>> sent = new ArrayList<>();
      Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
      for (ConsumerRecord<byte[], byte[]> record : records) {
        sent.add(producer.send(
            new ProducerRecord<>(out, (int) (record.offset() % 3), record.key(), record.value())));
        offsets.put(new TopicPartition(record.topic(), record.partition()),
            new OffsetAndMetadata(record.offset() + 1));
      }
      producer.sendOffsetsToTransaction(offsets, consumer.groupMetadata());
      if (abort) {
        producer.flush();
        producer.abortTransaction();
      } else {
        producer.commitTransaction();
      }
    } catch (KafkaException error) {
      System.out.println("abort after " + error);
      producer.abortTransaction();
      rewind(consumer);
    }
  }

  private static void rewind(KafkaConsumer<byte[], byte[]> consumer) {
    Map<TopicPartition, OffsetAndMetadata> committed = consumer.committed(consumer.assignment());
    for (TopicPartition partition : consumer.assignment()) {
      OffsetAndMetadata offset = committed.get(partition);
      consumer.seek(partition, offset == null ? 0 : offset.offset());
    }
  }

  private static KafkaProducer<byte[], byte[]> producer(String bootstrap, String id) {
    Properties p = new Properties();
    p.put("bootstrap.servers", bootstrap);
    p.put("transactional.id", id);
    p.put("transaction.timeout.ms", "8000");
    p.put("max.block.ms", "20000");
    p.put("delivery.timeout.ms", "20000");
    p.put("request.timeout.ms", "5000");
    p.put("reconnect.backoff.max.ms", "200");
    p.put("linger.ms", "2");
    p.put("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
    p.put("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer");
    return new KafkaProducer<>(p);
  }

  private static KafkaConsumer<byte[], byte[]> consumer(String bootstrap, String id,
      String protocol) {
    Properties p = new Properties();
    p.put("bootstrap.servers", bootstrap);
    p.put("group.id", id);
    p.put("group.protocol", protocol);
    p.put("enable.auto.commit", "false");
    p.put("auto.offset.reset", "earliest");
    p.put("isolation.level", "read_committed");
    p.put("max.poll.records", "20");
    p.put("default.api.timeout.ms", "20000");
    p.put("reconnect.backoff.max.ms", "200");
    if (protocol.equals("classic")) {
      p.put(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG, "6000");
      p.put(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG, "500");
    }
    p.put("key.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
    p.put("value.deserializer", "org.apache.kafka.common.serialization.ByteArrayDeserializer");
    return new KafkaConsumer<>(p);
  }
}
