// SPDX-License-Identifier: Apache-2.0
#include "machine/group/classic_protocol.h"

namespace moldau::group {
namespace {

wire::Text owned(const std::optional<std::string>& text) {
  return text ? wire::Text(*text) : wire::Text::null();
}

}  // namespace

wire::JoinGroupResponse join_error(std::string_view member_id, ErrorCode error) {
  wire::JoinGroupResponse out;
  out.error_code = static_cast<std::int16_t>(error);
  out.member_id = wire::Text::copy_of(member_id);
  out.protocol_name = wire::Text::null();
  return out;
}

wire::JoinGroupResponse join_response(const ClassicGroup& group, std::string_view member_id,
                                      bool with_members) {
  wire::JoinGroupResponse out;
  out.generation_id = group.generation();
  out.protocol_type = wire::Text::copy_of(group.protocol_type());
  out.protocol_name = owned(group.protocol());
  out.leader = group.leader() ? wire::Text(*group.leader()) : wire::Text();
  out.member_id = wire::Text::copy_of(member_id);
  if (!with_members || !group.protocol()) return out;
  out.members.reserve(group.members().size());
  for (const auto& [id, member] : group.members()) {
    auto& to = out.members.emplace_back();
    to.member_id = id;
    to.group_instance_id = owned(member.group_instance_id);
    if (const auto metadata = member.metadata(*group.protocol())) {
      to.metadata = wire::Bytes::copy_of(*metadata);
    }
  }
  return out;
}

wire::SyncGroupResponse sync_error(ErrorCode error) {
  wire::SyncGroupResponse out;
  out.error_code = static_cast<std::int16_t>(error);
  return out;
}

wire::SyncGroupResponse sync_response(const ClassicGroup& group, const ClassicMember& member) {
  wire::SyncGroupResponse out;
  out.protocol_type = wire::Text::copy_of(group.protocol_type());
  out.protocol_name = owned(group.protocol());
  out.assignment = wire::Bytes::copy_of(member.assignment);
  return out;
}

}  // namespace moldau::group
