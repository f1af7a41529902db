// From a pattern to the automaton that regex.cc runs.
#include <algorithm>

#include "ops/regex.h"
#include "ops/unicode.h"

namespace minnow {
namespace {

constexpr size_t kMaxProgram = 100'000;  // instructions; matching costs this much per character at worst
constexpr int kMaxDepth = 200;           // nested groups
constexpr int kMaxRepeat = 1000;         // as in RE2
constexpr char32_t kLastCode = 0x10FFFF;

}  // namespace

// Recursive descent; every production appends its instructions, so that a repeated part is copied by range. Targets are
// relative, which makes copies valid as they are.
class RegexCompiler {
 public:
  explicit RegexCompiler(std::string_view pattern) {
    for (size_t at = 0; at < pattern.size();) text_.push_back(next_code_point(pattern, at));
  }

  Result<Regex> compile() {
    MN_TRY(alternatives(0));
    MN_CHECK(at_ == text_.size(), "pattern: unmatched ')' at character ", at_);
    MN_TRY(emit(Regex::Kind::match));
    return std::move(regex_);
  }

 private:
  using Kind = Regex::Kind;
  using Set = Regex::Set;
  struct Flags {
    bool ignore_case = false, dot_newline = false, multi_line = false;
  };

  bool more() const { return at_ < text_.size(); }
  bool next_is(char32_t code) const { return more() && text_[at_] == code; }
  bool accept(char32_t code) {
    if (!next_is(code)) return false;
    ++at_;
    return true;
  }
  bool accept(std::string_view word) {
    if (text_.size() - at_ < word.size()) return false;
    for (size_t i = 0; i < word.size(); ++i) {
      if (text_[at_ + i] != static_cast<char32_t>(word[i])) return false;
    }
    at_ += word.size();
    return true;
  }
  int32_t here() const { return static_cast<int32_t>(regex_.program_.size()); }

  Status emit(Kind kind, int32_t a = 0, int32_t b = 0) {
    if (regex_.program_.size() >= kMaxProgram)
      return over_limit({"pattern: needs more than ", kMaxProgram, " states; repeat less"});
    regex_.program_.push_back({kind, a, b});
    return {};
  }
  Status insert(int32_t at, Kind kind, int32_t a, int32_t b = 0) {
    MN_TRY(emit(kind));
    auto& program = regex_.program_;
    std::rotate(program.begin() + at, program.end() - 1, program.end());
    program[static_cast<size_t>(at)] = {kind, a, b};
    return {};
  }
  Status emit_set(Set set) {
    if (flags_.ignore_case) add_other_case(set);
    regex_.sets_.push_back(std::move(set));
    return emit(Kind::set, static_cast<int32_t>(regex_.sets_.size()) - 1);
  }

  static void add_other_case(Set& set) {
    // Ranges are widened letter by letter; none beyond the letters that have case.
    constexpr char32_t kLastCased = 0x1EFF;
    std::vector<Regex::Range> extra;
    for (const Regex::Range& range : set.ranges) {
      for (char32_t code = range.first; code <= std::min(range.last, kLastCased); ++code) {
        const char32_t lower = to_lower(code), upper = to_upper(code);
        if (lower != code) extra.push_back({lower, lower});
        if (upper != code) extra.push_back({upper, upper});
      }
    }
    set.ranges.insert(set.ranges.end(), extra.begin(), extra.end());
  }

  Status alternatives(int depth) {
    MN_CHECK(depth <= kMaxDepth, "pattern: groups nested deeper than ", kMaxDepth);
    const int32_t begin = here();
    MN_TRY(sequence(depth));
    if (!accept('|')) return {};
    // split L1, L2; L1: first; jump end; L2: the other alternatives.
    std::vector<int32_t> jumps;
    int32_t branch = begin;
    do {
      MN_TRY(insert(branch, Kind::split, 1, here() + 2 - branch));
      jumps.push_back(here());
      MN_TRY(emit(Kind::jump));
      branch = here();
      MN_TRY(sequence(depth));
    } while (accept('|'));
    for (int32_t jump : jumps) regex_.program_[static_cast<size_t>(jump)].a = here() - jump;
    return {};
  }

  Status sequence(int depth) {
    while (more() && !next_is('|') && !next_is(')')) {
      const int32_t begin = here();
      bool repeatable = true;
      MN_TRY(atom(depth, repeatable));
      MN_TRY(repetitions(begin, repeatable));
    }
    return {};
  }

  Status repetitions(int32_t begin, bool repeatable) {
    while (more()) {
      int minimum = 0, maximum = -1;
      const size_t mark = at_;
      if (accept('*')) {
      } else if (accept('+')) {
        minimum = 1;
      } else if (accept('?')) {
        maximum = 1;
      } else if (!next_is('{') || !counts(minimum, maximum)) {
        at_ = mark;
        return {};
      }
      MN_CHECK(repeatable, "pattern: nothing to repeat at character ", mark);
      MN_CHECK(minimum <= kMaxRepeat && maximum <= kMaxRepeat && (maximum < 0 || minimum <= maximum),
               "pattern: bad repeat count at character ", mark, "; 0 to ", kMaxRepeat, " are allowed");
      accept('?');  // reluctant or not, the whole text matches or does not
      MN_TRY(repeat(begin, minimum, maximum));
    }
    return {};
  }

