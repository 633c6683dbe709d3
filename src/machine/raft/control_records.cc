// SPDX-License-Identifier: Apache-2.0
#include "machine/raft/control_records.h"

#include <algorithm>
#include <type_traits>

#include "record/big_endian.h"
#include "record/control_record.h"
#include "record/record_iterator.h"
#include "wire/encode.h"
#include "wire/kraft_version_record.h"
#include "wire/leader_change_message.h"
#include "wire/snapshot_footer_record.h"
#include "wire/snapshot_header_record.h"
#include "wire/voters_record.h"

namespace moldau::raft {
namespace {

using record::ControlRecordType;

// What 4.3.1 writes, also where a version 1 exists.
constexpr std::int16_t kVersion0 = 0;

template <class M>
std::string bytes_of(const M& message) {
  return std::string(as_text(wire::to_slice(message, kVersion0).view()));
}

// The version is the first field of the value itself; a newer one may only add tagged fields.
template <class M>
Result<M> decoded(ByteView value) {
  if (value.size() < 2)
    return Error(ErrorCode::kCorruptMessage, "a control record without version");
  const auto version = record::load_big<std::int16_t>(value.data());
  wire::Reader reader(value);
  M message;
  const std::int16_t known = std::clamp(version, M::kMinVersion, M::kMaxVersion);
  if (auto read = message.decode(reader, known); !read.ok())
    return Error(ErrorCode::kCorruptMessage, read.error().detail);
  return message;
}

std::vector<wire::LeaderChangeMessage::Voter> to_wire(const std::vector<ReplicaKey>& keys) {
  std::vector<wire::LeaderChangeMessage::Voter> out;
  for (const ReplicaKey& key : keys) out.emplace_back().voter_id = key.id.value();
  return out;
}

std::vector<ReplicaKey> keys_of(const std::vector<wire::LeaderChangeMessage::Voter>& voters) {
  std::vector<ReplicaKey> out;
  for (const auto& voter : voters)
    out.emplace_back(NodeId(voter.voter_id), voter.voter_directory_id);
  return out;
}

Voter voter_of(const wire::VotersRecord::Voter& from) {
  Voter voter;
  voter.key = ReplicaKey(NodeId(from.voter_id), from.voter_directory_id);
  for (const auto& endpoint : from.endpoints)
    voter.endpoints.emplace_back(endpoint.name.str(), endpoint.host.str(), endpoint.port);
  voter.kraft_version_min = from.kraft_version_feature.min_supported_version;
  voter.kraft_version_max = from.kraft_version_feature.max_supported_version;
  return voter;
}

Result<ControlRecord> parse_leader_change(ByteView value) {
  MOLDAU_ASSIGN_OR_RETURN(const auto message, decoded<wire::LeaderChangeMessage>(value));
  LeaderChange change;
  change.leader_id = NodeId(message.leader_id);
  change.voters = keys_of(message.voters);
  change.granting_voters = keys_of(message.granting_voters);
  return ControlRecord(std::move(change));
}

Result<ControlRecord> parse_voters(ByteView value) {
  MOLDAU_ASSIGN_OR_RETURN(const auto message, decoded<wire::VotersRecord>(value));
  KraftVoters out;
  for (const auto& voter : message.voters) out.voters.put(voter_of(voter));
  return ControlRecord(std::move(out));
}

ControlRecordType type_of(const ControlRecord& record) {
  constexpr ControlRecordType kTypes[] = {
      ControlRecordType::kUnknown,        ControlRecordType::kLeaderChange,
      ControlRecordType::kSnapshotHeader, ControlRecordType::kSnapshotFooter,
      ControlRecordType::kKraftVersion,   ControlRecordType::kKraftVoters};
  return kTypes[record.index()];
}

}  // namespace

std::string serialize(const LeaderChange& record) {
  wire::LeaderChangeMessage message;
  message.leader_id = record.leader_id.value();
  message.voters = to_wire(record.voters);
  message.granting_voters = to_wire(record.granting_voters);
  return bytes_of(message);
}

std::string serialize(const SnapshotHeader& record) {
  wire::SnapshotHeaderRecord message;
  message.last_contained_log_timestamp = record.last_contained_log_timestamp.value();
  return bytes_of(message);
}

std::string serialize(const SnapshotFooter&) {
  return bytes_of(wire::SnapshotFooterRecord());
}

std::string serialize(const KraftVersion& record) {
  wire::KRaftVersionRecord message;
  message.kraft_version = record.level;
  return bytes_of(message);
}

std::string serialize(const KraftVoters& record) {
  wire::VotersRecord message;
  for (const auto& [id, voter] : record.voters.voters()) {
    auto& out = message.voters.emplace_back();
    out.voter_id = id.value();
    out.voter_directory_id = voter.key.directory;
    for (const Endpoint& endpoint : voter.endpoints) {
      auto& to = out.endpoints.emplace_back();
      to.name = wire::Text(endpoint.listener);
      to.host = wire::Text(endpoint.host);
      to.port = endpoint.port;
    }
    out.kraft_version_feature.min_supported_version = voter.kraft_version_min;
    out.kraft_version_feature.max_supported_version = voter.kraft_version_max;
  }
  return bytes_of(message);
}

Result<ControlRecord> parse_control_record(ControlRecordType type, ByteView value) {
  switch (type) {
    case ControlRecordType::kLeaderChange:
      return parse_leader_change(value);
    case ControlRecordType::kSnapshotHeader: {
      MOLDAU_ASSIGN_OR_RETURN(const auto message, decoded<wire::SnapshotHeaderRecord>(value));
      SnapshotHeader header;
      header.last_contained_log_timestamp = Timestamp(message.last_contained_log_timestamp);
      return ControlRecord(header);
    }
    case ControlRecordType::kSnapshotFooter: {
      MOLDAU_TRY(decoded<wire::SnapshotFooterRecord>(value));
      return ControlRecord(SnapshotFooter());
    }
    case ControlRecordType::kKraftVersion: {
      MOLDAU_ASSIGN_OR_RETURN(const auto message, decoded<wire::KRaftVersionRecord>(value));
      KraftVersion version;
      version.level = message.kraft_version;
      return ControlRecord(version);
    }
    case ControlRecordType::kKraftVoters:
      return parse_voters(value);
    default:
      return ControlRecord(OtherControl());
  }
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
