#include "report/flame/flame.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace minnow {
namespace {

Folded must_read(std::string_view text) {
  Result<Folded> folded = read_folded(text, "test.folded");
  EXPECT_TRUE(folded.ok()) << folded.error().message;
  return std::move(folded).value();
}

std::string must_draw(std::string_view text, const FlameOptions& options = {}) {
  Result<std::string> svg = flame_svg(must_read(text), options);
  EXPECT_TRUE(svg.ok()) << svg.error().message;
  return std::move(svg).value();
}

size_t count(std::string_view text, std::string_view part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

constexpr std::string_view kSample = "a;b;c 3\na;b 2\na;d 5\n";

TEST(FlameTree, MergesStacksAndSortsSiblings) {
  const Folded folded = must_read("z 1\na;c 2\na;b 3\na;c 4\n");
  const std::vector<FlameNode> tree = build_flame_tree(folded);
  std::vector<std::string> names;
  for (const FlameNode& node : tree)
    names.push_back(node.name < 0 ? "" : folded.names()[static_cast<size_t>(node.name)]);
  EXPECT_EQ(names, (std::vector<std::string>{"", "a", "b", "c", "z"}));
  EXPECT_EQ(tree[0].total, 10);
  EXPECT_EQ(tree[1].total, 9);
  EXPECT_EQ(tree[3].self, 6);
  EXPECT_EQ(tree[3].parent, 1);
  EXPECT_EQ(tree[3].depth, 2);
  EXPECT_EQ(tree[4].parent, 0);
}

TEST(FlameTree, TheSameNameOnTwoPathsIsTwoFrames) {
  EXPECT_EQ(build_flame_tree(must_read("a;x 1\nb;x 1\n")).size(), 5u);
  EXPECT_EQ(build_flame_tree(must_read("a;a;a 1\n")).size(), 4u);
}

// The numbers are what flamegraph.pl (FlameGraph 41fee1f) writes for these stacks.
TEST(FlameLayout, GeometryIsFlameGraphs) {
  const std::string svg = must_draw(kSample);
  EXPECT_TRUE(contains(svg, "width=\"1200\" height=\"134\" viewBox=\"0 0 1200 134\""));
  EXPECT_TRUE(contains(svg,
                       "<title>all (10 samples, 100%)</title><rect x=\"10.0\" y=\"85\" width=\"1180.0\" "
                       "height=\"15.0\""));
  EXPECT_TRUE(contains(svg, "<title>a (10 samples, 100.00%)</title><rect x=\"10.0\" y=\"69\" width=\"1180.0\""));
  EXPECT_TRUE(contains(svg, "<title>b (5 samples, 50.00%)</title><rect x=\"10.0\" y=\"53\" width=\"590.0\""));
  EXPECT_TRUE(contains(svg, "<title>d (5 samples, 50.00%)</title><rect x=\"600.0\" y=\"53\" width=\"590.0\""));
  EXPECT_TRUE(contains(svg, "<title>c (3 samples, 30.00%)</title><rect x=\"246.0\" y=\"37\" width=\"354.0\""));
}

TEST(FlameLayout, IcicleGrowsDownwards) {
  FlameOptions options;
  options.icicle = true;
  const std::string svg = must_draw(kSample, options);
  EXPECT_TRUE(contains(svg, ">Icicle Graph<"));
  EXPECT_TRUE(contains(svg, "<title>all (10 samples, 100%)</title><rect x=\"10.0\" y=\"36\""));
  EXPECT_TRUE(contains(svg, "<title>c (3 samples, 30.00%)</title><rect x=\"246.0\" y=\"84\""));
}

TEST(FlameLayout, NarrowFramesAreLeftOutAndDoNotMakeThePictureHigher) {
  const Folded folded = must_read("a;wide 99999\na;thin;deep;deeper 1\n");
  const std::vector<FlameNode> tree = build_flame_tree(folded);
  FlameOptions options;
  const Result<FlameLayout> layout = lay_out_flame(tree, options);
  ASSERT_TRUE(layout.ok());
  EXPECT_EQ(layout->boxes.size(), 3u);
  EXPECT_EQ(layout->hidden, 3);
  EXPECT_EQ(layout->height, 3 * 16 + 36 + 34);
  options.min_width = 0;
  EXPECT_EQ(lay_out_flame(tree, options)->boxes.size(), 6u);
}

TEST(FlameLayout, RefusesNothingAndTooMuch) {
  const Result<std::string> nothing = flame_svg(must_read("a;b 0\n"), {});
  ASSERT_FALSE(nothing.ok());
  EXPECT_TRUE(contains(nothing.error().message, "add up to 0"));
  std::string text;
  for (int i = 0; i < 100'001; ++i) text += "f" + std::to_string(i) + " 1\n";
  FlameOptions options;
  options.min_width = 0;
  const Result<std::string> many = flame_svg(must_read(text), options);
  ASSERT_FALSE(many.ok());
  EXPECT_EQ(many.error().code, ErrorCode::limit);
  EXPECT_TRUE(contains(many.error().message, "--min-width"));
}

TEST(FlameSvg, LabelsAreCutAtCharacters) {
  FlameOptions options;
  options.width = 220;  // 200 pixels for all
  // 10 % of 200 pixels hold 2 characters: none is shown; 90 % hold 25.
  const std::string svg = must_draw("ééééééééééééééééééééééééééééééééé 9\nabcdef 1\n", options);
  std::string shown;
  for (int i = 0; i < 23; ++i) shown += "é";
  EXPECT_TRUE(contains(svg, ">" + shown + "..</text>"));
  EXPECT_FALSE(contains(svg, ">ab</text>"));
  EXPECT_FALSE(contains(svg, ">..</text>"));
}

TEST(FlameSvg, HostileNamesAreText) {
  const std::string svg = must_draw(
      "</title><script>alert(1)</script>;\"'&<>;]]><script>alert(2)</script>;\x01\x1b[2J\xff\xfe;javascript:alert(3) "
      "7\n");
  EXPECT_EQ(count(svg, "<script"), 1u);
  EXPECT_EQ(count(svg, "</script>"), 1u);
  EXPECT_EQ(count(svg, "]]>"), 1u);
  EXPECT_FALSE(contains(svg, "alert(1)</script>"));
  EXPECT_TRUE(contains(svg, "&lt;script&gt;alert(1)&lt;/script&gt;"));
  for (char c : svg) EXPECT_TRUE(c == '\n' || static_cast<unsigned char>(c) >= 0x20);
  FlameOptions options;
  options.title = "<script>t</script>";
  options.subtitle = "<script>s</script>";
  options.count_name = "<script>u</script> (x)";
  EXPECT_EQ(count(must_draw(kSample, options), "<script"), 1u);
}

TEST(FlameSvg, DifferenceShowsGrowthRedAndLossBlue) {
  FlameOptions options;
  options.coloring = FlameColoring::difference;
  const std::string text = "same 10 10\nslower 10 20\nfaster 20 10\nadded 0 10\nremoved 10 0\n";
  const std::string svg = must_draw(text, options);
  EXPECT_TRUE(contains(svg, "<title>same (10 samples, 20.00%; +0 samples, +0.0%)"));
  EXPECT_TRUE(contains(svg, "<title>slower (20 samples, 40.00%; +10 samples, +100.0%)"));
  EXPECT_TRUE(contains(svg, "<title>faster (10 samples, 20.00%; -10 samples, -50.0%)"));
  EXPECT_TRUE(contains(svg, "<title>added (10 samples, 20.00%; +10 samples, new)"));
  EXPECT_FALSE(contains(svg, "<title>removed"));
  const auto fill = [](const std::string& picture, const std::string& name) {
    const size_t at = picture.find("fill=\"", picture.find("<title>" + name)) + 6;
    return picture.substr(at, picture.find('"', at) - at);
  };
  EXPECT_EQ(fill(svg, "same"), "rgb(255,255,255)");
  EXPECT_EQ(fill(svg, "slower"), "rgb(255,105,105)");
  EXPECT_EQ(fill(svg, "faster"), "rgb(105,105,255)");
  EXPECT_EQ(fill(svg, "added"), "rgb(255,0,0)");
  options.negate = true;
  EXPECT_EQ(fill(must_draw(text, options), "slower"), "rgb(105,105,255)");
}

TEST(FlameSvg, AmountsInTheirUnits) {
  FlameOptions options;
  EXPECT_EQ(flame_amount(1234567, options), "1,234,567 samples");
  EXPECT_EQ(flame_amount(999, options), "999 samples");
  EXPECT_EQ(flame_amount(1234.5, options), "1,234.50 samples");
  options.unit = FlameUnit::nanoseconds;
  EXPECT_EQ(flame_amount(999, options), "999 ns");
  EXPECT_EQ(flame_amount(1500, options), "1.5 us");
  EXPECT_EQ(flame_amount(1500000, options), "1.500 ms");
  EXPECT_EQ(flame_amount(2e9, options), "2.000 s");
  options.unit = FlameUnit::bytes;
  EXPECT_EQ(flame_amount(1500000, options), "1.5 MB");
}

TEST(FlameColors, HashIsFlameGraphs) {
  // What flamegraph.pl's namehash gives for these names.
  EXPECT_NEAR(name_hash("main"), 0.363351382160160, 1e-14);
  EXPECT_NEAR(name_hash("conv2d_relu"), 0.636648617839840, 1e-14);
  EXPECT_EQ(name_hash("libc.so`main"), name_hash("main"));
}

TEST(FlameColors, EveryPaletteGivesColors) {
  for (std::string_view palette : palette_names()) {
    for (const char* name : {"", "a", "java/lang/Object", "x::y", "kernel_[k]", "jit_[j]", "lib/a.js:12"}) {
      const Color color = palette_color(palette, name);
      for (int channel : {color.red, color.green, color.blue}) {
        EXPECT_GE(channel, 0) << palette;
        EXPECT_LE(channel, 255) << palette;
      }
    }
  }
  EXPECT_FALSE(is_palette("nonsense"));
  EXPECT_EQ(to_string(palette_color("hot", "--")), "rgb(160,160,160)");
  EXPECT_EQ(to_string(palette_color("java", "f_[k]")), to_string(palette_color("orange", "f_[k]")));
}

TEST(FlameColors, FractionsGoFromOrangeToBlue) {
  EXPECT_EQ(to_string(fraction_color(-1)), to_string(fraction_color(0)));
  EXPECT_EQ(to_string(fraction_color(2)), to_string(fraction_color(1)));
  EXPECT_GT(fraction_color(0).red, fraction_color(1).red);
  EXPECT_LT(fraction_color(0).blue, fraction_color(1).blue);
}

}  // namespace
}  // namespace minnow
