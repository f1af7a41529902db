#include "report/block_map.h"

#include <gtest/gtest.h>

namespace minnow {
namespace {

TEST(BlockMap, PlacesBlocksByStepAndByte) {
  const std::vector<MapBlock> blocks{{"scope/conv<1>", 0, 100, 0, 1, false}, {"gemm", 100, 300, 1, 1, true}};
  const std::string svg = block_map_svg("m & n", blocks, 2, 400);
  EXPECT_NE(svg.find("m &amp; n"), std::string::npos);
  EXPECT_NE(svg.find("scope/conv&lt;1&gt;"), std::string::npos);
  EXPECT_EQ(svg.find("conv<1>"), std::string::npos);
  // 1100 x 520 pixels from (90, 50): the first block fills the width and the lowest quarter.
  EXPECT_NE(svg.find("x=\"90.00\" y=\"440.00\" width=\"1100.00\" height=\"130.00\""), std::string::npos);
  EXPECT_NE(svg.find("x=\"640.00\" y=\"50.00\" width=\"550.00\" height=\"390.00\" fill=\"#999\""), std::string::npos);
  EXPECT_NE(svg.find("(scratch)"), std::string::npos);
}

TEST(BlockMap, AnEmptyPlanIsAPicture) { EXPECT_NE(block_map_svg("", {}, 0, 0).find("</svg>"), std::string::npos); }

}  // namespace
}  // namespace minnow
