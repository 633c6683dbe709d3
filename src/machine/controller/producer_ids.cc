// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <limits>

#include "machine/controller/controller_machine.h"

namespace moldau::controller {

Decision<wire::AllocateProducerIdsResponse> ControllerMachine::decide_allocate_producer_ids(
    const wire::AllocateProducerIdsRequest& request) const {
  auto decision = new_decision<wire::AllocateProducerIdsResponse>();
  const auto checked = check_broker_epoch(request.broker_id, request.broker_epoch);
  if (!checked.ok()) {
    decision.response.error_code = to_wire(checked.error().code);
    return decision;
  }
  const std::int64_t first = std::max<std::int64_t>(image().next_producer_id().value(), 0);
  if (first > std::numeric_limits<std::int64_t>::max() - kProducerIdBlockSize) {
    decision.response.error_code = to_wire(ErrorCode::kUnknownServerError);
    return decision;
  }
  decision.records.producer_ids(NodeId(request.broker_id), BrokerEpoch(request.broker_epoch),
                                ProducerId(first + kProducerIdBlockSize));
  decision.response.producer_id_start = first;
  decision.response.producer_id_len = static_cast<std::int32_t>(kProducerIdBlockSize);
  return decision;
}

}  // namespace moldau::controller
