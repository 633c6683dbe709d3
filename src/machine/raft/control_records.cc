// SPDX-License-Identifier: Apache-2.0
#include "machine/raft/control_records.h"

#include <type_traits>

#include "machine/raft/flexible_codec.h"
#include "record/control_record.h"
#include "record/record_iterator.h"

namespace moldau::raft {
namespace {

using record::ControlRecordType;

constexpr std::int16_t kVersion0 = 0;

void put_replicas(FlexibleWriter& out, const std::vector<ReplicaKey>& replicas) {
  out.array(replicas.size());
  for (const ReplicaKey& key : replicas)
    out.number<std::int32_t>(key.id.value()).no_tags();
}

std::vector<ReplicaKey> get_replicas(FlexibleReader& in, std::int16_t version) {
  std::vector<ReplicaKey> replicas;
  for (std::size_t left = in.array(kVotersMax); in.ok() && left > 0; --left) {
    ReplicaKey key;
    key.id = NodeId(in.number<std::int32_t>());
    if (version >= 1) key.directory = in.uuid();
    in.skip_tags();
    replicas.push_back(key);
  }
  return replicas;
}

LeaderChange get_leader_change(FlexibleReader& in) {
  LeaderChange change;
  // The version is the first field of the value itself.
  const auto version = in.number<std::int16_t>();
  change.leader_id = NodeId(in.number<std::int32_t>());
  change.voters = get_replicas(in, version);
  change.granting_voters = get_replicas(in, version);
  in.skip_tags();
  return change;
}

Voter get_voter(FlexibleReader& in) {
  Voter voter;
  voter.key.id = NodeId(in.number<std::int32_t>());
  voter.key.directory = in.uuid();
  for (std::size_t left = in.array(kVoterEndpointsMax); in.ok() && left > 0; --left) {
    Endpoint endpoint;
    endpoint.listener = in.string();
    endpoint.host = in.string();
    endpoint.port = in.number<std::uint16_t>();
    in.skip_tags();
    voter.endpoints.push_back(std::move(endpoint));
  }
  voter.kraft_version_min = in.number<std::int16_t>();
  voter.kraft_version_max = in.number<std::int16_t>();
  in.skip_tags();
  in.skip_tags();
  return voter;
}

KraftVoters get_voters(FlexibleReader& in) {
  KraftVoters record;
  in.number<std::int16_t>();
  for (std::size_t left = in.array(kVotersMax); in.ok() && left > 0; --left) {
    Voter voter = get_voter(in);
    if (in.ok()) record.voters.put(std::move(voter));
  }
  in.skip_tags();
  return record;
}

ControlRecord get_record(ControlRecordType type, FlexibleReader& in) {
  switch (type) {
    case ControlRecordType::kLeaderChange:
      return get_leader_change(in);
    case ControlRecordType::kSnapshotHeader: {
      SnapshotHeader header;
      in.number<std::int16_t>();
      header.last_contained_log_timestamp = Timestamp(in.number<std::int64_t>());
      in.skip_tags();
      return header;
    }
    case ControlRecordType::kSnapshotFooter:
      in.number<std::int16_t>();
      in.skip_tags();
      return SnapshotFooter();
    case ControlRecordType::kKraftVersion: {
      KraftVersion version;
      in.number<std::int16_t>();
      version.level = in.number<std::int16_t>();
      in.skip_tags();
      return version;
    }
    case ControlRecordType::kKraftVoters:
      return get_voters(in);
    default:
      return OtherControl();
  }
}

ControlRecordType type_of(const ControlRecord& record) {
  constexpr ControlRecordType kTypes[] = {
      ControlRecordType::kUnknown,        ControlRecordType::kLeaderChange,
      ControlRecordType::kSnapshotHeader, ControlRecordType::kSnapshotFooter,
      ControlRecordType::kKraftVersion,   ControlRecordType::kKraftVoters};
  return kTypes[record.index()];
}

}  // namespace

// Version 0 is what 4.3.1 writes, although 1 exists.
std::string serialize(const LeaderChange& record) {
  FlexibleWriter out;
  out.number(kVersion0).number<std::int32_t>(record.leader_id.value());
  put_replicas(out, record.voters);
  put_replicas(out, record.granting_voters);
  return out.no_tags().take();
}

std::string serialize(const SnapshotHeader& record) {
  FlexibleWriter out;
  out.number(kVersion0).number<std::int64_t>(record.last_contained_log_timestamp.value());
  return out.no_tags().take();
}

std::string serialize(const SnapshotFooter&) {
  return FlexibleWriter().number(kVersion0).no_tags().take();
}

std::string serialize(const KraftVersion& record) {
  return FlexibleWriter().number(kVersion0).number(record.level).no_tags().take();
}

std::string serialize(const KraftVoters& record) {
  FlexibleWriter out;
  out.number(kVersion0).array(record.voters.size());
  for (const auto& [id, voter] : record.voters.voters()) {
    out.number<std::int32_t>(id.value()).uuid(voter.key.directory).array(voter.endpoints.size());
    for (const Endpoint& endpoint : voter.endpoints)
      out.string(endpoint.listener).string(endpoint.host).number(endpoint.port).no_tags();
    out.number(voter.kraft_version_min).number(voter.kraft_version_max).no_tags().no_tags();
  }
  return out.no_tags().take();
}

Result<ControlRecord> parse_control_record(ControlRecordType type, ByteView value) {
  FlexibleReader in(value);
  ControlRecord parsed = get_record(type, in);
  if (!in.ok())
    return Error(ErrorCode::kCorruptMessage,
                 "control record of type " + std::to_string(static_cast<int>(type)) +
                     " does not hold together");
  return parsed;
}

Result<std::vector<ControlRecord>> parse_control_batch(const record::BatchView& batch) {
  std::vector<ControlRecord> parsed;
  record::CompressionContext context;
  record::RecordIterator records(batch, context);
  record::RecordView view;
  while (records.next(view)) {
    MOLDAU_ASSIGN_OR_RETURN(const ControlRecordType type, record::control_record_type(view));
    MOLDAU_ASSIGN_OR_RETURN(ControlRecord one,
                            parse_control_record(type, view.value.value_or(ByteView())));
    parsed.push_back(std::move(one));
  }
  MOLDAU_TRY(records.status());
  return parsed;
}

Slice build_control_batch(const std::vector<ControlRecord>& records, Offset base_offset,
                          LeaderEpoch epoch, Timestamp now) {
  record::BatchFields fields;
  fields.base_offset = base_offset;
  fields.leader_epoch = epoch;
  fields.control = true;
  record::BatchBuilder builder(fields);
  for (const ControlRecord& control : records) {
    const std::string value = std::visit(
        [](const auto& r) {
          if constexpr (std::is_same_v<std::decay_t<decltype(r)>, OtherControl>)
            return std::string();
          else
            return serialize(r);
        },
        control);
    builder.append_control(type_of(control), now, as_view(value)).value();
  }
  record::CompressionContext context;
  return builder.build(context).value();
}

}  // namespace moldau::raft
