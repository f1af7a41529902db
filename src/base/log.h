// Messages for people, one line each. The library itself stays silent except through here.
#pragma once

#include <initializer_list>
#include <string_view>

#include "base/result.h"

namespace minnow {

enum class LogLevel : uint8_t { error, warning, info, debug };

std::string_view to_string(LogLevel level);

// Receives every message that passes the level, one call at a time, without a line end.
using LogSink = void (*)(void* context, LogLevel level, std::string_view message);
// nullptr brings back the default: "minnow: warning: MESSAGE" on standard error.
void set_log_sink(LogSink sink, void* context);

// Messages less severe than this are dropped; warning at the start.
void set_log_level(LogLevel level);
LogLevel log_level();

void log_message(LogLevel level, std::initializer_list<Piece> pieces);
inline void log_error(std::initializer_list<Piece> pieces) { log_message(LogLevel::error, pieces); }
inline void log_warning(std::initializer_list<Piece> pieces) { log_message(LogLevel::warning, pieces); }
inline void log_info(std::initializer_list<Piece> pieces) { log_message(LogLevel::info, pieces); }
inline void log_debug(std::initializer_list<Piece> pieces) { log_message(LogLevel::debug, pieces); }

}  // namespace minnow
