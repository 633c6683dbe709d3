// SPDX-License-Identifier: Apache-2.0
// Any bytes as any request: key, version, body. What decodes must encode and decode the same.
#include "base/check.h"
#include "wire/api_keys.h"
#include "wire/encode.h"
#include "wire/random_codec.h"
#include "wire/reader.h"

using namespace moldau;

namespace {

const wire::MessageCase* request_of(std::int16_t key) {
  for (const wire::MessageCase* one : wire::all_message_cases())
    if (one->kind == "request" && one->key == key) return one;
  return nullptr;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::Reader reader(as_view({reinterpret_cast<const char*>(data), size}));
  const wire::ApiSpec* api = wire::find_api(reader.uint16("key") % (wire::kMaxApiKey + 1));
  const std::int16_t version = reader.int8("version");
  if (!api || !reader.ok()) return 0;
  const wire::MessageCase* one = request_of(static_cast<std::int16_t>(api->key));
  MOLDAU_CHECK(one, api->name);
  const auto first = one->again(reader.rest(), version);
  if (!first.ok()) return 0;
  const auto second = one->again(*first, version);
  MOLDAU_CHECK(second.ok(), second.ok() ? std::string() : second.error().text());
  MOLDAU_CHECK(*first == *second, one->name);
  return 0;
}
