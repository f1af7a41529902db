#include "cli/support/terminal.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "api/session.h"
#include "base/bytes.h"

namespace minnow::cli {
namespace {

std::atomic<Session*> running{nullptr};
std::atomic<bool> was_interrupted{false};
static_assert(std::atomic<Session*>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

void on_interrupt(int) {
  Session* session = running.load();
  if (session == nullptr || was_interrupted.exchange(true)) _exit(kExitInterrupted);
  session->cancel();  // an atomic store
}

// Columns that a UTF-8 text takes, one for each character.
size_t width_of(std::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

int write_failure() {
  if (errno == EPIPE) return kExitOk;
  std::perror("minnow: error: standard output");
  return kExitBadInput;
}

}  // namespace

void install_signal_handlers() {
  struct sigaction action {};
  action.sa_handler = on_interrupt;
  sigaction(SIGINT, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

bool interrupted() { return was_interrupted.load(); }

Interruptible::Interruptible(Session& session) { running.store(&session); }
Interruptible::~Interruptible() { running.store(nullptr); }

Status emit_text(const CommonFlags& common, std::string_view text) {
  if (!common.output.empty()) return write_file_atomically(common.output, text);
  std::fwrite(text.data(), 1, text.size(), stdout);  // finish_output reports failures
  return {};
}

int finish_output() {
  errno = 0;
  if (std::ferror(stdout) == 0 && std::fflush(stdout) == 0) return kExitOk;
  return write_failure();
}

Progress::Progress(const CommonFlags& common, std::string label, int64_t total)
    : shown_(!common.quiet && isatty(STDERR_FILENO) != 0), label_(std::move(label)), total_(total) {}

Progress::~Progress() {
  if (shown_ && drawn_ns_ > 0) std::fputs("\r\033[K", stderr);
}

void Progress::update(int64_t done) {
  constexpr int64_t kRedrawNs = 100'000'000;
  constexpr int kBarWidth = 30;
  const int64_t now = watch_.elapsed_ns();
  if (!shown_ || total_ <= 0 || now - drawn_ns_ < kRedrawNs) return;
  drawn_ns_ = now;
  const double fraction = std::clamp(static_cast<double>(done) / static_cast<double>(total_), 0.0, 1.0);
  const double left = fraction > 0 ? static_cast<double>(now) * 1e-9 * (1 - fraction) / fraction : 0;
  const int filled = static_cast<int>(fraction * kBarWidth);
  const std::string bar =
      std::string(static_cast<size_t>(filled), '#') + std::string(static_cast<size_t>(kBarWidth - filled), '.');
  std::fprintf(stderr, "\r\033[K%s [%s] %3.0f %%, %.0f s left", label_.c_str(), bar.c_str(), 100 * fraction, left);
  std::fflush(stderr);
}

std::string bold(const CommonFlags& common, std::string_view text) {
  const char* no_color = std::getenv("NO_COLOR");
  const bool color = common.output.empty() && isatty(STDOUT_FILENO) != 0 && (no_color == nullptr || *no_color == '\0');
  return color ? "\033[1m" + std::string(text) + "\033[0m" : std::string(text);
}

std::string table(const std::vector<std::vector<std::string>>& rows, const std::vector<bool>& right) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t c = 0; c < row.size(); ++c) widths[c] = std::max(widths[c], width_of(row[c]));
  }
  std::string text;
  for (const auto& row : rows) {
    std::string line;
    for (size_t c = 0; c < row.size(); ++c) {
      const std::string pad(widths[c] - width_of(row[c]), ' ');
      const bool at_right = c < right.size() && right[c];
      line += c > 0 ? "  " : "";
      line += at_right ? pad + row[c] : row[c] + pad;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string markdown_table(const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  for (size_t r = 0; r < rows.size(); ++r) {
    text += "|";
    for (const std::string& cell : rows[r]) text += " " + cell + " |";
    text += "\n";
    if (r > 0) continue;
    text += "|";
    for (size_t c = 0; c < rows[r].size(); ++c) text += c == 0 ? "---|" : "---:|";
    text += "\n";
  }
  return text;
}

std::string fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

}  // namespace minnow::cli
