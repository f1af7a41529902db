#include "report/heat_map.h"

#include <gtest/gtest.h>

#include "report/escape.h"

namespace minnow {
namespace {

TEST(Escape, MarkupBecomesText) {
  EXPECT_EQ(escape_xml("<script>\"a\" & 'b'</script>"), "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;");
}

TEST(HeatMap, ShowsEveryCellAndEscapesLabels) {
  const std::vector<double> values{1.0, 0.25, 0.25, 1.0};
  const std::string page = heat_map_html("title", {"a<b", "c"}, values, 0, 1);
  EXPECT_EQ(page.find("a<b"), std::string::npos);
  EXPECT_NE(page.find("a&lt;b"), std::string::npos);
  size_t cells = 0;
  for (size_t at = page.find("<rect"); at != std::string::npos; at = page.find("<rect", at + 1)) ++cells;
  EXPECT_EQ(cells, 4u);
  EXPECT_NE(page.find(">0.25<"), std::string::npos);
  EXPECT_NE(page.find("rgb(8,48,107)"), std::string::npos);  // the highest value is the darkest
}

}  // namespace
}  // namespace minnow
