#include "ops/forest.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace minnow {
namespace {

using Mode = Forest::Mode;

Result<Mode> mode_named(std::string_view name) {
  constexpr std::string_view kNames[] = {"BRANCH_LEQ", "BRANCH_LT",  "BRANCH_GTE",    "BRANCH_GT",
                                         "BRANCH_EQ",  "BRANCH_NEQ", "BRANCH_MEMBER", "LEAF"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<Mode>(i);
  }
  return bad_input({"node mode '", name, "' is not LEAF or one of BRANCH_LEQ, _LT, _GTE, _GT, _EQ, _NEQ"});
}

Result<int32_t> feature_number(int64_t feature) {
  MN_CHECK(feature >= 0 && feature < INT32_MAX, "feature number ", feature, " is out of range");
  return static_cast<int32_t>(feature);
}

Result<int32_t> target_number(int64_t target) {
  // More outputs than this come from a broken file.
  constexpr int64_t kMaxTargets = 1 << 24;
  MN_CHECK(target >= 0 && target < kMaxTargets, "target number ", target, " is outside [0, ", kMaxTargets, ")");
  return static_cast<int32_t>(target);
}

bool goes_true(const Forest& forest, const Forest::TreeNode& node, double x) {
  if (std::isnan(x) && node.missing_is_true) return true;
  switch (node.mode) {
    case Mode::less_equal: return x <= node.split;
    case Mode::less: return x < node.split;
    case Mode::greater_equal: return x >= node.split;
    case Mode::greater: return x > node.split;
    case Mode::equal: return x == node.split;
    case Mode::not_equal: return x != node.split;
    case Mode::member: {
      const std::vector<double>& set = forest.members[static_cast<size_t>(node.set)];
      return std::binary_search(set.begin(), set.end(), x);
    }
    case Mode::leaf: break;
  }
  return false;
}

using NodeIds = std::map<std::pair<int64_t, int64_t>, int32_t>;  // (tree, node) to position

// Attaches leaf weights, grouped by their node.
Status add_leaves(const NodeView& c, std::string_view prefix, const NodeIds& ids, Forest& forest) {
  const auto name = [&](std::string_view suffix) { return concat({prefix, suffix}); };
  const Ints &trees = c.ints_attribute(name("_treeids")), &nodes = c.ints_attribute(name("_nodeids")),
             &targets = c.ints_attribute(name("_ids"));
  const std::vector<double> weights = numbers_attribute(c, name("_weights"));
  const size_t count = trees.size();
  MN_CHECK(nodes.size() == count && targets.size() == count && weights.size() == count, "the lists ", prefix,
           "_… differ in length");
  std::vector<std::pair<int32_t, Forest::Leaf>> entries;
  for (size_t i = 0; i < count; ++i) {
    const auto found = ids.find({trees[i], nodes[i]});
    MN_CHECK(found != ids.end(), "a weight refers to node ", nodes[i], " of tree ", trees[i], ", which does not exist");
    MN_ASSIGN(const int32_t target, target_number(targets[i]));
    forest.targets = std::max<int64_t>(forest.targets, target + 1);
    entries.push_back({found->second, {target, weights[i]}});
  }
  std::stable_sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [position, leaf] : entries) {
    Forest::TreeNode& node = forest.nodes[static_cast<size_t>(position)];
    if (node.mode != Mode::leaf) continue;  // weights of inner nodes are never reached
    if (node.no == node.yes) node.yes = static_cast<int32_t>(forest.leaves.size());
    forest.leaves.push_back(leaf);
    node.no = static_cast<int32_t>(forest.leaves.size());
  }
  return {};
}

}  // namespace

std::vector<double> numbers_attribute(const NodeView& c, const std::string& name) {
  const Tensor& tensor = c.tensor_attribute(name + "_as_tensor");
  if (tensor.valid() && tensor.dtype() != DType::string && !is_complex(tensor.dtype())) return to_doubles(tensor);
  const Floats& floats = c.floats_attribute(name);
  return std::vector<double>(floats.begin(), floats.end());
}

