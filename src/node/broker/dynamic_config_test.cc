// SPDX-License-Identifier: Apache-2.0
#include "node/broker/dynamic_config.h"

#include <gtest/gtest.h>

#include "machine/image/record_list.h"

namespace moldau::broker {
namespace {

class SilentLogger final : public env::Logger {
 public:
  bool enabled(env::LogLevel, std::string_view) const override { return true; }
  void write(env::LogLevel level, std::string_view, std::string_view text) override {
    if (level >= env::LogLevel::kWarn) warnings_.append(text).append("\n");
  }
  std::string warnings_;
};

class DynamicConfigTest : public testing::Test {
 protected:
  DynamicConfigTest() : dynamic_(logger_, at_start()) {
    dynamic_.on_change([this](const DynamicConfig::Value& value) {
      EXPECT_EQ(value, dynamic_.current());
      ++changes_;
    });
  }
  static DynamicConfig::Value at_start() {
    config::PropertySet properties = config::default_single_node_properties();
    properties["max.connections"] = {"1000", "file"};
    return std::make_shared<const config::BrokerConfig>(
        config::load_broker_config(properties).value().config);
  }
  /// One ConfigRecord of broker `name` ("" for all) through the loader; true if it counts.
  bool set(const std::string& name, const std::string& key, std::optional<std::string> value,
           image::ResourceType type = image::ResourceType::kBroker) {
    image::RecordList records{image::MetadataVersion(image::MetadataVersion::kLatest)};
    records.config(image::ConfigResource(type, name), key, value);
    const std::vector<image::MetadataRecord>& list = records.records();
    EXPECT_TRUE(loader_.replay(list, Offset(next_++), LeaderEpoch(0), Timestamp(0)).ok());
    auto published = loader_.publish();
    return dynamic_.apply(*published);
  }
  std::int32_t limit() const { return dynamic_.current()->values.max_connections; }

  SilentLogger logger_;
  DynamicConfig dynamic_;
  image::ImageLoader loader_;
  std::int64_t next_ = 0;
  int changes_ = 0;
};

TEST_F(DynamicConfigTest, ABrokersOwnConfigWinsOverAllBrokersAndTheFile) {
  EXPECT_EQ(limit(), 1000);
  EXPECT_TRUE(set("", "max.connections", "50"));
  EXPECT_EQ(limit(), 50);
  EXPECT_TRUE(set("1", "max.connections", "7"));
  EXPECT_EQ(limit(), 7);
  EXPECT_TRUE(set("", "max.connections", "60"));
  EXPECT_EQ(limit(), 7);
  EXPECT_TRUE(set("1", "max.connections", std::nullopt));
  EXPECT_EQ(limit(), 60);
  EXPECT_TRUE(set("", "max.connections", std::nullopt));
  EXPECT_EQ(limit(), 1000);
  EXPECT_EQ(changes_, 5);
}

TEST_F(DynamicConfigTest, OtherResourcesAndOtherBrokersChangeNothingHere) {
  EXPECT_TRUE(set("2", "max.connections", "7"));  // the first image always counts
  EXPECT_EQ(limit(), 1000);
  EXPECT_FALSE(set("group", "group.session.timeout.ms", "1", image::ResourceType::kGroup));
  EXPECT_EQ(changes_, 1);
}

TEST_F(DynamicConfigTest, AValueThatCannotBeIsLeftOutWithAWarning) {
  EXPECT_TRUE(set("1", "max.connections", "many"));
  EXPECT_EQ(limit(), 1000);
  EXPECT_NE(logger_.warnings_.find("max.connections"), std::string::npos) << logger_.warnings_;
  EXPECT_TRUE(set("1", "max.connections.per.ip", "3"));
  EXPECT_EQ(dynamic_.current()->values.max_connections_per_ip, 3);
}

TEST_F(DynamicConfigTest, AListenersOwnLimit) {
  EXPECT_TRUE(set("1", "listener.name.plaintext.max.connections", "9"));
  EXPECT_EQ(dynamic_.current()->listener_limits.at("PLAINTEXT").max_connections, 9);
  EXPECT_EQ(dynamic_.current()->listener_limits.at("CONTROLLER").max_connections, 1000);
}

}  // namespace
}  // namespace moldau::broker
