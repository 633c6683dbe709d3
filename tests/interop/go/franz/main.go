// SPDX-License-Identifier: Apache-2.0

// franz-go against BOOTSTRAP: admin, every codec and acks, assigned partitions.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const topic = "franz-go"

func check(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func produce(ctx context.Context, broker string, name string, opts ...kgo.Opt) []string {
	opts = append(opts, kgo.SeedBrokers(broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	client, err := kgo.NewClient(opts...)
	check(err, "client")
	defer client.Close()
	var values []string
	var records []*kgo.Record
	for i := 0; i < 100; i++ {
		values = append(values, fmt.Sprintf("%s-%d moldau moldau", name, i))
		records = append(records, &kgo.Record{Topic: topic, Partition: 0, Value: []byte(values[i])})
	}
	check(client.ProduceSync(ctx, records...).FirstErr(), "produce "+name)
	return values
}

func consume(ctx context.Context, broker string, expected []string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
			topic: {0: kgo.NewOffset().AtStart()}}))
	check(err, "client")
	defer client.Close()
	read := 0
	for read < len(expected) {
		fetches := client.PollFetches(ctx)
		for _, e := range fetches.Errors() {
			check(e.Err, "fetch")
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if read < len(expected) && (r.Offset != int64(read) || string(r.Value) != expected[read]) {
				check(fmt.Errorf("offset %d has %q", r.Offset, r.Value), "consume")
			}
			read++
		})
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	broker := os.Args[1]
	base, err := kgo.NewClient(kgo.SeedBrokers(broker))
	check(err, "client")
	admin := kadm.NewClient(base)
	_, err = admin.CreateTopic(ctx, 2, 1, nil, topic)
	check(err, "create topic")

	codecs := map[string]kgo.CompressionCodec{"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(),
		"snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression()}
	var expected []string
	for _, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		codec := kgo.ProducerBatchCompression(codecs[name])
		plain := kgo.DisableIdempotentWrite()
		expected = append(expected, produce(ctx, broker, name+"-all", codec)...)
		expected = append(expected, produce(ctx, broker, name+"-1", codec, plain,
			kgo.RequiredAcks(kgo.LeaderAck()))...)
		expected = append(expected, produce(ctx, broker, name+"-0", codec, plain,
			kgo.RequiredAcks(kgo.NoAck()))...)
	}
	consume(ctx, broker, expected)

	ends, err := admin.ListEndOffsets(ctx, topic)
	check(err, "list offsets")
	if end, _ := ends.Lookup(topic, 0); end.Offset != int64(len(expected)) {
		check(fmt.Errorf("end offset %d, not %d", end.Offset, len(expected)), "list offsets")
	}
	_, err = admin.DescribeTopicConfigs(ctx, topic)
	check(err, "describe configs")
	_, err = admin.DeleteTopics(ctx, topic)
	check(err, "delete topic")
	base.Close()
}
