// SPDX-License-Identifier: Apache-2.0
// A Kafka Streams program: counts the words of lines (through a repartition topic, into a store
// with a changelog) and, beside it, how often each word's first letter came. Runs until it is
// ended; prints its states.
// Run: java -cp 'lib/*' WordCount.java BOOTSTRAP APPLICATION PROTOCOL STATE_DIR GUARANTEE STANDBYS
import java.time.Duration;
import java.util.Locale;
import java.util.Properties;
import java.util.Arrays;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Grouped;
import org.apache.kafka.streams.kstream.KTable;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.state.BuiltInDslStoreSuppliers;

public class WordCount {
    static Properties config(String[] arguments) {
        Properties out = new Properties();
        out.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, arguments[0]);
        out.put(StreamsConfig.APPLICATION_ID_CONFIG, arguments[1]);
        out.put(StreamsConfig.GROUP_PROTOCOL_CONFIG, arguments[2]);
        out.put(StreamsConfig.STATE_DIR_CONFIG, arguments[3]);
        out.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, arguments[4]);
        if (!arguments[2].equals("streams")) {
            out.put(StreamsConfig.NUM_STANDBY_REPLICAS_CONFIG, arguments[5]);
        }
        out.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
        out.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 200);
        out.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        out.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.StringSerde.class);
        out.put(StreamsConfig.DSL_STORE_SUPPLIERS_CLASS_CONFIG,
            BuiltInDslStoreSuppliers.InMemoryDslStoreSuppliers.class);
        out.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
        if (!arguments[2].equals("streams")) {
            out.put(StreamsConfig.consumerPrefix(ConsumerConfig.SESSION_TIMEOUT_MS_CONFIG), 6000);
            out.put(StreamsConfig.consumerPrefix(ConsumerConfig.HEARTBEAT_INTERVAL_MS_CONFIG), 1000);
        }
        return out;
    }

    public static void main(String[] arguments) throws Exception {
        StreamsBuilder builder = new StreamsBuilder();
        KTable<String, Long> counts = builder.<String, String>stream("lines")
            .flatMapValues(line -> Arrays.asList(line.toLowerCase(Locale.ROOT).split("\\W+")))
            .groupBy((key, word) -> word, Grouped.as("words"))
            .count();
        counts.toStream().to("counts", Produced.with(Serdes.String(), Serdes.Long()));
        counts.groupBy((word, count) -> org.apache.kafka.streams.KeyValue.pair(
                word.substring(0, 1), count), Grouped.with("letters", Serdes.String(), Serdes.Long()))
            .reduce(Long::sum, (sum, old) -> sum - old)
            .toStream().to("letters", Produced.with(Serdes.String(), Serdes.Long()));
        KafkaStreams streams = new KafkaStreams(builder.build(), config(arguments));
        streams.setStateListener((now, before) -> {
            System.out.println(now);
            System.out.flush();
        });
        streams.setUncaughtExceptionHandler(error -> {
            error.printStackTrace(System.out);
            System.out.flush();
            return org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler
                .StreamThreadExceptionResponse.REPLACE_THREAD;
        });
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            System.out.println(streams.close(Duration.ofSeconds(20)) ? "CLOSED" : "NOT CLOSED");
            System.out.flush();
        }));
        streams.start();
        Thread.currentThread().join();
    }
}
