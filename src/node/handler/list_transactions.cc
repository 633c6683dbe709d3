// SPDX-License-Identifier: Apache-2.0
#include <re2/re2.h>

#include "node/handler/handlers.h"
#include "node/handler/transaction_call.h"
#include "wire/list_transactions_request.h"
#include "wire/list_transactions_response.h"

namespace moldau::handler {
namespace {

constexpr std::int64_t kPatternMemoryMax = 1 << 20;

txn::ListFilter filter_of(const wire::ListTransactionsRequest& message,
                          wire::ListTransactionsResponse& response) {
  txn::ListFilter filter;
  for (const wire::Text& name : message.state_filters) {
    filter.by_state = true;
    if (const auto state = txn::state_named(name.view())) {
      filter.states.insert(*state);
    } else {
      response.unknown_state_filters.push_back(name);
    }
  }
  for (const std::int64_t id : message.producer_id_filters)
    filter.producer_ids.insert(ProducerId(id));
  filter.duration = Millis(message.duration_filter);
  return filter;
}

/// Null if there is none; what cannot be compiled says so by ok().
std::unique_ptr<re2::RE2> pattern_of(const wire::ListTransactionsRequest& message) {
  if (message.transactional_id_pattern.is_null() || message.transactional_id_pattern.is_empty())
    return nullptr;
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(kPatternMemoryMax);
  const std::string_view text = message.transactional_id_pattern.view();
  return std::make_unique<re2::RE2>(re2::StringPiece(text.data(), text.size()), options);
}

}  // namespace

/// The transactions of all partitions that this node coordinates.
env::Task<void> handle_list_transactions(Services& node, request::RequestPtr request) {
  auto decoded = request->decode<wire::ListTransactionsRequest>();
  if (!decoded.ok()) {
    request->close(decoded.error().detail);
    co_return;
  }
  using Listed = std::vector<txn::ListedTransaction>;
  const wire::ListTransactionsRequest message = std::move(decoded).value();
  wire::ListTransactionsResponse response;
  const std::unique_ptr<re2::RE2> pattern = pattern_of(message);
  if (pattern && !pattern->ok()) {
    response.error_code = to_wire(ErrorCode::kInvalidRegularExpression);
    request->answer(response);
    co_return;
  }
  const txn::ListFilter filter = filter_of(message, response);
  const std::vector<TopicIdPartition> mine =
      coordinator::TxnCoordinators::partitions_led_by(*node.image, node.identity->id);
  for (std::size_t n = 0; n < mine.size(); ++n) {
    const TopicIdPartition id = mine[n];
    auto look = [&filter, &shard = node.transactions->of(id).shard()](
                    const txn::TxnMachine& machine, const image::MetadataImage& image) {
      const txn::TxnContext context(shard.now(), shard.wall_now(), image, 0);
      return machine.list(context, filter);
    };
    Result<Listed> listed =
        co_await node.transactions->read_partition<Listed>(node.shard, id, std::move(look));
    if (!listed.ok()) {
      if (listed.error().code != ErrorCode::kNotCoordinator)
        response.error_code = to_wire(listed.error().code);
      continue;
    }
    for (const txn::ListedTransaction& one : *listed) {
      if (pattern && !re2::RE2::FullMatch(one.transactional_id, *pattern)) continue;
      if (!authorized(node, *request, AclOperation::kDescribe, AclResourceType::kTransactionalId,
                      one.transactional_id))
        continue;
      auto& state = response.transaction_states.emplace_back();
      state.transactional_id = wire::Text(one.transactional_id).own();
      state.producer_id = one.producer_id.value();
      state.transaction_state = txn::state_name(one.state);
    }
  }
  request->answer(response);
}

}  // namespace moldau::handler