  // {n}, {n,} or {n,m}; otherwise the brace is a literal.
  bool counts(int& minimum, int& maximum) {
    ++at_;
    const auto number = [&](int& value) {
      const size_t start = at_;
      for (value = 0; more() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
        value = std::min(value * 10 + static_cast<int>(text_[at_] - '0'), kMaxRepeat + 1);
      return at_ > start;
    };
    if (!number(minimum)) return false;
    maximum = minimum;
    if (accept(',') && !number(maximum)) maximum = -1;
    return accept('}');
  }

  Status copy(const std::vector<Regex::Instruction>& part) {
    for (const auto& [kind, a, b] : part) MN_TRY(emit(kind, a, b));
    return {};
  }

  Status repeat(int32_t begin, int minimum, int maximum) {
    auto& program = regex_.program_;
    const std::vector<Regex::Instruction> part(program.begin() + begin, program.end());
    const int32_t length = static_cast<int32_t>(part.size());
    program.resize(static_cast<size_t>(begin));
    if (length == 0) return {};  // an empty part repeated is empty
    for (int i = 0; i < minimum; ++i) MN_TRY(copy(part));
    if (maximum < 0) {
      MN_TRY(emit(Kind::split, 1, length + 2));
      MN_TRY(copy(part));
      return emit(Kind::jump, -length - 1);
    }
    for (int i = minimum; i < maximum; ++i) {
      MN_TRY(emit(Kind::split, 1, length + 1));
      MN_TRY(copy(part));
    }
    return {};
  }

  Status atom(int depth, bool& repeatable) {
    const char32_t code = text_[at_++];
    switch (code) {
      case '(': return group(depth, repeatable);
      case '[': return bracket();
      case '.': return emit_set(flags_.dot_newline ? Set{{{0, kLastCode}}} : Set{{{'\n', '\n'}}, true});
      case '^': return emit(flags_.multi_line ? Kind::line_begin : Kind::text_begin);
      case '$': return emit(flags_.multi_line ? Kind::line_end : Kind::text_end);
      case '\\': return escape();
      case '*':
      case '+':
      case '?': return bad_input({"pattern: nothing to repeat at character ", at_ - 1});
      default: return emit_set({{{code, code}}});
    }
  }

  Status group(int depth, bool& repeatable) {
    const Flags outer = flags_;
    if (accept('?')) {
      if (accept("P<") || accept('<')) {
        MN_CHECK(!next_is('=') && !next_is('!'), "pattern: look-behind is not part of the syntax");
        while (more() && !next_is('>')) ++at_;
        MN_CHECK(accept('>'), "pattern: a group name without '>'");
      } else {
        bool scoped = false;
        MN_TRY(flags(scoped));
        if (!scoped) {
          repeatable = false;
          return {};  // (?i) holds until the enclosing group ends
        }
      }
    }
    MN_TRY(alternatives(depth + 1));
    MN_CHECK(accept(')'), "pattern: a '(' without ')'");
    flags_ = outer;
    return {};
  }

  // "i", "s-i:", ":" … after "(?". scoped: a group follows.
  Status flags(bool& scoped) {
    bool value = true;
    while (more()) {
      const char32_t code = text_[at_++];
      switch (code) {
        case 'i': flags_.ignore_case = value; break;
        case 's': flags_.dot_newline = value; break;
        case 'm': flags_.multi_line = value; break;
        case 'U': break;
        case '-': value = false; break;
        case ':': scoped = true; return {};
        case ')': return {};
        default: return bad_input({"pattern: unknown flag or look-around at character ", at_ - 1});
      }
    }
    return bad_input({"pattern: a '(?' without ')'"});
  }

  // Adds \d, \w, \s (or [:alpha:]) to a set; capitals and ^ add the complement.
  static void add_ranges(Set& set, std::vector<Regex::Range> ranges, bool complement) {
    if (!complement) {
      set.ranges.insert(set.ranges.end(), ranges.begin(), ranges.end());
      return;
    }
    std::sort(ranges.begin(), ranges.end(),
              [](const Regex::Range& a, const Regex::Range& b) { return a.first < b.first; });
    char32_t next = 0;
    for (const Regex::Range& range : ranges) {
      if (range.first > next) set.ranges.push_back({next, range.first - 1});
      next = range.last + 1;
    }
    set.ranges.push_back({next, kLastCode});
  }

  static bool add_class(Set& set, char32_t letter) {
    switch (letter) {
      case 'd':
      case 'D': add_ranges(set, {{'0', '9'}}, letter == 'D'); return true;
      case 'w':
      case 'W': add_ranges(set, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}, letter == 'W'); return true;
      case 's':
      case 'S': add_ranges(set, {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}, letter == 'S'); return true;
      default: return false;
    }
  }

