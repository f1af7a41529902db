// Results on standard output (or -o FILE), everything else on standard error: progress, interruption, closed pipes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "cli/support/verb.h"

namespace minnow {
class Session;
}

namespace minnow::cli {

// Ctrl-C cancels the session that runs (then the verb ends with 130) or ends the process; a second one ends it at once.
// A closed pipe is a write error, not a signal.
void install_signal_handlers();
bool interrupted();

// The session that Ctrl-C cancels, while this object lives.
class Interruptible {
 public:
  explicit Interruptible(Session& session);
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
};

// The results of a verb: to standard output, or to -o's file whole or not at all.
Status emit_text(const CommonFlags& common, std::string_view text);
// Flushes standard output. A reader that went away is fine (0); a full disk or a closed descriptor is not (2).
int finish_output();

// A bar with percentage and time left on standard error, where that is a terminal; nothing with --quiet.
class Progress {
 public:
  Progress(const CommonFlags& common, std::string label, int64_t total);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void update(int64_t done);

 private:
  bool shown_;
  std::string label_;
  int64_t total_;
  int64_t drawn_ns_ = 0;
  Stopwatch watch_;
};

// Bold where standard output is a terminal and NO_COLOR is not set.
std::string bold(const CommonFlags& common, std::string_view text);

// Columns padded to their widest cell; numbers (by `right`) aligned at the right.
std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right = {});
std::string markdown_table(const std::vector<std::vector<std::string>>& rows);
std::string fixed(double value, int digits);

}  // namespace minnow::cli
