// SPDX-License-Identifier: Apache-2.0
#include "node/coordinator/marker_writer.h"

#include "record/control_record.h"

namespace moldau::coordinator {

struct MarkerWriter::Gathering {
  Gathering(env::Shard& shard, const TransactionMarker& what, MonoTime until, Done when_done)
      : home(shard), marker(what), deadline(until), done(std::move(when_done)) {}

  env::Shard& home;
  TransactionMarker marker;
  MonoTime deadline;
  Done done;
  std::vector<MarkerOutcome> outcomes;
  std::size_t open = 0;

  /// On the home shard.
  void arrive(std::size_t index, ErrorCode error) {
    outcomes[index].error = error;
    if (--open == 0) done(std::move(outcomes));
  }
};

void MarkerWriter::write(env::Shard& here, const image::ImagePtr& image,
                         const TransactionMarker& marker, std::vector<TopicPartition> partitions,
                         MonoTime deadline, Done done) {
  auto gathering = std::make_shared<Gathering>(here, marker, deadline, std::move(done));
  // One more than there are, so that it does not end before all have begun.
  gathering->open = partitions.size() + 1;
  for (TopicPartition& partition : partitions)
    gathering->outcomes.push_back(MarkerOutcome{std::move(partition), ErrorCode::kNone});
  for (std::size_t n = 0; n < gathering->outcomes.size(); ++n) {
    const TopicPartition& partition = gathering->outcomes[n].partition;
    const image::TopicImage* topic = image->topic(partition.topic);
    if (!topic || !topic->partition(partition.partition)) {
      gathering->outcomes[n].error = ErrorCode::kUnknownTopicOrPartition;
      --gathering->open;
      continue;
    }
    TopicIdPartition id;
    id.topic_id = topic->id;
    id.partition = partition.partition;
    write_one(gathering, n, id, partition.topic == kGroupTopic);
  }
  if (--gathering->open == 0) gathering->done(std::move(gathering->outcomes));
}

void MarkerWriter::write_one(const std::shared_ptr<Gathering>& gathering, std::size_t index,
                             const TopicIdPartition& id, bool is_offsets) {
  replica::ReplicaHost* host = &replicas_.owner(id);
  GroupCoordinator* groups = is_offsets ? &groups_.of(id) : nullptr;
  host->shard().post([gathering, index, id, host, groups] {
    const auto tell = [gathering, index](ErrorCode error) {
      gathering->home.post([gathering, index, error] { gathering->arrive(index, error); });
    };
    // Its coordinator must see the end of the transaction in the order of the log.
    if (groups && !groups->is_loaded(id.partition))
      return tell(ErrorCode::kCoordinatorLoadInProgress);
    const TransactionMarker& marker = gathering->marker;
    record::BatchFields fields;
    fields.producer_id = marker.producer_id;
    fields.producer_epoch = marker.producer_epoch;
    std::vector<replica::AppendItem> items;
    items.emplace_back(id, record::build_end_transaction_marker(
                               fields, host->shard().wall_now(),
                               marker.commit ? record::ControlRecordType::kCommit
                                             : record::ControlRecordType::kAbort,
                               marker.coordinator_epoch.value(), host->compression()));
    items.front().claim.transaction_version = marker.transaction_version;
    auto part = std::make_shared<replica::AppendPart>(
        std::move(items), true,
        [gathering, tell, groups, id](const std::vector<replica::AppendOutcome>& outcomes) {
          const ErrorCode error = outcomes.front().error;
          if (groups && error == ErrorCode::kNone) {
            const TransactionMarker& ended = gathering->marker;
            groups->note(id.partition, [&](group::GroupMachine& machine) {
              machine.end_transaction(ended.producer_id, ended.commit);
            });
          }
          tell(error);
        });
    part->origin = log::AppendOrigin::kCoordinator;
    part->deadline = gathering->deadline;
    host->append(part);
  });
}

}  // namespace moldau::coordinator
