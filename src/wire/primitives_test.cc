// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <memory>

#include "wire/api_keys.h"
#include "wire/api_versions_response.h"
#include "wire/encode.h"
#include "wire/fetch_response.h"
#include "wire/metadata_request.h"
#include "wire/utf8.h"

namespace moldau::wire {
namespace {

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> out;
  for (int v : values) out.push_back(static_cast<std::byte>(v));
  return out;
}

TEST(TextTest, BorrowsFromLiteralsAndCopiesStrings) {
  std::string name = "topic";
  Text copied = name;
  Text borrowed = std::string_view(name);
  name[0] = 'T';
  EXPECT_EQ(copied, "topic");
  EXPECT_EQ(borrowed, "Topic");
  EXPECT_TRUE(copied.is_owned());
  EXPECT_FALSE(borrowed.is_owned());
  const Text again = copied;
  EXPECT_NE(again.view().data(), copied.view().data());
  EXPECT_EQ(Text(borrowed).view().data(), name.data());
}

TEST(TextTest, NullEqualsOnlyNullAndComesFirst) {
  EXPECT_EQ(Text::null(), Text::null());
  EXPECT_FALSE(Text::null() == Text());
  EXPECT_FALSE(Text::null() == "");
  EXPECT_LT(Text::null(), Text());
  EXPECT_LT(Text("a"), Text("b"));
  EXPECT_TRUE(Text::null().own().is_null());
}

TEST(TextTest, MovesAndSelfAssignsWithoutLoss) {
  Text a = std::string("something long enough to be on the heap");
  Text b = std::move(a);
  EXPECT_EQ(b, "something long enough to be on the heap");
  b = *&b;
  EXPECT_EQ(b, "something long enough to be on the heap");
  a = b;
  EXPECT_EQ(a, b);
}

TEST(ReaderTest, ReadsVarintsToTheirLastByteAndNoFurther) {
  const auto most = bytes_of({0xff, 0xff, 0xff, 0xff, 0x0f});
  EXPECT_EQ(Reader(most).uvarint("n"), 0xffffffffU);
  const auto six = bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x01});
  Reader tooLong(six);
  tooLong.uvarint("n");
  EXPECT_FALSE(tooLong.ok());
  const auto least = bytes_of({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01});
  EXPECT_EQ(Reader(least).varlong("n"), INT64_MIN);
  const auto eleven = bytes_of({0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1});
  Reader longest(eleven);
  longest.varlong("n");
  EXPECT_FALSE(longest.ok());
}

TEST(ReaderTest, VarintsComeBack) {
  for (std::int64_t value :
       std::initializer_list<std::int64_t>{0, 1, -1, 63, 64, -65, 300, INT32_MAX, INT32_MIN}) {
    std::array<std::byte, 16> buffer{};
    Writer writer(buffer);
    writer.varint(static_cast<std::int32_t>(value));
    writer.varlong(value);
    writer.uvarint(static_cast<std::uint32_t>(value));
    Reader reader(MutableBytes(buffer).first(writer.position()));
    EXPECT_EQ(reader.varint("a"), value);
    EXPECT_EQ(reader.varlong("b"), value);
    EXPECT_EQ(reader.uvarint("c"), static_cast<std::uint32_t>(value));
    EXPECT_TRUE(reader.ok() && reader.left() == 0);
  }
}

TEST(ReaderTest, KeepsTheFirstMistakeAndNamesTheField) {
  const auto data = bytes_of({0, 1});
  Reader reader(data);
  reader.int32("Thing.First");
  reader.int8("Thing.Second");
  const auto status = reader.status("Thing", 3);
  EXPECT_EQ(status.code(), ErrorCode::kInvalidRequest);
  EXPECT_EQ(status.error().detail, "Thing v3: Thing.First: the bytes end, wanted 4 at byte 0");
}

