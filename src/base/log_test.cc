#include "base/log.h"

#include <gtest/gtest.h>

#include <string>

namespace minnow {
namespace {

class Log : public testing::Test {
 protected:
  void SetUp() override {
    set_log_sink(
        [](void* context, LogLevel level, std::string_view message) {
          *static_cast<std::string*>(context) += concat({to_string(level), "=", message, ";"});
        },
        &seen_);
  }
  void TearDown() override {
    set_log_sink(nullptr, nullptr);
    set_log_level(LogLevel::warning);
  }
  std::string seen_;
};

TEST_F(Log, DropsWhatIsLessSevereThanTheLevel) {
  const auto log_all = [] {
    log_error({"e", 1});
    log_warning({"w"});
    log_info({"i"});
    log_debug({"d"});
  };
  log_all();
  EXPECT_EQ(seen_, "error=e1;warning=w;");
  seen_.clear();
  set_log_level(LogLevel::debug);
  EXPECT_EQ(log_level(), LogLevel::debug);
  log_all();
  EXPECT_EQ(seen_, "error=e1;warning=w;info=i;debug=d;");
  seen_.clear();
  set_log_level(LogLevel::error);
  log_all();
  EXPECT_EQ(seen_, "error=e1;");
}

TEST_F(Log, DefaultSinkIsStandardError) {
  set_log_sink(nullptr, &seen_);
  testing::internal::CaptureStderr();
  log_warning({"disk is ", 99.5, "% full"});
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "minnow: warning: disk is 99.5% full\n");
  EXPECT_EQ(seen_, "");
}

}  // namespace
}  // namespace minnow