  bool add_named_class(Set& set) {
    struct Named {
      std::string_view name;
      std::vector<Regex::Range> ranges;
    };
    static const Named kClasses[] = {{"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
                                     {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
                                     {"ascii", {{0, 0x7F}}},
                                     {"blank", {{'\t', '\t'}, {' ', ' '}}},
                                     {"cntrl", {{0, 0x1F}, {0x7F, 0x7F}}},
                                     {"digit", {{'0', '9'}}},
                                     {"graph", {{'!', '~'}}},
                                     {"lower", {{'a', 'z'}}},
                                     {"print", {{' ', '~'}}},
                                     {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
                                     {"space", {{'\t', '\r'}, {' ', ' '}}},
                                     {"upper", {{'A', 'Z'}}},
                                     {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
                                     {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}}};
    const size_t mark = at_;
    if (!accept("[:")) return false;
    const bool complement = accept('^');
    for (const Named& named : kClasses) {
      if (!accept(named.name)) continue;
      if (accept(":]")) {
        add_ranges(set, named.ranges, complement);
        return true;
      }
      break;
    }
    at_ = mark;
    return false;
  }

  Status bracket() {
    Set set;
    set.negated = accept('^');
    bool first = true;
    while (first || !next_is(']')) {
      MN_CHECK(more(), "pattern: a '[' without ']'");
      first = false;
      if (add_named_class(set)) continue;
      char32_t low = text_[at_++];
      if (low == '\\') {
        MN_CHECK(more(), "pattern: ends with a backslash");
        if (add_class(set, text_[at_])) {
          ++at_;
          continue;
        }
        MN_ASSIGN(low, escaped_character());
      }
      char32_t high = low;
      if (next_is('-') && at_ + 1 < text_.size() && text_[at_ + 1] != ']') {
        ++at_;
        high = text_[at_++];
        if (high == '\\') {
          MN_CHECK(more(), "pattern: ends with a backslash");
          MN_ASSIGN(high, escaped_character());
        }
        MN_CHECK(low <= high, "pattern: a range runs backwards before character ", at_);
      }
      set.ranges.push_back({low, high});
    }
    ++at_;
    return emit_set(std::move(set));
  }

  Result<char32_t> hexadecimal() {
    const bool braces = accept('{');
    char32_t value = 0;
    int digits = 0;
    while (more() && (braces ? !next_is('}') : digits < 2)) {
      const char32_t code = text_[at_++];
      const int digit = code >= '0' && code <= '9'   ? static_cast<int>(code - '0')
                        : code >= 'a' && code <= 'f' ? static_cast<int>(code - 'a') + 10
                        : code >= 'A' && code <= 'F' ? static_cast<int>(code - 'A') + 10
                                                     : -1;
      MN_CHECK(digit >= 0 && ++digits <= 6, "pattern: a bad \\x escape before character ", at_);
      value = value * 16 + static_cast<char32_t>(digit);
    }
    MN_CHECK(digits >= (braces ? 1 : 2) && (!braces || accept('}')) && value <= kLastCode,
             "pattern: a bad \\x escape before character ", at_);
    return value;
  }

  // After a backslash: one character.
  Result<char32_t> escaped_character() {
    const char32_t code = text_[at_++];
    switch (code) {
      case 'n': return U'\n';
      case 't': return U'\t';
      case 'r': return U'\r';
      case 'f': return U'\f';
      case 'v': return U'\v';
      case 'a': return U'\a';
      case 'x': return hexadecimal();
      default: break;
    }
    MN_CHECK(!is_word_character(code) || code == '_', "pattern: the escape \\", std::string(1, static_cast<char>(code)),
             " at character ", at_ - 1, " is not supported");
    return code;
  }

  Status escape() {
    MN_CHECK(more(), "pattern: ends with a backslash");
    Set set;
    const char32_t code = text_[at_];
    if (add_class(set, code)) {
      ++at_;
      return emit_set(std::move(set));
    }
    switch (code) {
      case 'A': ++at_; return emit(Kind::text_begin);
      case 'z': ++at_; return emit(Kind::text_end);
      case 'b': ++at_; return emit(Kind::word_edge);
      case 'B': ++at_; return emit(Kind::no_word_edge);
      case 'Q': ++at_; return quoted();
      default: break;
    }
    MN_ASSIGN(const char32_t literal, escaped_character());
    return emit_set({{{literal, literal}}});
  }

  Status quoted() {
    while (more() && !accept("\\E")) {
      const char32_t code = text_[at_++];
      MN_TRY(emit_set({{{code, code}}}));
    }
    return {};
  }

  std::vector<char32_t> text_;
  size_t at_ = 0;
  Flags flags_;
  Regex regex_;
};

Result<Regex> Regex::compile(std::string_view pattern) { return RegexCompiler(pattern).compile(); }

}  // namespace minnow
