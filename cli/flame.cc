// minnow flame FILE: folded stacks of any profiler as a flame graph.
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/picture_flags.h"
#include "cli/support/standard_input.h"
#include "cli/support/terminal.h"

namespace minnow::cli {
namespace {

class Flame : public Verb {
 public:
  const char* summary() const override { return "Draw folded stacks as a flame graph: one SVG that opens offline"; }
  const char* example() const override { return "minnow flame --diff before.folded after.folded -o difference.svg"; }

  void declare(Arguments& arguments) override {
    arguments.positional("FILE", &files_, "Folded stacks, 'a;b;c 12' a line; -: standard input. Two files with --diff");
    arguments.flag("--diff", &diff_, "Compare two files, before and after: widths of after, red grew, blue shrank");
    arguments.flag("--scale", &scale_, "Scale the first file of a --diff to the total of the second");
    arguments.flag("--negate", &negate_, "Swap red and blue");
    arguments.option("--unit", "NAME", &unit_,
                     "What is counted: ns (time), bytes, or a word for the texts (default samples)");
    picture_.declare(arguments);
  }

  Result<int> run() override {
    MN_CHECK(files_.size() == (diff_ ? 2u : 1u),
             diff_ ? "--diff: expected two files, before and after, got " : "expected one file (two with --diff), got ",
             files_.size());
    FlameOptions options;
    MN_TRY(picture_.apply(options));
    options.negate = negate_;
    if (unit_ == "ns") options.unit = FlameUnit::nanoseconds;
    else if (unit_ == "bytes") options.unit = FlameUnit::bytes;
    else options.count_name = unit_;
    MN_ASSIGN(Folded folded, read(files_[0]));
    if (diff_) {
      MN_ASSIGN(const Folded after, read(files_[1]));
      MN_CHECK(!folded.pairs && !after.pairs, "--diff: expected files with one count a line, got two counts: a file ",
               "with before and after is a difference already");
      folded = folded_difference(folded, after, scale_);
    }
    if (folded.pairs && options.coloring == FlameColoring::palette && picture_.colors.empty())
      options.coloring = FlameColoring::difference;
    MN_CHECK(folded.pairs || options.coloring != FlameColoring::fraction,
             "--colors peak: expected two counts a line, what was reached at best and what it took");
    options.fraction_label = "the best";
    if (!folded.pairs || options.coloring != FlameColoring::difference)
      MN_CHECK(!negate_, "--negate: this is no difference of two profiles");
    MN_ASSIGN(const std::string svg, flame_svg(folded, options));
    Json json{{"stacks", folded.stacks().size()}, {"total", folded.total()}};
    if (folded.pairs) json["before"] = folded.other_total();
    // With --json the picture needs a file of its own.
    if (!common.json) {
      MN_TRY(emit_text(common, svg));
      return kExitOk;
    }
    MN_CHECK(!common.output.empty(), "--json: say with -o where the picture goes");
    MN_TRY(emit_text(common, svg));
    MN_TRY(emit(to_standard_output(common), json, ""));
    return kExitOk;
  }

 private:
  static Result<Folded> read(const std::string& path) {
    const FoldedLimits limits;
    MN_ASSIGN(const Bytes bytes, read_file_or_stdin(path, limits.bytes));
    return read_folded(bytes.text(), path == "-" ? "standard input" : path, limits);
  }

  std::vector<std::string> files_;
  bool diff_ = false, scale_ = false, negate_ = false;
  std::string unit_ = "samples";
  PictureFlags picture_;
};

}  // namespace

std::unique_ptr<Verb> make_flame() { return std::make_unique<Flame>(); }

}  // namespace minnow::cli
