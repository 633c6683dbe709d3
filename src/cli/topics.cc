// SPDX-License-Identifier: Apache-2.0
// kafka-topics. Source: TopicCommand of 4.3.1.
#include <ostream>

#include "cli/admin_session.h"
#include "cli/java_text.h"
#include "cli/tools.h"
#include "cli/topics_describe.h"
#include "cli/topics_options.h"
#include "client/admin/topics.h"

namespace moldau::cli {
namespace {

namespace admin = client::admin;

constexpr std::string_view kCollision =
    "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') "
    "could collide. To avoid issues it is best to use either, but not both.\n";

env::Task<Result<void>> create(ToolContext& context, AdminSession& session,
                               const ParsedOptions& options) {
  auto change = read_topic_change(options);
  if (!change.ok()) co_return std::move(change).error();
  if (change->topic.find_first_of("._") != std::string::npos) context.out << kCollision;
  const auto& factor = change->replication_factor;
  if (factor && (*factor < 1 || *factor > INT16_MAX))
    co_return wrong("The replication factor must be between 1 and 32767 inclusive");
  if (change->partitions && *change->partitions < 1)
    co_return wrong("The partitions must be greater than 0");
  if (change->topic.empty())
    co_return wrong("The given topic name '' cannot be represented in a request.");
  std::vector<admin::NewTopic> topics(1);
  topics[0].name = change->topic;
  topics[0].configs = change->configs;
  if (change->assignment.empty()) {
    topics[0].partitions = change->partitions;
    if (factor) topics[0].replication_factor = static_cast<std::int16_t>(*factor);
  }
  for (std::size_t i = 0; i < change->assignment.size(); ++i)
    topics[0].assignments[PartitionId(static_cast<std::int32_t>(i))] = change->assignment[i];
  admin::ChangeOptions once;
  once.retry_on_quota_violation = false;
  auto made =
      co_await admin::create_topics(session.cluster(), std::move(topics), once, session.deadline());
  if (!made.ok()) co_return told(context, made.error(), "createTopics");
  const auto& outcome = made->front().result;
  if (outcome.ok()) {
    context.out << "Created topic " << change->topic << ".\n";
    co_return Result<void>();
  }
  if (outcome.code() == ErrorCode::kTopicAlreadyExists && options.has("if-not-exists"))
    co_return Result<void>();
  co_return told(context, outcome.error(), "createTopics");
}

env::Task<Result<void>> list(ToolContext& context, AdminSession& session,
                             const ParsedOptions& options) {
  auto names = co_await find_topics(context, session, options);
  if (!names.ok()) co_return std::move(names).error();
  context.out << join(*names, "\n") << "\n";
  co_return Result<void>();
}

/// The new partitions' replicas: those of the assignment behind the partitions that are there.
env::Task<Result<std::vector<admin::NewPartitions>>> grown(ToolContext& context,
                                                           AdminSession& session,
                                                           TopicChange change,
                                                           std::vector<std::string> names) {
  std::vector<admin::NewPartitions> out;
  for (const std::string& name : names) {
    admin::NewPartitions& one = out.emplace_back();
    one.topic = name;
    one.total = change.partitions.value_or(0);
  }
  if (change.assignment.empty()) co_return std::move(out);
  std::vector<std::string> asked = names;
  auto topics = co_await admin::describe_topics(session.cluster(), std::move(asked), 2000,
                                                session.deadline());
  if (!topics.ok()) co_return told(context, topics.error(), "describeTopicPartitions");
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto& topic = (*topics)[i].result;
    if (!topic.ok()) co_return told(context, topic.error(), "describeTopicPartitions");
    auto& assignments = out[i].assignments.emplace();
    for (std::size_t p = topic->partitions.size(); p < change.assignment.size(); ++p)
      assignments.push_back(change.assignment[p]);
  }
  co_return std::move(out);
}

env::Task<Result<void>> alter(ToolContext& context, AdminSession& session,
                              const ParsedOptions& options) {
  auto change = read_topic_change(options);
  if (!change.ok()) co_return std::move(change).error();
  auto names = co_await find_topics(context, session, options);
  if (!names.ok()) co_return std::move(names).error();
  auto there = check_found(options, names->empty());
  if (!there.ok() || names->empty()) co_return std::move(there);
  TopicChange wanted = *change;
  std::vector<std::string> topics = *names;
  auto more = co_await grown(context, session, std::move(wanted), std::move(topics));
  if (!more.ok()) co_return std::move(more).error();
  admin::ChangeOptions once;
  once.retry_on_quota_violation = false;
  std::vector<admin::NewPartitions> request = std::move(more).value();
  auto done = co_await admin::create_partitions(session.cluster(), std::move(request), once,
                                                session.deadline());
  if (!done.ok()) co_return told(context, done.error(), "createPartitions");
  for (const auto& outcome : *done)
    if (!outcome.result.ok()) co_return told(context, outcome.result.error(), "createPartitions");
  co_return Result<void>();
}

env::Task<Result<void>> remove(ToolContext& context, AdminSession& session,
                               const ParsedOptions& options) {
  auto names = co_await find_topics(context, session, options);
  if (!names.ok()) co_return std::move(names).error();
  auto there = check_found(options, names->empty());
  if (!there.ok()) co_return std::move(there);
  admin::ChangeOptions once;
  once.retry_on_quota_violation = false;
  std::vector<std::string> topics = std::move(names).value();
  auto done =
      co_await admin::delete_topics(session.cluster(), std::move(topics), once, session.deadline());
  if (!done.ok()) co_return told(context, done.error(), "deleteTopics");
  for (const auto& outcome : *done)
    if (!outcome.result.ok()) co_return told(context, outcome.result.error(), "deleteTopics");
  co_return Result<void>();
}

Result<std::unique_ptr<AdminSession>> connect(const CommandLine& line) {
  MOLDAU_ASSIGN_OR_RETURN(const auto properties,
                          connection_properties(line.context(), line.options()));
  return AdminSession::open(line.context(), properties);
}

}  // namespace

env::Task<int> run_topics(ToolContext& context, std::vector<std::string> arguments) {
  CommandLine line(context, topics_options());
  const auto ended = line.read(arguments, "Make, list, describe, change and remove topics.");
  if (ended) co_return *ended;
  const auto refused = check_topics_options(line);
  if (refused) co_return *refused;
  auto session = connect(line);
  if (!session.ok()) co_return line.fail(session.error().detail);
  const ParsedOptions& options = line.options();
  using Action = env::Task<Result<void>> (*)(ToolContext&, AdminSession&, const ParsedOptions&);
  Action action = describe_found_topics;
  if (options.has("create")) action = create;
  if (options.has("alter")) action = alter;
  if (options.has("list")) action = list;
  if (options.has("delete")) action = remove;
  const auto done = co_await action(context, **session, options);
  if (done.ok()) co_return 0;
  context.out << "Error while executing topic command : " << done.error().detail << "\n";
  co_return 1;
}

}  // namespace moldau::cli
