#include "report/page.h"

#include <gtest/gtest.h>

namespace minnow {
namespace {

TEST(Page, TextIsNeverMarkup) {
  const std::string page = html_page(
      "<t>", {{"a & b", html_text("<script>") + html_table({{"head"}, {"<td>"}})}, {"x", html_frame("<svg/>", 9)}});
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_NE(page.find("<title>&lt;t&gt;</title>"), std::string::npos);
  EXPECT_NE(page.find("<h2>a &amp; b</h2>"), std::string::npos);
  EXPECT_NE(page.find("<th>head</th>"), std::string::npos);
  EXPECT_NE(page.find("<td>&lt;td&gt;</td>"), std::string::npos);
  EXPECT_NE(page.find("data:image/svg+xml;base64,PHN2Zy8+"), std::string::npos);
  EXPECT_NE(html_picture("image/png", "abc", 5).find("data:image/png;base64,YWJj"), std::string::npos);
}

}  // namespace
}  // namespace minnow