Result<Forest> forest_by_ids(const NodeView& c, std::string_view prefix) {
  const Ints &trees = c.ints_attribute("nodes_treeids"), &nodes = c.ints_attribute("nodes_nodeids"),
             &features = c.ints_attribute("nodes_featureids");
  const Ints &yes = c.ints_attribute("nodes_truenodeids"), &no = c.ints_attribute("nodes_falsenodeids");
  const Ints& missing = c.ints_attribute("nodes_missing_value_tracks_true");
  const Strings& modes = c.strings_attribute("nodes_modes");
  const std::vector<double> values = numbers_attribute(c, "nodes_values");
  const size_t count = nodes.size();
  for (size_t size : {trees.size(), features.size(), yes.size(), no.size(), modes.size(), values.size(),
                      missing.empty() ? count : missing.size()}) {
    MN_CHECK(size == count, "the lists nodes_… differ in length: ", count, " and ", size);
  }
  MN_CHECK(count < INT32_MAX, "too many nodes");
  Forest forest;
  NodeIds ids;
  std::set<int64_t> seen;
  for (size_t i = 0; i < count; ++i) {
    const int32_t position = static_cast<int32_t>(i);
    MN_CHECK(ids.emplace(std::pair(trees[i], nodes[i]), position).second, "node ", nodes[i], " of tree ", trees[i],
             " occurs twice");
    if (seen.insert(trees[i]).second) forest.roots.push_back(position);  // a tree's first node is its root
  }
  for (size_t i = 0; i < count; ++i) {
    Forest::TreeNode node;
    MN_ASSIGN(node.mode, mode_named(modes[i]));
    if (node.mode == Mode::member) return unsupported({"BRANCH_MEMBER needs the form of TreeEnsemble (ai.onnx.ml 5)"});
    if (node.mode != Mode::leaf) {
      const auto true_branch = ids.find({trees[i], yes[i]}), false_branch = ids.find({trees[i], no[i]});
      MN_CHECK(true_branch != ids.end() && false_branch != ids.end(), "node ", nodes[i], " of tree ", trees[i],
               " leads to a node that does not exist");
      MN_ASSIGN(node.feature, feature_number(features[i]));
      node.yes = true_branch->second;
      node.no = false_branch->second;
      node.split = values[i];
      node.missing_is_true = !missing.empty() && missing[i] != 0;
      forest.features = std::max<int64_t>(forest.features, node.feature + 1);
    }
    forest.nodes.push_back(node);
  }
  MN_TRY(add_leaves(c, prefix, ids, forest));
  return forest;
}

namespace {

// Sets of BRANCH_MEMBER nodes in the nodes' order, each ended by NaN.
Result<std::vector<std::vector<double>>> member_sets(const NodeView& c) {
  std::vector<std::vector<double>> sets;
  const Tensor& values = c.tensor_attribute("membership_values");
  if (!values.valid()) return sets;
  MN_CHECK(is_float(values.dtype()), "membership_values must be floats, got ", to_string(values.dtype()));
  std::vector<double> set;
  for (double value : to_doubles(values)) {
    if (!std::isnan(value)) {
      set.push_back(value);
      continue;
    }
    std::sort(set.begin(), set.end());
    sets.push_back(std::move(set));
    set.clear();
  }
  MN_CHECK(set.empty(), "membership_values do not end with NaN");
  return sets;
}

}  // namespace

