// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <string>

#include "env/fake/fake_env.h"
#include "node/coordinator/load_metrics.h"
#include "node/coordinator/share_metrics.h"
#include "node/coordinator/txn_metrics.h"

namespace moldau::coordinator {
namespace {

class CoordinatorMetricsTest : public testing::Test {
 protected:
  static env::fake::FakeEnvOptions options() {
    env::fake::FakeEnvOptions out;
    out.shards = 2;
    return out;
  }
  /// What stands behind the name of a series; empty if there is none.
  std::string value(const std::string& series) {
    const std::string text = "\n" + env_.metrics().text();
    const auto at = text.find("\n" + series + " ");
    if (at == std::string::npos) return "";
    const auto begin = at + series.size() + 2;
    return text.substr(begin, text.find('\n', begin) - begin);
  }

  env::fake::World world_{5};
  env::fake::FakeDisk disk_{world_};
  env::fake::FakeEnv env_{world_, disk_, options()};
};

TEST_F(CoordinatorMetricsTest, ForgetsLoadTimesThatAreLongAgo) {
  const std::string sensors = "kafka_server_group_coordinator_metrics_";
  const auto recent = LoadTimes::recent_of(env_, sensors);
  LoadTimes one(env_.metrics(), sensors, recent, env::ShardId(0));
  LoadTimes other(env_.metrics(), sensors, recent, env::ShardId(1));
  const std::string max = sensors + "partition_load_time_max";
  const std::string avg = sensors + "partition_load_time_avg";
  EXPECT_EQ(value(max), "NaN");
  EXPECT_EQ(value(avg), "NaN");
  one.loaded(Millis(40));
  other.loaded(Millis(10));
  EXPECT_EQ(value(max), "40") << "not the sum of the shards";
  EXPECT_EQ(value(avg), "25");
  world_.run_for(Millis(31'000));
  other.loaded(Millis(13));
  EXPECT_EQ(value(max), "40");
  EXPECT_EQ(value(avg), "21");
  world_.run_for(Millis(30'000));
  EXPECT_EQ(value(max), "13");
  world_.run_for(Millis(31'000));
  EXPECT_EQ(value(max), "NaN");
  EXPECT_EQ(value(sensors + "partition_loads_total"), "3");
  EXPECT_EQ(value(sensors + "partition_load_time_ms_total"), "63");
}

TEST_F(CoordinatorMetricsTest, CountsPartitionsByState) {
  const std::string sensors = "kafka_server_share_coordinator_metrics_";
  const auto in = [&](const std::string& state) {
    return value(sensors + "num_partitions{state=\"" + state + "\"}");
  };
  RuntimeMetrics metrics(env_.metrics(), sensors, LoadTimes::recent_of(env_, sensors),
                         env::ShardId(0));
  EXPECT_EQ(in("failed"), "0") << "it is there from the start";
  metrics.changed(LoadState::kNone, LoadState::kLoading);
  metrics.changed(LoadState::kNone, LoadState::kLoading);
  metrics.changed(LoadState::kLoading, LoadState::kActive);
  EXPECT_EQ(in("loading"), "1");
  EXPECT_EQ(in("active"), "1");
  metrics.changed(LoadState::kLoading, LoadState::kFailed);
  metrics.changed(LoadState::kActive, LoadState::kNone);
  EXPECT_EQ(in("loading"), "0");
  EXPECT_EQ(in("active"), "0");
  EXPECT_EQ(in("failed"), "1");
  metrics.committed(Millis(7));
  EXPECT_EQ(value(sensors + "event_purgatory_time_ms_sum"), "7");
}

TEST_F(CoordinatorMetricsTest, SumsWhatShareCoordinatorsWrite) {
  const std::string writes = "kafka_server_share_coordinator_metrics_write_total";
  const std::string pruned =
      "kafka_server_share_coordinator_metrics_last_pruned_offset{partition=\"3\",topic=\"__share_"
      "group_state\"}";
  ShareStateMetrics metrics(env_.metrics());
  metrics.count(PartitionId(3), 4);
  metrics.count(PartitionId(4), 1);
  metrics.count(PartitionId(3), 6);
  EXPECT_EQ(value(writes), "7");
  EXPECT_EQ(value(pruned), "");
  metrics.pruned(PartitionId(3), Offset(120));
  EXPECT_EQ(value(pruned), "120");
  metrics.forget(PartitionId(3));
  EXPECT_EQ(value(pruned), "");
  // Its next machine begins with nothing.
  metrics.count(PartitionId(3), 1);
  EXPECT_EQ(value(writes), "8");
}

TEST_F(CoordinatorMetricsTest, CountsAcknowledgedRecordsByType) {
  const auto of = [&](const std::string& type) {
    return value("kafka_server_sharegroupmetrics_recordacknowledgements_total{acktype=\"" + type +
                 "\"}");
  };
  ShareGroupMetrics metrics(env_.metrics());
  std::vector<share::Acknowledgement> batches(2);
  batches[0].first = Offset(10);
  batches[0].last = Offset(19);
  batches[0].types = {1};
  batches[1].first = Offset(20);
  batches[1].last = Offset(24);
  batches[1].types = {1, 2, 0, 3, 4};
  metrics.acknowledged(ShareGroupMetrics::by_type(batches));
  EXPECT_EQ(of("Accept"), "11");
  EXPECT_EQ(of("Release"), "1");
  EXPECT_EQ(of("Reject"), "1");
  EXPECT_EQ(of("Renew"), "1");
  metrics.fetched(1, 4, Millis(9));
  metrics.fetched(0, 0, Millis(9));
  const std::string groups = "kafka_server_sharegroupmetrics_";
  EXPECT_EQ(value(groups + "requesttopicpartitionsfetchratio_sum"), "25");
  EXPECT_EQ(value(groups + "requesttopicpartitionsfetchratio_count"), "1");
  EXPECT_EQ(value(groups + "topicpartitionsacquiretimems_sum"), "9");
}

TEST_F(CoordinatorMetricsTest, CountsMarkersThatHaveNowhereToGo) {
  const std::string queue =
      "kafka_coordinator_transaction_transactionmarkerchannelmanager_unknowndestinationqueuesize";
  TxnMetrics metrics(env_.metrics(), TxnMetrics::recent_loads_of(env_), env::ShardId(0));
  metrics.count(PartitionId(1), 5);
  metrics.count(PartitionId(2), 2);
  metrics.count(PartitionId(1), 3);
  EXPECT_EQ(value(queue), "5");
  metrics.forget(PartitionId(1));
  metrics.forget(PartitionId(1));
  EXPECT_EQ(value(queue), "2");
  metrics.verified(Millis(3), 2);
  EXPECT_EQ(value("kafka_server_addpartitionstotxnmanager_verificationtimems_count"), "1");
  EXPECT_EQ(value("kafka_server_addpartitionstotxnmanager_verificationfailurerate_total"), "2");
  metrics.loaded(Millis(12));
  EXPECT_EQ(value("kafka_server_transaction_coordinator_metrics_partition_load_time_max"), "12");
}

}  // namespace
}  // namespace moldau::coordinator
