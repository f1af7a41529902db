// Decision trees in one form, for the three tree operators of ai.onnx.ml.
#pragma once

#include <vector>

#include "ops/contexts.h"

namespace minnow {

struct Forest {
  enum class Mode : uint8_t {
    less_equal,
    less,
    greater_equal,
    greater,
    equal,
    not_equal,
    member,
    leaf
  };  // ONNX's numbers up to member
  struct TreeNode {
    Mode mode = Mode::leaf;
    bool missing_is_true = false;
    int32_t feature = 0;
    double split = 0;
    int32_t
        yes = 0,
        no = 0;  // nodes; of a leaf: first and one past the last of `leaves`; of a member test, `members` is at `set`
    int32_t set = 0;
  };
  struct Leaf {
    int32_t target;
    double weight;
  };
  std::vector<TreeNode> nodes;
  std::vector<int32_t> roots;
  std::vector<Leaf> leaves;
  std::vector<std::vector<double>> members;  // sorted
  int64_t features = 0;                      // one more than the largest feature number
  int64_t targets = 0;                       // likewise
};

enum class Aggregate : uint8_t { average, sum, min, max };  // ONNX's numbers

// The form of TreeEnsembleClassifier and -Regressor: nodes named by tree and node id; `prefix` is "class" or "target".
Result<Forest> forest_by_ids(const NodeView& c, std::string_view prefix);
// The form of TreeEnsemble: interior nodes and leaves by position.
Result<Forest> forest_by_positions(const NodeView& c);

// Per target the aggregate of the leaves that one row of features reaches (0 where there is none).
Status evaluate_forest(const Forest& forest, std::span<const double> row, Aggregate aggregate,
                       std::span<double> scores);

// A list that may be an attribute of floats or, from version 3 on, a tensor in NAME_as_tensor.
std::vector<double> numbers_attribute(const NodeView& c, const std::string& name);

}  // namespace minnow
