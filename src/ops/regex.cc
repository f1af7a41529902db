#include "ops/regex.h"

#include <algorithm>

#include "ops/unicode.h"

namespace minnow {
namespace {

constexpr char32_t kNoCode = 0x110000;  // before the first and after the last character

}  // namespace

bool Regex::Set::contains(char32_t code) const {
  for (const Range& range : ranges) {
    if (code >= range.first && code <= range.last) return !negated;
  }
  return negated;
}

// The place between two characters.
struct Regex::Edge {
  char32_t before, after;  // kNoCode at the ends
};

bool Regex::holds(Kind assertion, const Edge& edge) const {
  switch (assertion) {
    case Kind::text_begin: return edge.before == kNoCode;
    case Kind::text_end: return edge.after == kNoCode;
    case Kind::line_begin: return edge.before == kNoCode || edge.before == '\n';
    case Kind::line_end: return edge.after == kNoCode || edge.after == '\n';
    case Kind::word_edge: return is_word_character(edge.before) != is_word_character(edge.after);
    case Kind::no_word_edge: return is_word_character(edge.before) == is_word_character(edge.after);
    default: return false;
  }
}

// Adds every set and match instruction that can be reached without reading a character.
void Regex::add_state(std::vector<int32_t>& states, std::vector<uint32_t>& seen, uint32_t stamp, int32_t start,
                      const Edge& edge) const {
  std::vector<int32_t> stack = {start};
  while (!stack.empty()) {
    const int32_t at = stack.back();
    stack.pop_back();
    if (seen[static_cast<size_t>(at)] == stamp) continue;
    seen[static_cast<size_t>(at)] = stamp;
    const Instruction& instruction = program_[static_cast<size_t>(at)];
    switch (instruction.kind) {
      case Kind::set:
      case Kind::match: states.push_back(at); break;
      case Kind::jump: stack.push_back(at + instruction.a); break;
      case Kind::split:
        stack.push_back(at + instruction.a);
        stack.push_back(at + instruction.b);
        break;
      default:
        if (holds(instruction.kind, edge)) stack.push_back(at + 1);
    }
  }
}

bool Regex::matches(std::string_view text) const {
  std::vector<uint32_t> seen(program_.size(), 0);
  std::vector<int32_t> states, next;
  uint32_t stamp = 1;
  size_t at = 0;
  char32_t before = kNoCode;
  const auto peek = [&]() {
    size_t copy = at;
    return copy < text.size() ? next_code_point(text, copy) : kNoCode;
  };
  add_state(states, seen, stamp, 0, {kNoCode, peek()});
  while (at < text.size() && !states.empty()) {
    const char32_t code = next_code_point(text, at);
    before = code;
    next.clear();
    ++stamp;
    const Edge edge{before, peek()};
    for (int32_t state : states) {
      const Instruction& instruction = program_[static_cast<size_t>(state)];
      if (instruction.kind == Kind::set && sets_[static_cast<size_t>(instruction.a)].contains(code))
        add_state(next, seen, stamp, state + 1, edge);
    }
    states.swap(next);
  }
  if (at < text.size()) return false;
  return std::any_of(states.begin(), states.end(),
                     [&](int32_t state) { return program_[static_cast<size_t>(state)].kind == Kind::match; });
}

}  // namespace minnow
