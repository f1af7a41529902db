// Flags of the verbs that draw flame graphs.
#pragma once

#include <string>

#include "cli/support/verb.h"
#include "report/flame/flame.h"

namespace minnow::cli {

struct PictureFlags {
  std::string title, subtitle, colors;
  bool icicle = false;
  int64_t width = 1200;
  double min_width = 0.1;

  void declare(Arguments& arguments);
  Status apply(FlameOptions& options) const;
};

// The same flags, but with results on standard output: -o names the picture.
CommonFlags to_standard_output(const CommonFlags& common);

}  // namespace minnow::cli
