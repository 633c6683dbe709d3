// SPDX-License-Identifier: Apache-2.0
// The only file that sees spdlog: it costs seconds wherever it is included.
#include "os/spdlog_logger.h"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <stdlib.h>

#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "os/log_limiter.h"
#include "os/real_clock.h"

namespace moldau::os {
namespace {

constexpr std::size_t kQueuedLines = 8192;
constexpr std::size_t kFileBytesMax = 64U << 20;
constexpr std::size_t kFilesKept = 4;

/// Thread   any thread.
class SpdlogLogger final : public env::Logger {
 public:
  SpdlogLogger(spdlog::sink_ptr sink, const LogOptions& options)
      : Logger(options.level),
        sink_(std::move(sink)),
        writer_(std::make_shared<spdlog::details::thread_pool>(kQueuedLines, 1)),
        log_(std::make_shared<spdlog::async_logger>("moldau", sink_, writer_,
                                                    spdlog::async_overflow_policy::overrun_oldest)),
        limiter_(options.burst) {
    log_->set_level(spdlog::level::trace);
    log_->set_pattern("[%Y-%m-%d %H:%M:%S,%e] %v");
    log_->flush_on(spdlog::level::trace);
  }
  ~SpdlogLogger() override {
    std::vector<std::string> summaries;
    limiter_.collect(MonoTime(std::numeric_limits<std::int64_t>::max()), summaries);
    for (const std::string& summary : summaries) pass_on(env::LogLevel::kWarn, "os.log", summary);
  }

  void write(env::LogLevel level, std::string_view component, std::string_view text) override;

 private:
  void pass_on(env::LogLevel level, std::string_view component, std::string_view text);

  spdlog::sink_ptr sink_;
  std::shared_ptr<spdlog::details::thread_pool> writer_;
  std::shared_ptr<spdlog::async_logger> log_;
  std::mutex mutex_;  // guards limiter_
  LogLimiter limiter_;
};

void SpdlogLogger::write(env::LogLevel level, std::string_view component, std::string_view text) {
  if (!enabled(level, component)) return;
  std::vector<std::string> summaries;
  bool admitted = true;
  if (level != env::LogLevel::kFatal) {
    const std::lock_guard lock(mutex_);
    const MonoTime now = read_mono_clock();
    admitted = limiter_.admit(component, text, now, summaries);
    limiter_.collect(now, summaries);
  }
  for (const std::string& summary : summaries) pass_on(env::LogLevel::kWarn, "os.log", summary);
  if (admitted) pass_on(level, component, text);
}

void SpdlogLogger::pass_on(env::LogLevel level, std::string_view component, std::string_view text) {
  std::string line(env::log_level_name(level));
  line.append(" ").append(text).append(" (").append(component).append(")");
  // What peers sent may be part of a line: it must not be able to begin a new one.
  for (char& c : line)
    if (static_cast<unsigned char>(c) < 0x20 && c != '\t') c = ' ';
  if (level == env::LogLevel::kFatal) {
    // The process is about to end: around the queue.
    sink_->log(spdlog::details::log_msg("moldau", spdlog::level::critical, line));
    sink_->flush();
    return;
  }
  log_->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace

Result<std::unique_ptr<env::Logger>> make_logger(const LogOptions& options) {
  spdlog::sink_ptr sink;
  if (options.file.empty()) {
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  } else {
    try {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, kFileBytesMax,
                                                                    kFilesKept);
    } catch (const spdlog::spdlog_ex& failure) {
      return Error(ErrorCode::kKafkaStorageError,
                   "cannot open the log file " + options.file + ": " + failure.what());
    }
  }
  return std::unique_ptr<env::Logger>(std::make_unique<SpdlogLogger>(std::move(sink), options));
}

Result<LogOptions> log_options_from_environment() {
  LogOptions options;
  if (const char* file = getenv("MOLDAU_LOG_FILE")) options.file = file;
  if (const char* level = getenv("MOLDAU_LOG_LEVEL")) {
    const std::optional<env::LogLevel> known = env::parse_log_level(level);
    if (!known)
      return Error(
          ErrorCode::kInvalidConfig,
          "\"" + std::string(level) + "\" is no log level: trace, debug, info, warn, error, fatal");
    options.level = *known;
  }
  return options;
}

}  // namespace moldau::os
