// Folded stacks, the text that profilers exchange: one stack a line, "outer;inner;innermost 12", frames from the
// outside in, a count at the end; a second count makes a pair of profiles: before, after. See docs/profile.md.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

namespace minnow {

struct FoldedStack {
  std::vector<uint32_t> frames;  // indices into names(), outermost first
  double value = 0;              // what a picture shows as width
  double other = 0;              // the second number: what `value` is compared with
};

class Folded {
 public:
  Folded() = default;
  Folded(Folded&&) = default;
  Folded& operator=(Folded&&) = default;

  void add(std::span<const std::string_view> frames, double value, double other = 0);
  const std::deque<std::string>& names() const { return names_; }
  const std::vector<FoldedStack>& stacks() const { return stacks_; }
  std::vector<FoldedStack>& stacks() { return stacks_; }
  double total() const;
  double other_total() const;
  bool pairs = false;  // `other` has a meaning

 private:
  uint32_t intern(std::string_view name);
  std::deque<std::string> names_;  // stay where they are: ids_ points into them
  std::unordered_map<std::string_view, uint32_t> ids_;
  std::vector<FoldedStack> stacks_;
};

struct FoldedLimits {
  int64_t bytes = int64_t{256} << 20;
  int64_t depth = 1024;        // frames of one stack
  int64_t frames = 2'000'000;  // of all stacks together
};

// Lines that are empty are skipped; any other line that is not a stack is an error with its number. Where every line
// ends in two counts, they are before and after: `other` and `value`. `name` stands for the file in messages.
Result<Folded> read_folded(std::string_view text, std::string_view name, const FoldedLimits& limits = {});
// One line a stack, in order. What a frame may not hold becomes '_' (line ends: a blank before digits would read as a
// second count) or ':' (';').
std::string write_folded(const Folded& folded);

// Both profiles as pairs, `before` in `other`. scale: before is multiplied so that the totals agree, for runs of
// different length.
Folded folded_difference(const Folded& before, const Folded& after, bool scale);

}  // namespace minnow
