// SPDX-License-Identifier: Apache-2.0
// Any bytes as any request: API key, version, body.
#include "wire/api_keys.h"
#include "wire/encode.h"
#include "wire/fuzz_message.h"
#include "wire/random_codec.h"

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
  const auto key = static_cast<std::int16_t>(reader.uint16("key") % (wire::kMaxApiKey + 1));
  const std::int16_t version = reader.int8("version");
  const wire::ApiSpec* api = wire::find_api(key);
  if (!api || !reader.ok()) return 0;
  const wire::MessageCase* one = request_of(key);
  MOLDAU_CHECK(one, api->name);
  wire::fuzz_message(*one, version, reader.rest());
  return 0;
}
