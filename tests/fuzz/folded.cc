// Folded stacks: parse, pictures, and the text again. Whatever the names are, a picture is well-formed markup of the
// elements and attributes that pictures of harmless names have.
#include <cctype>
#include <cstdlib>
#include <set>

#include "fuzz.h"
#include "report/flame/flame.h"
#include "report/folded.h"
#include "report/page.h"
#include "report/speedscope.h"

namespace {

using namespace minnow;
using Words = std::set<std::string, std::less<>>;

// The elements and attributes of a document, or nothing where it is malformed: a '<' that begins no tag, a value that
// does not end. Character data (style and script excepted: they hold no names) may have no quotes left unescaped.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool scan(Words& words) {
    while (!rest_.empty()) {
      const size_t open = rest_.find('<');
      const std::string_view content = rest_.substr(0, open);
      const bool trusted = element_ == "style" || element_ == "script";
      if (!trusted && content.find_first_of("\"'>") != content.npos) return false;
      if (open == rest_.npos) return true;
      rest_.remove_prefix(open + 1);
      if (!tag(words)) return false;
    }
    return true;
  }

 private:
  bool skip_past(std::string_view end) {
    const size_t at = rest_.find(end);
    if (at == rest_.npos) return false;
    rest_.remove_prefix(at + end.size());
    return true;
  }
  std::string_view word() {
    size_t count = 0;
    while (count < rest_.size() &&
           (std::isalnum(static_cast<unsigned char>(rest_[count])) != 0 || rest_[count] == '-' || rest_[count] == ':'))
      ++count;
    const std::string_view found = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return found;
  }
  bool tag(Words& words) {
    if (rest_.starts_with("![CDATA[")) return element_ == "script" && skip_past("]]>");
    if (rest_.starts_with("?xml") || rest_.starts_with("!DOCTYPE html>")) return skip_past(">");
    const bool closes = rest_.starts_with("/");
    if (closes) rest_.remove_prefix(1);
    const std::string_view name = word();
    if (name.empty()) return false;
    words.emplace(name);
    element_ = closes ? "" : std::string(name);
    while (!rest_.empty() && rest_[0] != '>') {
      if (rest_[0] == ' ' || rest_[0] == '/') {
        rest_.remove_prefix(1);
        continue;
      }
      const std::string_view attribute = word();
      if (attribute.empty() || !rest_.starts_with("=\"")) return false;
      words.insert(std::string(name) + " " + std::string(attribute));
      rest_.remove_prefix(2);
      const std::string_view value = rest_.substr(0, rest_.find('"'));
      if (value.find('<') != value.npos || !skip_past("\"")) return false;
    }
    return skip_past(">");
  }

  std::string_view rest_;
  std::string element_;
};

FlameOptions options_of(int number) {
  FlameOptions options;
  options.min_width = number == 0 ? 0 : 0.1;
  options.icicle = number == 1;
  options.coloring = number == 2   ? FlameColoring::difference
                     : number == 3 ? FlameColoring::fraction
                                   : FlameColoring::palette;
  options.unit = number == 1 ? FlameUnit::nanoseconds : number == 2 ? FlameUnit::bytes : FlameUnit::count;
  return options;
}

// The picture, and the page that shows the names as text.
std::string document(const Folded& folded, int number) {
  FlameOptions options = options_of(number);
  if (!folded.names().empty()) options.title = options.count_name = options.subtitle = folded.names().front();
  const Result<std::string> svg = flame_svg(folded, options);
  if (!svg.ok()) return "";
  const std::string page = html_page(options.title, {{options.subtitle, html_text(options.title)},
                                                     {"table", html_table({{options.title}, {options.subtitle}})},
                                                     {"frame", html_frame(*svg, 100)}});
  return *svg + page;
}

const Words& known_words() {
  static const Words words = [] {
    Words found;
    for (int number = 0; number < 4; ++number) {
      const Result<Folded> harmless = read_folded("a;b 1 2\na;c 3 1\n", "harmless");
      if (!harmless.ok() || !Scanner(document(*harmless, number)).scan(found)) std::abort();
    }
    return found;
  }();
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const int number = data[0] % 4;
  const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
  FoldedLimits limits;
  limits.bytes = 1024;  // hundreds of boxes show what thousands would, and take less
  Result<Folded> folded = read_folded(text, "fuzz.folded", limits);
  if (!folded.ok()) return 0;
  Words found;
  if (!Scanner(document(*folded, number)).scan(found)) std::abort();
  for (const std::string& word : found) {
    if (known_words().count(word) == 0) std::abort();
  }
  speedscope_json(*folded, "fuzz", "none");
  // Under the usual limits: a count such as .5 is written longer than it was read.
  const Result<Folded> again = read_folded(write_folded(*folded), "again.folded");
  if (!again.ok() || again->stacks().size() != folded->stacks().size() || again->pairs != folded->pairs) std::abort();
  if (!folded->pairs) document(folded_difference(*folded, *again, number == 1), 2);
  return 0;
}
