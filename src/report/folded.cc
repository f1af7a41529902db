#include "report/folded.h"

#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>

#include "base/text.h"

namespace minnow {
namespace {

// Above this a double no longer holds every integer, and sums would lose counts.
constexpr double kMaxCount = 9007199254740992.0;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

// Cuts a count ("12", "12.5") and the one blank before it off the end of `line`: frames may end in blanks, and be
// nothing else.
bool take_count(std::string_view& line, double& count) {
  size_t begin = line.size();
  while (begin > 0 && !is_blank(line[begin - 1])) --begin;
  const std::string_view digits = line.substr(begin);
  if (begin == 0 || digits.empty() || std::isdigit(static_cast<unsigned char>(digits[0])) == 0) return false;
  for (char c : digits) {
    if (c != '.' && std::isdigit(static_cast<unsigned char>(c)) == 0) return false;
  }
  const auto value = parse_double(digits.back() == '.' ? digits.substr(0, digits.size() - 1) : digits);
  // Digits alone that are no double are more than one holds (308 digits); other texts are no number.
  if (!value.has_value() && digits.size() <= 308) return false;
  count = value.value_or(std::numeric_limits<double>::infinity());
  line = line.substr(0, begin - 1);
  return true;
}

struct Line {
  int64_t number = 0;
  std::string_view stack;
  double last = 0;  // the count at the end
};

Result<std::vector<Line>> read_lines(std::string_view text, std::string_view name) {
  std::vector<Line> lines;
  int64_t number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (trim(line).empty()) continue;
    Line parsed{number, line, 0};
    MN_CHECK(take_count(parsed.stack, parsed.last) && !parsed.stack.empty(), printable(name), ":", number,
             ": expected 'frame;frame COUNT', got '", printable(line, 80), "'");
    MN_CHECK(parsed.last <= kMaxCount, printable(name), ":", number, ": expected a count up to 2^53, got ",
             parsed.last);
    lines.push_back(parsed);
  }
  MN_CHECK(!lines.empty(), printable(name), ": no stacks: expected lines 'frame;frame COUNT'");
  return lines;
}

bool all_pairs(const std::vector<Line>& lines) {
  for (const Line& line : lines) {
    std::string_view stack = line.stack;
    double count = 0;
    if (!take_count(stack, count) || stack.empty()) return false;
  }
  return true;
}

void append_number(std::string& out, double value) {
  char buffer[48];
  const bool whole = value == std::floor(value);
  std::snprintf(buffer, sizeof buffer, whole ? "%.0f" : "%.15g", value);
  // Counts have no exponent form, and fractions below 1e-4 would get one.
  if (!whole && std::string_view(buffer).find('e') != std::string_view::npos)
    std::snprintf(buffer, sizeof buffer, "%.20f", value);
  out += buffer;
}

}  // namespace

uint32_t Folded::intern(std::string_view name) {
  const auto found = ids_.find(name);
  if (found != ids_.end()) return found->second;
  const uint32_t id = static_cast<uint32_t>(names_.size());
  names_.emplace_back(name);
  ids_.emplace(names_.back(), id);
  return id;
}

void Folded::add(std::span<const std::string_view> frames, double value, double other) {
  FoldedStack stack;
  stack.frames.reserve(frames.size());
  for (std::string_view frame : frames) stack.frames.push_back(intern(frame));
  stack.value = value;
  stack.other = other;
  stacks_.push_back(std::move(stack));
}

double Folded::total() const {
  double sum = 0;
  for (const FoldedStack& stack : stacks_) sum += stack.value;
  return sum;
}

double Folded::other_total() const {
  double sum = 0;
  for (const FoldedStack& stack : stacks_) sum += stack.other;
  return sum;
}

Result<Folded> read_folded(std::string_view text, std::string_view name, const FoldedLimits& limits) {
  if (static_cast<int64_t>(text.size()) > limits.bytes)
    return over_limit({printable(name), ": ", text.size(), " bytes, the limit is ", limits.bytes});
  MN_ASSIGN(std::vector<Line> lines, read_lines(text, name));
  Folded folded;
  folded.pairs = all_pairs(lines);
  int64_t frames = 0;
  std::vector<std::string_view> stack;
  for (Line& line : lines) {
    double before = 0;
    if (folded.pairs) take_count(line.stack, before);
    MN_CHECK(before <= kMaxCount, printable(name), ":", line.number, ": expected a count up to 2^53, got ", before);
    stack.clear();
    for (std::string_view rest = line.stack;;) {
      const size_t end = rest.find(';');
      stack.push_back(rest.substr(0, end));
      if (static_cast<int64_t>(stack.size()) > limits.depth)
        return over_limit(
            {printable(name), ":", line.number, ": a stack of more than ", limits.depth, " frames, that is the limit"});
      if (end == std::string_view::npos) break;
      rest.remove_prefix(end + 1);
    }
    frames += static_cast<int64_t>(stack.size());
    if (frames > limits.frames)
      return over_limit({printable(name), ":", line.number, ": more than ", limits.frames, " frames in all, that is ",
                         "the limit: merge equal stacks, or leave rare ones out"});
    folded.add(stack, line.last, before);
  }
  return folded;
}

std::string write_folded(const Folded& folded) {
  std::string out;
  for (const FoldedStack& stack : folded.stacks()) {
    for (size_t i = 0; i < stack.frames.size(); ++i) {
      if (i > 0) out += ';';
      for (char c : folded.names()[stack.frames[i]]) out += c == '\n' || c == '\r' ? '_' : c == ';' ? ':' : c;
    }
    out += ' ';
    if (folded.pairs) {
      append_number(out, stack.other);
      out += ' ';
    }
    append_number(out, stack.value);
    out += '\n';
  }
  return out;
}

Folded folded_difference(const Folded& before, const Folded& after, bool scale) {
  const double sum = before.total();
  const double factor = scale && sum > 0 ? after.total() / sum : 1;
  Folded both;
  both.pairs = true;
  std::vector<std::string_view> frames;
  for (const Folded* side : {&before, &after}) {
    for (const FoldedStack& stack : side->stacks()) {
      frames.clear();
      for (uint32_t id : stack.frames) frames.push_back(side->names()[id]);
      if (side == &before) both.add(frames, 0, stack.value * factor);
      else both.add(frames, stack.value, 0);
    }
  }
  return both;
}

}  // namespace minnow
