// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "machine/controller/controller_machine.h"

namespace moldau::controller {

template <class Concerns>
void ControllerMachine::change_partitions(const Wave& wave, Concerns concerns,
                                          image::RecordList& records) const {
  for (const auto& [id, topic] : image().topics()) {
    for (const auto& [index, state] : topic.partitions) {
      if (!concerns(state)) continue;
      const auto change = build_partition_change(state, wish_for(topic, state, wave));
      if (change) records.partition_change(id, index, *change);
    }
  }
}

}  // namespace moldau::controller
