#include "api/catalogue.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace minnow {
namespace {

Result<Catalogue> with_file(std::string_view fields) {
  return parse_catalogue(concat({R"({"version": 1, "models": [{"name": "a", "task": "t", "licence": "MIT", )"
                                 R"("source": {"kind": "npm", "package": "p", "version": "1"}, )"
                                 R"("files": [{"name": "m.tflite", "sha256": ")",
                                 std::string(64, '0'), "\"", fields, "}]}]}"}),
                         "test.json");
}

TEST(Catalogue, AFileInsideAMemberSaysWhereItBegins) {
  const Result<Catalogue> whole = with_file(R"(, "member": "x.data", "bytes": 5)");
  ASSERT_TRUE(whole.ok()) << whole.error().message;
  EXPECT_EQ(whole.value().models[0].files[0].offset, -1);
  const Result<Catalogue> inside = with_file(R"(, "member": "x.data", "bytes": 5, "offset": 0)");
  ASSERT_TRUE(inside.ok()) << inside.error().message;
  EXPECT_EQ(inside.value().models[0].files[0].offset, 0);
}

TEST(Catalogue, RefusesPlacesThatCannotBe) {
  for (const char* fields :
       {R"(, "member": "x.data", "bytes": 5, "offset": -1)", R"(, "member": "x.data", "bytes": 5, "offset": "0")",
        R"(, "member": "x.data", "bytes": 5, "offset": 2e13)", R"(, "bytes": 5, "offset": 0)",
        R"(, "member": "x.data", "bytes": 9223372036854775807)"}) {
    EXPECT_FALSE(with_file(fields).ok()) << fields;
  }
}

}  // namespace
}  // namespace minnow
