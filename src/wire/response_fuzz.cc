// SPDX-License-Identifier: Apache-2.0
// Any bytes as any response or record: which one, version, body.
#include "wire/encode.h"
#include "wire/fuzz_message.h"
#include "wire/random_codec.h"

using namespace moldau;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  wire::Reader reader(as_view({reinterpret_cast<const char*>(data), size}));
  const auto all = wire::all_message_cases();
  const wire::MessageCase* one = all[reader.uint16("which") % all.size()];
  const std::int16_t version = reader.int8("version");
  if (!reader.ok() || one->kind == "request") return 0;
  wire::fuzz_message(*one, version, reader.rest());
  return 0;
}