TEST(ReaderTest, ACountBeyondTheBytesReservesNothing) {
  // Topics of a MetadataRequest v9: two thousand million elements promised in five bytes.
  const auto data = bytes_of({0xff, 0xff, 0xff, 0xff, 0x07, 0, 0, 0});
  Reader reader(data);
  MetadataRequest request;
  const auto result = request.decode(reader, 9);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().detail.find("MetadataRequest.Topics"), std::string::npos);
  EXPECT_TRUE(!request.topics || request.topics->capacity() == 0);
}

TEST(ReaderTest, ElementsThatCostFarMoreThanTheirBytesAreRefused) {
  // Twenty million empty names: 40 MB received, 640 MB decoded.
  constexpr int kCount = 20'000'000;
  std::vector<std::byte> data(4 + 2 * std::size_t{kCount});
  Writer(data).int32(kCount);
  Reader reader(data);
  MetadataRequest request;
  const auto result = request.decode(reader, 0);
  EXPECT_EQ(result.code(), ErrorCode::kInvalidRequest);
  EXPECT_EQ(request.topics->capacity(), 0U);
}

TEST(ReaderTest, ANegativeFlexibleLengthIsNullAsInJava) {
  const auto data = bytes_of({0x81, 0x80, 0x80, 0x80, 0x08});
  EXPECT_TRUE(Reader(data).text(true, true, "t").is_null());
  Reader strict(data);
  strict.text(true, false, "t");
  EXPECT_FALSE(strict.ok());
}

TEST(Utf8Test, MalformedPiecesBecomeReplacementCharacters) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_TRUE(is_utf8("plain \xC3\xBC \xE2\x82\xAC \xF0\x9F\x90\x9F"));
  EXPECT_FALSE(is_utf8("\xC0\x80"));
  EXPECT_EQ(replace_malformed_utf8("a\xFFz"), "a" + mark + "z");
  EXPECT_EQ(replace_malformed_utf8("\xC0\x80"), mark + mark);
  EXPECT_EQ(replace_malformed_utf8("\xE2\x82z"), mark + "z");
  EXPECT_EQ(replace_malformed_utf8("\xED\xA0\x80"), mark);
  EXPECT_EQ(replace_malformed_utf8("\xF0\x9F\x90"), mark);
  EXPECT_EQ(utf8_prefix("a\xE2\x82\xAC", 3), "a");
}

TEST(WriterTest, TextThatKafkaCannotCarryIsCutNotRefused) {
  const std::string text(40000, 'x');
  MetadataRequest request;
  request.topics.emplace().emplace_back().name = text;
  const Slice bytes = to_slice(request, 9);
  auto back = decode_exactly<MetadataRequest>(bytes.view(), 9);
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(back->topics->front().name.size(), 32767U);
}

TEST(WriterTest, ExternalRecordsLeaveAGapThatIsNoted) {
  auto token = std::make_shared<int>(7);
  FetchResponse response;
  for (int i = 0; i < 2; ++i) {
    auto& topic = response.responses.emplace_back();
    topic.topic_id = Uuid(1, i);
    topic.partitions.emplace_back().records =
        i == 0 ? Records::external(1000, token) : Records::copy_of(bytes_of({1, 2, 3}));
  }
  std::vector<std::byte> buffer(response.size(17));
  Writer writer(buffer);
  response.encode(writer, 17);
  EXPECT_EQ(writer.left(), 0U);
  EXPECT_EQ(writer.total_size(), buffer.size() + 1000);
  ASSERT_EQ(writer.splices().size(), 1U);
  const Splice& splice = writer.splices().front();
  EXPECT_EQ(splice.records->token(), token);
  // With the gap filled it is what a client reads.
  std::vector<std::byte> whole(buffer.begin(), buffer.begin() + static_cast<long>(splice.position));
  whole.resize(whole.size() + 1000, std::byte{9});
  whole.insert(whole.end(), buffer.begin() + static_cast<long>(splice.position), buffer.end());
  auto back = decode_exactly<FetchResponse>(whole, 17);
  ASSERT_TRUE(back.ok()) << back.error().text();
  EXPECT_EQ(back->responses[0].partitions[0].records.view().front(), std::byte{9});
  EXPECT_EQ(back->responses[0].partitions[0].records.size(), 1000U);
  EXPECT_EQ(back->responses[1].partitions[0].records.size(), 3U);
}

