// For tests of what operators say to inputs that are wrong.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "ops/interpreter.h"

namespace minnow {

// The error must contain `text`.
inline void expect_error(std::string_view op, std::vector<Datum> inputs, const Attributes& attributes,
                         std::string_view text, int outputs = 1) {
  SCOPED_TRACE(std::string(op) + ": " + std::string(text));
  const auto result = evaluate(op, inputs, attributes, outputs);
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
}

}  // namespace minnow
