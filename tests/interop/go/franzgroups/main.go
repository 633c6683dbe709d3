// SPDX-License-Identifier: Apache-2.0

// franz-go in groups at BOOTSTRAP. "members": two members of topic "members" share and hand over,
// by the classic PROTOCOL or by "consumer". "pump": reads topic "in" and writes each record once to
// "out", in transactions of which one in three is aborted, until COUNT records are written.
//
//	franzgroups BOOTSTRAP members PROTOCOL GROUP
//	franzgroups BOOTSTRAP pump PROTOCOL GROUP COUNT
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const partitions = 4

func check(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func options(broker, protocol, group, topic string) []kgo.Opt {
	opts := []kgo.Opt{kgo.SeedBrokers(broker), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets()}
	if protocol == "consumer" {
		return append(opts, kgo.ServerSideBalancer(), kgo.Balancers(kgo.RangeBalancer()))
	}
	return append(opts, kgo.HeartbeatInterval(500*time.Millisecond))
}

type member struct {
	client *kgo.Client
	lock   sync.Mutex
	has    int
	read   map[string]int
}

func join(broker, protocol, group string) *member {
	m := &member{read: map[string]int{}}
	add := func(sign int) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, parts map[string][]int32) {
			m.lock.Lock()
			defer m.lock.Unlock()
			m.has += sign * len(parts["members"])
		}
	}
	var err error
	m.client, err = kgo.NewClient(append(options(broker, protocol, group, "members"),
		kgo.AutoCommitInterval(200*time.Millisecond), kgo.OnPartitionsAssigned(add(1)),
		kgo.OnPartitionsRevoked(add(-1)), kgo.OnPartitionsLost(add(-1)))...)
	check(err, "client")
	go func() {
		for {
			fetches := m.client.PollFetches(context.Background())
			if fetches.IsClientClosed() {
				return
			}
			m.lock.Lock()
			fetches.EachRecord(func(r *kgo.Record) { m.read[string(r.Value)]++ })
			m.lock.Unlock()
		}
	}()
	return m
}

func (m *member) state() (int, int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.has, len(m.read)
}

func until(what string, passes func() bool) {
	for end := time.Now().Add(60 * time.Second); !passes(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			check(fmt.Errorf("it does not come"), what)
		}
	}
}

func write(broker string, from, to int) {
	client, err := kgo.NewClient(kgo.SeedBrokers(broker),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	check(err, "client")
	defer client.Close()
	for i := from; i < to; i++ {
		check(client.ProduceSync(context.Background(), &kgo.Record{Topic: "members",
			Partition: int32(i % partitions), Value: []byte(strconv.Itoa(i))}).FirstErr(), "produce")
	}
}

func members(broker, protocol, group string) {
	write(broker, 0, 80)
	one := join(broker, protocol, group)
	until("one alone", func() bool { has, read := one.state(); return has == 4 && read == 80 })
	two := join(broker, protocol, group)
	until("two share", func() bool {
		first, _ := one.state()
		second, _ := two.state()
		return first == 2 && second == 2
	})
	write(broker, 80, 160)
	until("both read", func() bool {
		_, first := one.state()
		_, second := two.state()
		return first+second >= 160
	})
	check(one.client.CommitUncommittedOffsets(context.Background()), "commit")
	one.client.LeaveGroup()
	one.client.Close()
	until("the other takes over", func() bool { has, _ := two.state(); return has == 4 })
	write(broker, 160, 200)
	until("the other reads", func() bool {
		two.lock.Lock()
		defer two.lock.Unlock()
		for i := 160; i < 200; i++ {
			if two.read[strconv.Itoa(i)] == 0 {
				return false
			}
		}
		return true
	})
	check(two.client.CommitUncommittedOffsets(context.Background()), "commit")
	two.client.Close()
}

func pump(broker, protocol, group string, count int) {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Second)
	defer cancel()
	session, err := kgo.NewGroupTransactSession(append(options(broker, protocol, group, "in"),
		kgo.TransactionalID(group), kgo.TransactionTimeout(8*time.Second),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	check(err, "session")
	defer session.Close()
	done := 0
	for turn := 0; done < count; turn++ {
		fetches := session.PollRecords(ctx, 20)
		check(ctx.Err(), "poll")
		for _, e := range fetches.Errors() {
			check(e.Err, "fetch")
		}
		check(session.Begin(), "begin")
		fetches.EachRecord(func(r *kgo.Record) {
			session.Produce(ctx, &kgo.Record{Topic: "out", Value: r.Value},
				func(_ *kgo.Record, err error) { check(err, "produce") })
		})
		// So that what is aborted has been written.
		check(session.Client().Flush(ctx), "flush")
		committed, err := session.End(ctx, kgo.TransactionEndTry(turn%3 != 1))
		check(err, "end")
		if committed {
			done += fetches.NumRecords()
		}
	}
}

func main() {
	if os.Args[2] == "members" {
		members(os.Args[1], os.Args[3], os.Args[4])
		return
	}
	count, err := strconv.Atoi(os.Args[5])
	check(err, "count")
	pump(os.Args[1], os.Args[3], os.Args[4], count)
}
