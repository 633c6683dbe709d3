// SPDX-License-Identifier: Apache-2.0
#include "http/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "http/node_routes.h"
#include "os/running_env.h"

namespace moldau::http {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

/// Sends bytes and collects what comes until the server closes.
/// Thread   made and called on the test's thread; the socket lives on shard 0.
class RawClient final : private env::StreamObserver {
 public:
  RawClient(os::RunningEnv& running, const env::SocketAddress& to) : running_(running) {
    running_.call(0, [&] {
      stream_ = running_.shard(0).net().connect(to, {}).value();
      stream_->observe(*this);
    });
  }
  ~RawClient() override {
    running_.call(0, [&] { stream_.reset(); });
  }
  std::string exchange(std::string text) {
    running_.call(0, [&] {
      pending_ = std::move(text);
      on_writable();
    });
    return ended_.get_future().get();
  }

 private:
  void on_readable() override {
    std::byte buffer[4096];
    while (!done_) {
      const env::IoOutcome outcome = stream_->read(buffer);
      if (outcome.kind == env::IoOutcome::Kind::kWouldBlock) return;
      if (outcome.kind == env::IoOutcome::Kind::kDone) {
        received_.append(reinterpret_cast<const char*>(buffer), outcome.bytes);
        continue;
      }
      done_ = true;
      ended_.set_value(received_);
    }
  }
  void on_writable() override {
    while (!pending_.empty()) {
      const ByteView all = as_view(pending_);
      const env::IoOutcome outcome = stream_->write(std::span<const ByteView>(&all, 1));
      if (outcome.kind != env::IoOutcome::Kind::kDone) return;
      pending_.erase(0, outcome.bytes);
    }
  }

  os::RunningEnv& running_;
  std::unique_ptr<env::Stream> stream_;
  std::string pending_;
  std::string received_;
  bool done_ = false;
  std::promise<std::string> ended_;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    options_.address = {"127.0.0.1", 0};
    options_.timeout_seconds = 1;
    server_ = std::make_unique<HttpServer>(options_, logger_);
  }
  std::string get(const std::string& target, const std::string& method = "GET",
                  const std::string& body = "") {
    RawClient client(running_, server_->address());
    return client.exchange(method + " " + target + " HTTP/1.1\r\nHost: x\r\n" +
                           "Connection: close\r\nContent-Length: " + std::to_string(body.size()) +
                           "\r\n\r\n" + body);
  }

  os::RunningEnv running_;
  env::NullLogger logger_;
  env::Metrics metrics_;
  HttpServerOptions options_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpServerTest, ANodeShowsItsMetricsAndHealth) {
  metrics_.counter("a_total").add(3);
  std::atomic<bool> ready{false};
  add_node_routes(*server_, metrics_, [&] {
    return ready ? Readiness{true, ""} : Readiness{false, "loading 1 of 2 partitions"};
  });
  ASSERT_TRUE(server_->start().ok());
  EXPECT_THAT(get("/metrics"), AllOf(StartsWith("HTTP/1.1 200"), HasSubstr("a_total 3\n"),
                                     HasSubstr("text/plain; version=0.0.4")));
  EXPECT_THAT(get("/health/live"), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(get("/health/ready"),
              AllOf(StartsWith("HTTP/1.1 503"), HasSubstr("loading 1 of 2 partitions")));
  ready = true;
  EXPECT_THAT(get("/health/ready"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, RoutesAreExactAndHandlersSeeTheRequest) {
  server_->route("POST", "/echo", [](const HttpRequest& request) {
    const auto q = request.query.find("q");
    return HttpResponse{201, "text/plain",
                        request.body + (q == request.query.end() ? "" : "+" + q->second)};
  });
  server_->route("GET", "/bad",
                 [](const HttpRequest&) -> HttpResponse { throw std::runtime_error("no"); });
  ASSERT_TRUE(server_->start().ok());
  EXPECT_THAT(get("/echo?q=a%20b", "POST", "body"),
              AllOf(StartsWith("HTTP/1.1 201"), HasSubstr("body+a b")));
  EXPECT_THAT(get("/echo"), StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(get("/echo/x"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(get("/bad"), StartsWith("HTTP/1.1 500"));
}

TEST_F(HttpServerTest, WhatIsTooLargeOrNoHttpIsRefused) {
  server_->route("POST", "/x", [](const HttpRequest&) { return HttpResponse(); });
  ASSERT_TRUE(server_->start().ok());
  RawClient large(running_, server_->address());
  EXPECT_THAT(large.exchange("POST /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                             "Content-Length: 999999999\r\n\r\nabc"),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(get("/" + std::string(9000, 'x')), HasSubstr(" 400 Bad Request"));
  RawClient garbage(running_, server_->address());
  EXPECT_THAT(garbage.exchange(std::string("\x16\x03\x01\x00\xff\n\n\n", 8)),
              HasSubstr(" 400 Bad Request"));
}

TEST_F(HttpServerTest, APortInUseIsAnError) {
  ASSERT_TRUE(server_->start().ok());
  HttpServerOptions same = options_;
  same.address = server_->address();
  HttpServer second(same, logger_);
  EXPECT_EQ(second.start().code(), ErrorCode::kNetworkException);
}

}  // namespace
}  // namespace moldau::http
