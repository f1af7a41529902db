#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <mutex>

namespace minnow {

namespace {

void write_to_stderr(void*, LogLevel level, std::string_view message) {
  // One call a line, so that lines of several processes do not mix.
  const std::string line = concat({"minnow: ", to_string(level), ": ", message, "\n"});
  std::fwrite(line.data(), 1, line.size(), stderr);
}

std::atomic<LogLevel> current_level{LogLevel::warning};

struct Sink {
  std::mutex mutex;
  LogSink write = write_to_stderr;
  void* context = nullptr;
};

// Never destroyed: static destructors may still log.
Sink& sink() {
  static Sink* const instance = new Sink;
  return *instance;
}

}  // namespace

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::error: return "error";
    case LogLevel::warning: return "warning";
    case LogLevel::info: return "info";
    case LogLevel::debug: return "debug";
  }
  return "unknown";
}

void set_log_sink(LogSink write, void* context) {
  const std::lock_guard<std::mutex> lock(sink().mutex);
  sink().write = write != nullptr ? write : write_to_stderr;
  sink().context = write != nullptr ? context : nullptr;
}

void set_log_level(LogLevel level) { current_level.store(level, std::memory_order_relaxed); }

LogLevel log_level() { return current_level.load(std::memory_order_relaxed); }

void log_message(LogLevel level, std::initializer_list<Piece> pieces) {
  if (level > log_level()) return;
  const std::string message = concat(pieces);
  const std::lock_guard<std::mutex> lock(sink().mutex);
  sink().write(sink().context, level, message);
}

}  // namespace minnow
