// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "node/handler/services.h"
#include "wire/create_topics_request.h"

namespace moldau::handler {

/// Creates topics that a client named and that do not exist yet, with the broker's defaults (and
/// those of the internal topics). Gives per topic what a metadata answer says of it:
/// kUnknownTopicOrPartition when it is on its way, kInvalidTopicException for a bad name and the
/// like. Within the quota of mutations of `request`'s client (null: the node's own wish); what it
/// refuses is told as on its way, too.
/// Source   DefaultAutoTopicCreationManager.
env::Task<std::map<std::string, ErrorCode, std::less<>>> auto_create_topics(
    Services& node, std::vector<std::string> names, const request::Request* request);

/// Creates the internal topics of a streams application; gives those that could not be made, and
/// why. Waits a few seconds at most: what takes longer comes to be later.
/// Source   DefaultAutoTopicCreationManager.createStreamsInternalTopics; KIP-1071.
env::Task<std::map<std::string, std::string, std::less<>>> create_streams_topics(
    Services& node, std::vector<wire::CreateTopicsRequest::CreatableTopic> topics);

}  // namespace moldau::handler
