// SPDX-License-Identifier: Apache-2.0
import java.time.Duration;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.JoinWindows;
import org.apache.kafka.streams.kstream.KStream;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Materialized;
import org.apache.kafka.streams.kstream.Named;
import org.apache.kafka.streams.kstream.Repartitioned;
import org.apache.kafka.streams.kstream.SessionWindows;
import org.apache.kafka.streams.kstream.Suppressed;
import org.apache.kafka.streams.kstream.Suppressed.BufferConfig;
import org.apache.kafka.streams.kstream.TimeWindows;
import org.apache.kafka.streams.kstream.Windowed;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;

/**
 * One program with the topologies that SQL over streams makes: filter, joins of all kinds (stream
 * with table, with stream, table with table, by foreign key), group-by through repartition topics,
 * windows that hop, close and follow sessions. Every result is one that does not depend on the
 * order in which partitions are read, so that a model can say exactly what must come out.
 * Run: java -cp 'lib/*' Topologies.java BOOTSTRAP APPLICATION PROTOCOL STATE_DIR
 */
public final class Topologies {
  private static final Duration DAY = Duration.ofHours(24);
  private static final Serde<String> TEXT = Serdes.String();

  public static void main(String[] words) throws Exception {
    StreamsBuilder builder = new StreamsBuilder();
    build(builder);
    KafkaStreams streams = new KafkaStreams(builder.build(), config(words));
    streams.setStateListener((now, before) -> say(now.toString()));
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace(System.out);
      say("REPLACED");
      return StreamThreadExceptionResponse.REPLACE_THREAD;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() ->
        say(streams.close(Duration.ofSeconds(30)) ? "CLOSED" : "NOT CLOSED")));
    streams.start();
    Thread.currentThread().join();
  }

  private static void say(String text) {
    System.out.println(text);
    System.out.flush();
  }

  /** An order or a payment is "number,amount". */
  private static long amount(String value) {
    return Long.parseLong(value.substring(value.indexOf(',') + 1));
  }

  private static String number(String value) {
    return value.substring(0, value.indexOf(','));
  }

  private static String at(Windowed<String> key) {
    return key.key() + "@" + key.window().start() + "-" + key.window().end();
  }

  private static void build(StreamsBuilder builder) {
    KStream<String, String> orders = builder.stream("orders");
    KStream<String, String> payments = builder.stream("payments");
    KTable<String, String> regions = builder.table("customers");
    orders.filter((who, order) -> amount(order) >= 500)
        .mapValues(order -> number(order) + ":" + amount(order) * 2).to("big");
    orders.join(regions, (order, region) -> region + "," + amount(order))
        .selectKey((who, value) -> number(value))
        .repartition(Repartitioned.<String, String>as("regions").withNumberOfPartitions(2))
        .groupByKey().aggregate(() -> "0", (region, one, sum) ->
            Long.toString(Long.parseLong(sum) + amount(one)), Named.as("by-region"),
            Materialized.with(TEXT, TEXT))
        .toStream().to("by-region");
    windows(orders);
    orders.join(payments, (order, payment) -> number(order) + "/" + number(payment),
            JoinWindows.ofTimeDifferenceAndGrace(Duration.ofSeconds(5), DAY))
        .to("pairs");
    KTable<String, String> ordered = sum(orders, "ordered");
    KTable<String, String> paid = sum(payments, "paid");
    ordered.outerJoin(paid, (left, right) -> left + "/" + right).toStream().to("balances");
    KTable<String, String> items = builder.table("items");
    KTable<String, String> products = builder.table("products");
    items.join(products, item -> item.substring(0, item.indexOf(',')),
            (item, price) -> item + "=" + price)
        .toStream().to("priced");
  }

  private static KTable<String, String> sum(KStream<String, String> stream, String name) {
    return stream.groupByKey().aggregate(() -> "0", (who, one, sum) ->
        Long.toString(Long.parseLong(sum) + amount(one)), Named.as(name),
        Materialized.with(TEXT, TEXT));
  }

  private static void windows(KStream<String, String> orders) {
    orders.groupByKey(Grouped.with(TEXT, TEXT))
        .windowedBy(TimeWindows.ofSizeAndGrace(Duration.ofSeconds(60), DAY)
            .advanceBy(Duration.ofSeconds(20)))
        .count(Materialized.with(TEXT, Serdes.Long()))
        .toStream((key, count) -> at(key)).mapValues(Topologies::text).to("hops");
    orders.groupByKey(Grouped.with(TEXT, TEXT))
        .windowedBy(TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(30)))
        .count(Materialized.with(TEXT, Serdes.Long()))
        .suppress(Suppressed.untilWindowCloses(BufferConfig.unbounded()))
        .toStream((key, count) -> at(key)).mapValues(Topologies::text).to("closed");
    orders.groupByKey(Grouped.with(TEXT, TEXT))
        .windowedBy(SessionWindows.ofInactivityGapAndGrace(Duration.ofSeconds(7), DAY))
        .count(Materialized.with(TEXT, Serdes.Long()))
        .toStream((key, count) -> at(key)).mapValues(Topologies::text).to("sessions");
  }

  private static String text(Long count) {
    return count == null ? null : count.toString();
  }

  private static Properties config(String[] words) {
    Properties p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, words[0]);
    p.put(StreamsConfig.APPLICATION_ID_CONFIG, words[1]);
    p.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, words[2]);
    p.put(StreamsConfig.STATE_DIR_CONFIG, words[3]);
    p.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    p.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    p.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 150);
    p.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    p.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
    p.put(StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG,
        BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
    p.put("reconnect.backoff.max.ms", 200);
    p.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    if (words[2].equals("classic")) {
      p.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6000);
      p.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 1000);
    }
    return p;
  }
}
