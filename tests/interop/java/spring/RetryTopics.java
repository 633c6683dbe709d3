// SPDX-License-Identifier: Apache-2.0
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.BackOff;
import org.springframework.kafka.annotation.DltHandler;
import org.springframework.kafka.annotation.EnableKafkaRetryTopic;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaAdmin;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.support.KafkaHeaders;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;

/**
 * A Spring Kafka listener of topic "requests" with retry topics and a dead-letter topic. "twice-N"
 * fails two times, "fail-N" always, "never-N" so that no retry is made; the others succeed. Prints
 * what it got from which topic, and runs until it is ended.
 * Run: java -cp 'lib/*:classes' RetryTopics BOOTSTRAP PROTOCOL
 */
@Configuration(proxyBeanMethods = false)
@EnableKafkaRetryTopic
public class RetryTopics {
  static String bootstrap;
  static String protocol;

  public static void main(String[] words) throws Exception {
    bootstrap = words[0];
    protocol = words[1];
    var context = new AnnotationConfigApplicationContext(RetryTopics.class);
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      context.close();
      say("closed");
    }));
    say("started");
    Thread.currentThread().join();
  }

  static synchronized void say(String text) {
    System.out.println(text);
    System.out.flush();
  }

  public static class Listener {
    @RetryableTopic(attempts = "4", backOff = @BackOff(delay = 300, multiplier = 2),
        numPartitions = "2", replicationFactor = "1", exclude = IllegalStateException.class)
    @KafkaListener(id = "requests", topics = "requests", concurrency = "2")
    public void listen(String value, @Header(KafkaHeaders.RECEIVED_TOPIC) String topic) {
      say("got " + topic + " " + value);
      if (value.startsWith("never-")) throw new IllegalStateException(value);
      if (value.startsWith("fail-")) throw new IllegalArgumentException(value);
      if (value.startsWith("twice-") && !topic.endsWith("-retry-600")) {
        throw new IllegalArgumentException(value);
      }
      say("done " + value);
    }

    @DltHandler
    public void dead(String value, @Header(KafkaHeaders.RECEIVED_TOPIC) String topic,
        @Header(KafkaHeaders.ORIGINAL_TOPIC) byte[] original) {
      say("dead " + topic + " " + value + " of " + new String(original));
    }
  }

  @Bean
  Listener listener() {
    return new Listener();
  }

  @Bean
  TaskScheduler scheduler() {
    return new ThreadPoolTaskScheduler();
  }

  @Bean
  KafkaAdmin admin() {
    return new KafkaAdmin(Map.of("bootstrap.servers", bootstrap));
  }

  @Bean
  KafkaTemplate<String, String> kafkaTemplate() {
    return new KafkaTemplate<>(new DefaultKafkaProducerFactory<>(Map.of(
        ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap,
        ProducerConfig.KEY_SERIALIZER_CLASS_CONFIG, StringSerializer.class,
        ProducerConfig.VALUE_SERIALIZER_CLASS_CONFIG, StringSerializer.class)));
  }

  @Bean
  ConcurrentKafkaListenerContainerFactory<String, String> kafkaListenerContainerFactory() {
    Map<String, Object> config = new HashMap<>();
    config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, bootstrap);
    config.put(ConsumerConfig.GROUP_PROTOCOL_CONFIG, protocol);
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    config.put(ConsumerConfig.KEY_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
    config.put(ConsumerConfig.VALUE_DESERIALIZER_CLASS_CONFIG, StringDeserializer.class);
    var factory = new ConcurrentKafkaListenerContainerFactory<String, String>();
    factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(config));
    return factory;
  }
}
