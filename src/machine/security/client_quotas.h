// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/types.h"
#include "machine/image/image.h"
#include "machine/security/quota_rate.h"

namespace moldau::security {

/// What is limited: bytes produced, bytes fetched, percent of a thread's time, and partitions
/// created or deleted.
enum class QuotaType : std::uint8_t { kProduce, kFetch, kRequest, kControllerMutation };
inline constexpr std::size_t kQuotaTypes = 4;
/// "produce", "fetch", "request", "controller_mutation".
std::string_view quota_type_name(QuotaType type);

/// Who asks. The user is the principal's name without its type.
struct QuotaClient {
  QuotaClient(std::string_view u, std::string_view c) : user(u), client_id(c) {}
  std::string_view user;
  std::string_view client_id;
};

/// Whose use is counted together and how much of it there may be; an empty part is all of it.
struct QuotaBinding {
  QuotaBinding() = default;
  std::string user;
  std::string client_id;
  double limit = 0;
};

/// The client quotas of an image, ready to be asked.
/// Thread   immutable; shared by all shards.
/// Source   ClientQuotaManager.DefaultQuotaCallback; KIP-55, KIP-546.
class QuotaTable {
 public:
  QuotaTable() = default;
  explicit QuotaTable(const image::MetadataImage& image);

  /// Somebody is limited in this; false is the answer that must cost nothing.
  bool enabled(QuotaType type) const { return !limits_[index(type)].of.empty(); }
  /// nullopt: no quota binds this client.
  std::optional<QuotaBinding> binding(QuotaType type, const QuotaClient& client) const;

  static std::size_t index(QuotaType type) { return static_cast<std::size_t>(type); }

 private:
  /// Keyed by user part and client part: "-" none, "*" the default, "=name".
  struct Limits {
    std::unordered_map<std::string, double> of;
    /// Quotas are set for users alone, for clients alone, for both.
    bool users = false;
    bool clients = false;
    bool both = false;
    const double* find(const std::string& user, const std::string& client) const;
  };
  static void choose_parts(const Limits& limits, const QuotaClient& client, QuotaBinding& binding);
  static const double* limit_of(const Limits& limits, const QuotaBinding& binding);

  std::array<Limits, kQuotaTypes> limits_;
};

using QuotaTablePtr = std::shared_ptr<const QuotaTable>;

/// One use of a quota, as shards tell each other.
struct QuotaUse {
  QuotaUse(QuotaType t, std::string u, std::string c, double v, Millis at)
      : type(t), user(std::move(u)), client_id(std::move(c)), value(v), when(at) {}
  QuotaType type;
  std::string user;
  std::string client_id;
  double value;
  Millis when;
};

/// Counts what clients use and says how long they are to pause.
///
/// Path     node/request's ClientQuotaHost, one per shard → this.
/// Thread   shard-bound. Pure: time is given, in milliseconds that all shards share.
/// Bounds   counters not used for kIdleMax are dropped, and the longest unused beyond kBytesMax.
/// Source   ClientQuotaManager, ClientRequestQuotaManager, ControllerMutationQuotaManager.
class ClientQuotas {
 public:
  static constexpr Millis kIdleMax{3'600'000};
  static constexpr std::size_t kBytesMax = 32 << 20;

  ClientQuotas(QuotaWindow window, QuotaWindow controller_window);

  void show(QuotaTablePtr table) { table_ = std::move(table); }
  bool enabled(QuotaType type) const { return table_ && table_->enabled(type); }

  /// What came of a use: the pause, and what other shards must hear of.
  struct Outcome {
    Millis throttle{0};
    std::optional<QuotaUse> use;
  };
  /// Counts `value`; request time is given in percent of a second. A negative value takes back.
  Outcome record(QuotaType type, const QuotaClient& client, double value, Millis now);
  /// Strict: counts nothing while there is debt. False if it was refused.
  bool take_strictly(const QuotaClient& client, double mutations, Millis now, Millis& throttle);
  /// As record(), for what another shard counted.
  void replay(const QuotaUse& use, Millis now);
  /// The most that a client may fetch at once; nullopt: no quota binds it.
  std::optional<double> fetch_bytes_max(const QuotaClient& client) const;

  std::size_t counters() const { return by_key_.size(); }

 private:
  struct Counter {
    Counter(std::string k, Millis now) : key(std::move(k)), used(now) {}
    std::string key;
    Millis used;
    QuotaRate rate;
    QuotaTokens tokens;
  };
  using Counters = std::list<Counter>;

  Counter& counter(QuotaType type, std::string_view user, std::string_view client, Millis now);
  void expire(Millis now);
  std::size_t bytes_of(const Counter& counter) const;

  const QuotaWindow window_;
  const QuotaWindow controller_window_;
  QuotaTablePtr table_;
  /// The longest unused first.
  Counters counters_;
  std::unordered_map<std::string_view, Counters::iterator> by_key_;
  std::size_t bytes_ = 0;
};

}  // namespace moldau::security
