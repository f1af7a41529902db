#include "report/flame/tree.h"

#include <algorithm>
#include <numeric>

namespace minnow {
namespace {

struct Trie {
  std::vector<FlameNode> nodes{FlameNode{}};
  std::unordered_map<uint64_t, int32_t> children;  // parent and name: node

  int32_t child(int32_t parent, uint32_t name) {
    const uint64_t key = (static_cast<uint64_t>(parent) << 32) | name;
    const auto [found, added] = children.emplace(key, static_cast<int32_t>(nodes.size()));
    if (added) {
      FlameNode node;
      node.name = static_cast<int32_t>(name);
      node.parent = parent;
      node.depth = nodes[static_cast<size_t>(parent)].depth + 1;
      nodes.push_back(node);
    }
    return found->second;
  }
};

// Place of each name in alphabetical order.
std::vector<int32_t> name_ranks(const std::deque<std::string>& names) {
  std::vector<uint32_t> order(names.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return names[a] < names[b]; });
  std::vector<int32_t> ranks(names.size());
  for (size_t i = 0; i < order.size(); ++i) ranks[order[i]] = static_cast<int32_t>(i);
  return ranks;
}

}  // namespace

std::vector<FlameNode> build_flame_tree(const Folded& folded) {
  Trie trie;
  for (const FoldedStack& stack : folded.stacks()) {
    int32_t at = 0;
    for (uint32_t name : stack.frames) at = trie.child(at, name);
    FlameNode& end = trie.nodes[static_cast<size_t>(at)];
    end.self += stack.value;
    end.total += stack.value;
    end.other += stack.other;
  }
  std::vector<FlameNode>& nodes = trie.nodes;
  // A child was made after its parent.
  for (size_t i = nodes.size(); i-- > 1;) {
    nodes[static_cast<size_t>(nodes[i].parent)].total += nodes[i].total;
    nodes[static_cast<size_t>(nodes[i].parent)].other += nodes[i].other;
  }

  const std::vector<int32_t> ranks = name_ranks(folded.names());
  std::vector<int32_t> order(nodes.size() - 1);
  std::iota(order.begin(), order.end(), 1);
  const auto key = [&](int32_t i) {
    const FlameNode& node = nodes[static_cast<size_t>(i)];
    return std::pair(node.parent, -ranks[static_cast<size_t>(node.name)]);
  };
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return key(a) < key(b); });
  std::vector<size_t> first(nodes.size() + 1, 0);  // children of node i: order[first[i]] … order[first[i + 1] - 1]
  for (size_t i = 1; i < nodes.size(); ++i) ++first[static_cast<size_t>(nodes[i].parent) + 1];
  std::partial_sum(first.begin(), first.end(), first.begin());

  std::vector<FlameNode> sorted;
  sorted.reserve(nodes.size());
  std::vector<std::pair<int32_t, int32_t>> todo{{0, -1}};  // node, its parent's place in `sorted`
  while (!todo.empty()) {
    const auto [id, parent] = todo.back();
    todo.pop_back();
    const int32_t place = static_cast<int32_t>(sorted.size());
    sorted.push_back(nodes[static_cast<size_t>(id)]);
    sorted.back().parent = parent;
    // From the last name to the first, so that the first is taken up next.
    for (size_t i = first[static_cast<size_t>(id)]; i < first[static_cast<size_t>(id) + 1]; ++i)
      todo.emplace_back(order[i], place);
  }
  return sorted;
}

}  // namespace minnow
