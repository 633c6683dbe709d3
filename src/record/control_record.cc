// SPDX-License-Identifier: Apache-2.0
#include "record/control_record.h"

#include <string>

#include "base/check.h"

namespace moldau::record {
namespace {
Error invalid(std::string detail) {
  return {ErrorCode::kInvalidRecord, std::move(detail)};
}
}  // namespace

Result<ControlRecordType> control_record_type(const RecordView& record) {
  if (!record.key || record.key->size() < 4) return invalid("control record without a type");
  const auto version = load_big<std::int16_t>(record.key->data());
  if (version < 0) return invalid("control record key of version " + std::to_string(version));
  const auto type = load_big<std::int16_t>(record.key->data() + 2);
  if (type < 0 || type > static_cast<std::int16_t>(ControlRecordType::kKraftVoters))
    return ControlRecordType::kUnknown;
  return static_cast<ControlRecordType>(type);
}

Result<EndTransactionMarker> parse_end_transaction_marker(const RecordView& record) {
  MOLDAU_ASSIGN_OR_RETURN(const ControlRecordType type, control_record_type(record));
  if (type != ControlRecordType::kAbort && type != ControlRecordType::kCommit)
    return invalid("control record is no transaction marker");
  if (!record.value || record.value->size() < 6)
    return invalid("transaction marker without a coordinator epoch");
  const auto version = load_big<std::int16_t>(record.value->data());
  if (version < 0) return invalid("transaction marker of version " + std::to_string(version));
  return EndTransactionMarker{type, load_big<std::int32_t>(record.value->data() + 2)};
}

std::array<std::byte, 6> serialize_end_transaction_marker(std::int32_t coordinator_epoch) {
  std::array<std::byte, 6> value;
  store_big(value.data(), std::int16_t{0});
  store_big(value.data() + 2, coordinator_epoch);
  return value;
}

Slice build_end_transaction_marker(BatchFields fields, Timestamp now, ControlRecordType type,
                                   std::int32_t coordinator_epoch, CompressionContext& context) {
  MOLDAU_CHECK(type == ControlRecordType::kAbort || type == ControlRecordType::kCommit);
  fields.transactional = true;
  fields.control = true;
  fields.base_sequence = kNoSequence;
  fields.compression = {};
  BatchBuilder builder(fields, 96);
  builder.append_control(type, now, serialize_end_transaction_marker(coordinator_epoch)).value();
  return builder.build(context).value();
}

}  // namespace moldau::record
