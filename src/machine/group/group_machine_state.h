// SPDX-License-Identifier: Apache-2.0
#pragma once

// The inside of GroupMachine, for the files that define its methods: one for each kind of group.

#include "machine/group/classic_protocol.h"
#include "machine/group/consumer_protocol.h"
#include "machine/group/group_machine.h"
#include "machine/group/group_table.h"
#include "machine/group/modern_group.h"
#include "machine/group/offset_protocol.h"
#include "machine/group/offset_store.h"
#include "machine/group/replayer.h"
#include "machine/group/share_group_protocol.h"
#include "machine/group/step.h"
#include "machine/group/streams_protocol.h"
#include "machine/group/topic_hash.h"

namespace moldau::group {

/// All parts, at one place in memory: they refer to each other.
struct GroupMachine::State {
  explicit State(const GroupSettings& s)
      : settings(s),
        replayer(ReplayTarget(groups, subscribers), offsets, counts),
        classic(groups, settings, counts),
        consumer(groups, classic, topic_hashes, settings, counts),
        streams(groups, settings),
        share(groups, subscribers, topic_hashes, settings),
        offset_protocol(groups, offsets, classic, settings, counts) {}

  GroupSettings settings;
  GroupCounts counts;
  /// Outlives the groups.
  TopicSubscribers subscribers;
  TopicHashes topic_hashes;
  GroupTable groups;
  OffsetStore offsets;
  Replayer replayer;
  ClassicProtocol classic;
  ConsumerProtocol consumer;
  StreamsProtocol streams;
  ShareGroupProtocol share;
  OffsetProtocol offset_protocol;
  bool is_loaded = false;

  /// The group has been read from the log: its sessions begin.
  void loaded(Step& step, Group& group);
  /// Everything of the group that is due; the group may be gone afterwards.
  void tick(Step& step, Group& group);

  /// A consumer group with members: then requests of the classic protocol are for these.
  ConsumerGroup* consumer_group(std::string_view id);
  /// The topic has changed or is gone: groups look at it anew.
  void refresh_topic(std::string_view topic);

  /// Effects of what `act(step)` does.
  template <class Act>
  GroupEffects step(const GroupContext& context, Act act) {
    GroupEffects effects;
    Step step(context, effects, replayer, settings);
    act(step);
    return effects;
  }
};

}  // namespace moldau::group
