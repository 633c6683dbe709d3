// SPDX-License-Identifier: Apache-2.0
// What the same work costs librdkafka: the twin of moldau-client-produce and moldau-client-consume,
// with the same settings.
#include <librdkafka/rdkafka.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

long failed = 0;

void delivered(rd_kafka_t* client, const rd_kafka_message_t* message, void* opaque) {
  (void)client, (void)opaque;
  if (message->err) ++failed;
}

void set(rd_kafka_conf_t* conf, const char* name, const char* value) {
  char why[512];
  if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)) != RD_KAFKA_CONF_OK) {
    fprintf(stderr, "%s\n", why);
    exit(1);
  }
}

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void say(long records, double took) {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                     static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
  printf(
      "{\"records\": %ld, \"seconds\": %.3f, \"cpu_seconds\": %.3f, "
      "\"records_per_cpu_second\": %.0f}\n",
      records, took, cpu, static_cast<double>(records) / cpu);
  fflush(stdout);
}

rd_kafka_t* open_client(rd_kafka_type_t type, rd_kafka_conf_t* conf) {
  char why[512];
  rd_kafka_t* client = rd_kafka_new(type, conf, why, sizeof(why));
  if (!client) {
    fprintf(stderr, "%s\n", why);
    exit(1);
  }
  return client;
}

int produce(const char* bootstrap, const char* topic, long records, size_t size,
            const char* batch_size) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "linger.ms", "5");
  set(conf, "enable.idempotence", "true");
  set(conf, "batch.size", batch_size);
  set(conf, "queue.buffering.max.kbytes", "32768");
  set(conf, "queue.buffering.max.messages", "1000000");
  rd_kafka_conf_set_dr_msg_cb(conf, delivered);
  rd_kafka_t* client = open_client(RD_KAFKA_PRODUCER, conf);
  rd_kafka_topic_t* to = rd_kafka_topic_new(client, topic, nullptr);
  std::string value(size, ' ');
  unsigned random = 1;
  for (char& byte : value) {
    random = random * 1103515245 + 12345;
    byte = static_cast<char>(' ' + (random >> 16) % 64);
  }
  const double began = seconds();
  for (long i = 0; i < records; ++i) {
    while (rd_kafka_produce(to, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, value.data(), size,
                            nullptr, 0, nullptr) == -1)
      rd_kafka_poll(client, 1);
    if ((i & 63) == 0) rd_kafka_poll(client, 0);
  }
  const int left = rd_kafka_flush(client, 60000) != RD_KAFKA_RESP_ERR_NO_ERROR;
  say(records, seconds() - began);
  return left || failed > 0 ? 1 : 0;
}

int consume(const char* bootstrap, const char* topic, int partitions, long wanted) {
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  set(conf, "bootstrap.servers", bootstrap);
  set(conf, "group.id", "bench");
  set(conf, "enable.auto.commit", "false");
  set(conf, "check.crcs", "true");
  rd_kafka_t* client = open_client(RD_KAFKA_CONSUMER, conf);
  rd_kafka_topic_partition_list_t* all = rd_kafka_topic_partition_list_new(partitions);
  for (int i = 0; i < partitions; ++i)
    rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_assign(client, all);
  rd_kafka_queue_t* queue = rd_kafka_queue_get_consumer(client);
  rd_kafka_message_t* messages[500];
  long records = 0;
  const double began = seconds();
  double news = began;
  while (records < wanted) {
    const ssize_t got = rd_kafka_consume_batch_queue(queue, 1000, messages, 500);
    for (ssize_t i = 0; i < got; ++i) {
      if (!messages[i]->err) ++records;
      rd_kafka_message_destroy(messages[i]);
    }
    if (got > 0) news = seconds();
    if (seconds() - news > 10) {
      fprintf(stderr, "nothing comes\n");
      return 1;
    }
  }
  say(records, seconds() - began);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 7 && strcmp(argv[1], "produce") == 0)
    return produce(argv[2], argv[3], atol(argv[4]), std::strtoull(argv[5], nullptr, 10), argv[6]);
  if (argc == 6 && strcmp(argv[1], "consume") == 0)
    return consume(argv[2], argv[3], atoi(argv[4]), atol(argv[5]));
  fprintf(stderr,
          "usage: moldau-rdkafka-client produce BOOTSTRAP TOPIC RECORDS BYTES BATCH_SIZE\n"
          "       moldau-rdkafka-client consume BOOTSTRAP TOPIC PARTITIONS RECORDS\n");
  return 2;
}
