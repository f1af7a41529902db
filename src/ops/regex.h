// Regular expressions in RE2's syntax, matched in time linear in the text by following all states of an automaton at
// once (K. Thompson, "Regular expression search algorithm", 1968). Only whole-text matches; no captures.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace minnow {

class Regex {
 public:
  static Result<Regex> compile(std::string_view pattern);
  // Whether the whole UTF-8 text matches. Work is proportional to text.size() * size().
  bool matches(std::string_view text) const;
  size_t size() const { return program_.size(); }

 private:
  friend class RegexCompiler;
  enum class Kind : uint8_t {
    set,
    split,
    jump,
    match,
    text_begin,
    text_end,
    line_begin,
    line_end,
    word_edge,
    no_word_edge
  };
  struct Instruction {
    Kind kind;
    int32_t a = 0, b = 0;  // set: index of the set; split, jump: targets relative to this instruction
  };
  struct Range {
    char32_t first, last;
  };
  struct Set {
    std::vector<Range> ranges;
    bool negated = false;
    bool contains(char32_t code) const;
  };
  struct Edge;
  bool holds(Kind assertion, const Edge& edge) const;
  void add_state(std::vector<int32_t>& states, std::vector<uint32_t>& seen, uint32_t stamp, int32_t start,
                 const Edge& edge) const;

  std::vector<Instruction> program_;
  std::vector<Set> sets_;
};

}  // namespace minnow
