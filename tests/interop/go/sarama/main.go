// SPDX-License-Identifier: Apache-2.0

// sarama in groups at BOOTSTRAP. "members": two members of topic "members" share and hand over.
// "pump": reads topic "in" and writes each record once to "out", in transactions of which one in
// three is aborted, until COUNT records are written.
//
//	sarama BOOTSTRAP members GROUP
//	sarama BOOTSTRAP pump GROUP COUNT
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/IBM/sarama"
)

const partitions = 4

func check(err error, what string) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func config() *sarama.Config {
	c := sarama.NewConfig()
	c.Version = sarama.MaxVersion
	c.Consumer.Offsets.Initial = sarama.OffsetOldest
	c.Consumer.IsolationLevel = sarama.ReadCommitted
	c.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	c.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	c.Producer.Return.Successes = true
	c.Producer.RequiredAcks = sarama.WaitForAll
	c.Producer.Partitioner = sarama.NewManualPartitioner
	return c
}

type member struct {
	group sarama.ConsumerGroup
	lock  sync.Mutex
	has   int
	read  map[string]int
}

func (m *member) Setup(s sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.has = len(s.Claims()["members"])
	return nil
}

func (m *member) Cleanup(sarama.ConsumerGroupSession) error {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.has = 0
	return nil
}

func (m *member) ConsumeClaim(s sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	for message := range claim.Messages() {
		m.lock.Lock()
		m.read[string(message.Value)]++
		m.lock.Unlock()
		s.MarkMessage(message, "")
	}
	return nil
}

func (m *member) state() (int, int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.has, len(m.read)
}

func join(broker, name string) *member {
	group, err := sarama.NewConsumerGroup([]string{broker}, name, config())
	check(err, "group")
	m := &member{group: group, read: map[string]int{}}
	go func() {
		for {
			err := group.Consume(context.Background(), []string{"members"}, m)
			if err == sarama.ErrClosedConsumerGroup {
				return
			}
			check(err, "consume")
		}
	}()
	return m
}

func until(what string, passes func() bool) {
	for end := time.Now().Add(60 * time.Second); !passes(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			check(fmt.Errorf("it does not come"), what)
		}
	}
}

func write(broker string, from, to int) {
	producer, err := sarama.NewSyncProducer([]string{broker}, config())
	check(err, "producer")
	defer producer.Close()
	for i := from; i < to; i++ {
		_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: "members",
			Partition: int32(i % partitions), Value: sarama.StringEncoder(strconv.Itoa(i))})
		check(err, "produce")
	}
}

func members(broker, group string) {
	write(broker, 0, 80)
	one := join(broker, group)
	until("one alone", func() bool { has, read := one.state(); return has == 4 && read == 80 })
	two := join(broker, group)
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
	check(one.group.Close(), "leave")
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
	check(two.group.Close(), "leave")
}

// The records of one transaction come from a plain consumer of the one partition; the offsets go
// to the group with the transaction.
func pump(broker, group string, count int) {
	c := config()
	c.Producer.Idempotent = true
	c.Net.MaxOpenRequests = 1
	c.Producer.Transaction.ID = group
	c.Producer.Transaction.Timeout = 8 * time.Second
	producer, err := sarama.NewSyncProducer([]string{broker}, c)
	check(err, "producer")
	consumer, err := sarama.NewConsumer([]string{broker}, config())
	check(err, "consumer")
	next := int64(0)
	for turn := 0; next < int64(count); turn++ {
		claim, err := consumer.ConsumePartition("in", 0, next)
		check(err, "claim")
		check(producer.BeginTxn(), "begin")
		var last *sarama.ConsumerMessage
		for n := 0; n < 20 && next+int64(n) < int64(count); n++ {
			last = <-claim.Messages()
			_, _, err := producer.SendMessage(&sarama.ProducerMessage{Topic: "out",
				Value: sarama.ByteEncoder(last.Value)})
			check(err, "produce")
		}
		check(producer.AddMessageToTxn(last, group, nil), "offsets")
		if turn%3 == 1 {
			check(producer.AbortTxn(), "abort")
		} else {
			check(producer.CommitTxn(), "commit")
			next = last.Offset + 1
		}
		check(claim.Close(), "claim")
	}
	check(producer.Close(), "close")
}

func main() {
	if os.Args[2] == "members" {
		members(os.Args[1], os.Args[3])
		return
	}
	count, err := strconv.Atoi(os.Args[4])
	check(err, "count")
	pump(os.Args[1], os.Args[3], count)
}