Result<Forest> forest_by_positions(const NodeView& c) {
  const Tensor &modes = c.tensor_attribute("nodes_modes"), &splits = c.tensor_attribute("nodes_splits"),
               &weights = c.tensor_attribute("leaf_weights");
  const Ints &features = c.ints_attribute("nodes_featureids"), &yes = c.ints_attribute("nodes_truenodeids"),
             &no = c.ints_attribute("nodes_falsenodeids");
  const Ints &yes_leaf = c.ints_attribute("nodes_trueleafs"), &no_leaf = c.ints_attribute("nodes_falseleafs");
  const Ints &missing = c.ints_attribute("nodes_missing_value_tracks_true"),
             &targets = c.ints_attribute("leaf_targetids");
  MN_CHECK(is_integer(modes.dtype()) && is_float(splits.dtype()) && is_float(weights.dtype()),
           "nodes_modes must be integers, nodes_splits and leaf_weights floats");
  const size_t count = features.size(), leaves = targets.size();
  for (size_t size : {static_cast<size_t>(modes.size()), static_cast<size_t>(splits.size()), yes.size(), no.size(),
                      yes_leaf.size(), no_leaf.size(), missing.empty() ? count : missing.size()}) {
    MN_CHECK(size == count, "the lists nodes_… differ in length: ", count, " and ", size);
  }
  MN_CHECK(static_cast<size_t>(weights.size()) == leaves, "leaf_weights has ", weights.size(), " entries for ", leaves,
           " leaves");
  MN_CHECK(count + leaves < INT32_MAX, "too many nodes");
  Forest forest;
  MN_ASSIGN(forest.members, member_sets(c));
  const Ints mode_codes = to_ints(modes);
  const std::vector<double> split_values = to_doubles(splits), leaf_weights = to_doubles(weights);
  const auto branch = [&](int64_t id, bool leaf) -> Result<int32_t> {
    MN_CHECK(id >= 0 && static_cast<size_t>(id) < (leaf ? leaves : count), leaf ? "leaf " : "node ", id,
             " does not exist");
    return static_cast<int32_t>(leaf ? static_cast<int64_t>(count) + id : id);
  };
  int32_t next_set = 0;
  for (size_t i = 0; i < count; ++i) {
    Forest::TreeNode node;
    MN_CHECK(mode_codes[i] >= 0 && mode_codes[i] <= 6, "node mode ", mode_codes[i], " is outside [0, 6]");
    node.mode = static_cast<Mode>(mode_codes[i]);
    MN_ASSIGN(node.feature, feature_number(features[i]));
    MN_ASSIGN(node.yes, branch(yes[i], yes_leaf[i] != 0));
    MN_ASSIGN(node.no, branch(no[i], no_leaf[i] != 0));
    node.split = split_values[i];
    node.missing_is_true = !missing.empty() && missing[i] != 0;
    if (node.mode == Mode::member) node.set = next_set++;
    forest.features = std::max<int64_t>(forest.features, node.feature + 1);
    forest.nodes.push_back(node);
  }
  MN_CHECK(static_cast<size_t>(next_set) == forest.members.size(), "membership_values has ", forest.members.size(),
           " sets for ", next_set, " member tests");
  for (size_t i = 0; i < leaves; ++i) {
    MN_ASSIGN(const int32_t target, target_number(targets[i]));
    forest.targets = std::max<int64_t>(forest.targets, target + 1);
    Forest::TreeNode node;
    node.yes = static_cast<int32_t>(i);
    node.no = node.yes + 1;
    forest.nodes.push_back(node);
    forest.leaves.push_back({target, leaf_weights[i]});
  }
  for (int64_t root : c.ints_attribute("tree_roots")) {
    MN_ASSIGN(const int32_t position, branch(root, false));
    forest.roots.push_back(position);
  }
  return forest;
}

Status evaluate_forest(const Forest& forest, std::span<const double> row, Aggregate aggregate,
                       std::span<double> scores) {
  std::fill(scores.begin(), scores.end(), 0.0);
  std::vector<bool> reached(scores.size(), false);
  for (int32_t root : forest.roots) {
    int32_t at = root;
    size_t steps = 0;
    while (forest.nodes[static_cast<size_t>(at)].mode != Mode::leaf) {
      const Forest::TreeNode& node = forest.nodes[static_cast<size_t>(at)];
      MN_CHECK(++steps <= forest.nodes.size(), "a tree runs in a circle");
      at = goes_true(forest, node, row[static_cast<size_t>(node.feature)]) ? node.yes : node.no;
    }
    const Forest::TreeNode& leaf = forest.nodes[static_cast<size_t>(at)];
    for (int32_t i = leaf.yes; i < leaf.no; ++i) {
      const Forest::Leaf& entry = forest.leaves[static_cast<size_t>(i)];
      const size_t target = static_cast<size_t>(entry.target);
      double& score = scores[target];
      if (aggregate == Aggregate::min) score = reached[target] ? std::min(score, entry.weight) : entry.weight;
      else if (aggregate == Aggregate::max) score = reached[target] ? std::max(score, entry.weight) : entry.weight;
      else score += entry.weight;
      reached[target] = true;
    }
  }
  if (aggregate == Aggregate::average && !forest.roots.empty()) {
    for (double& score : scores) score /= static_cast<double>(forest.roots.size());
  }
  return {};
}

}  // namespace minnow