TEST(ApiKeysTest, KnowsTheLiveApisAndNoOthers) {
  EXPECT_EQ(all_apis().size(), 89U);
  for (std::int16_t key : std::initializer_list<std::int16_t>{-1, 4, 5, 6, 7, 93, 999})
    EXPECT_EQ(find_api(key), nullptr);
  const ApiSpec& init = api_spec(ApiKey::kInitProducerId);
  EXPECT_EQ(init.max_version, 5);
  EXPECT_EQ(init.max_version_unstable, 6);
  EXPECT_TRUE(api_spec(ApiKey::kCreateTopics).forwarded);
  EXPECT_TRUE(api_spec(ApiKey::kVote).cluster_action);
  EXPECT_FALSE(api_spec(ApiKey::kVote).on_broker);
  int controller = 0;
  for (const ApiSpec& api : all_apis()) controller += api.on_controller ? 1 : 0;
  EXPECT_EQ(controller, 41);
}

TEST(ApiKeysTest, HeadersAreFlexibleWithTheirMessages) {
  EXPECT_EQ(request_header_version(api_spec(ApiKey::kFetch), 11), 1);
  EXPECT_EQ(request_header_version(api_spec(ApiKey::kFetch), 12), 2);
  EXPECT_EQ(response_header_version(api_spec(ApiKey::kFetch), 12), 1);
  EXPECT_EQ(response_header_version(api_spec(ApiKey::kApiVersions), 3), 0);
  EXPECT_EQ(request_header_version(api_spec(ApiKey::kApiVersions), 100), 2);
}

TEST(EncodeTest, TheAnswerToATooNewApiVersionsIsApachesBytes) {
  ApiVersionsResponse response;
  response.error_code = 35;
  auto& own = response.api_keys.emplace_back();
  own.api_key = 18;
  own.max_version = 4;
  const Slice bytes = encode_response(response, 0, 7);
  const auto expected = bytes_of({0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4});
  EXPECT_TRUE(
      std::equal(expected.begin(), expected.end(), bytes.view().begin(), bytes.view().end()));
}

TEST(EncodeTest, AFlexibleRequestHeaderHasAnOldStyleClientId) {
  MetadataRequest request;
  const Slice bytes = encode_request(request, 12, 5, "ab");
  const auto expected = bytes_of({0, 3, 0, 12, 0, 0, 0, 5, 0, 2, 'a', 'b', 0});
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes.view().begin()));
  Reader reader(bytes.view());
  const Result<ReceivedHeader> header = read_request_header(reader);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->api->key, ApiKey::kMetadata);
  EXPECT_EQ(header->version, 12);
  EXPECT_EQ(header->correlation_id, 5);
  EXPECT_EQ(header->client_id, "ab");
  MetadataRequest again;
  EXPECT_TRUE(again.decode(reader, 12).ok());
}

TEST(EncodeTest, AHeaderThatIsCutShortOrOfAnUnknownApiIsRefused) {
  const auto whole = bytes_of({0, 3, 0, 12, 0, 0, 0, 5, 0, 2, 'a', 'b', 0});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Reader reader(ByteView(whole).first(size));
    const Result<ReceivedHeader> header = read_request_header(reader);
    ASSERT_FALSE(header.ok()) << size;
    EXPECT_EQ(header.error().code, ErrorCode::kInvalidRequest) << size;
  }
  const auto unknown = bytes_of({3, 3, 0, 0, 0, 0, 0, 5, 0, 0});
  Reader reader((ByteView(unknown)));
  EXPECT_EQ(read_request_header(reader).error().code, ErrorCode::kUnsupportedVersion);
}

}  // namespace
}  // namespace moldau::wire
