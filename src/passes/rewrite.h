// What passes share: replacing values by others, comparing and tidying graphs, reaching into subgraphs.
#pragma once

#include <vector>

#include "graph/graph.h"
#include "passes/pass.h"

namespace minnow {

// Where to read each value from. A pass walks the nodes in order, calls resolve on each before looking at it, and
// finish at the end: one walk, however many values are replaced.
class Replacements {
 public:
  Replacements(Graph& graph, const PassContext& context);
  // From here on `to` is read instead of `from`; `to` must be defined before `from`. False (nothing changes): both
  // names are needed, because `from` is an output of the main graph and `to` an output, input, state or constant.
  bool replace(ValueId from, ValueId to);
  ValueId resolve(ValueId id) const { return id == kNoValue ? id : target_[static_cast<size_t>(id)]; }
  void resolve(Node& node) const;
  // Rewrites outputs and states.
  void finish();

 private:
  Graph& graph_;
  bool names_matter_;
  std::vector<ValueId> target_;
  std::vector<bool> is_output_;
  std::vector<bool> is_computed_;  // by a node: its name may change
};

// Drops values that nothing defines or that are constants without a reader, and renumbers the rest.
void compact(Graph& graph);
// Whether two graphs are the same, value ids included; subgraphs by identity.
bool identical(const Graph& a, const Graph& b);
// Runs the pass on every subgraph; those it leaves as they are stay the same object.
Status rewrite_subgraphs(Graph& graph, const PassContext& context, Status (*run)(Graph&, const PassContext&));
// Takes from `other`, a type of the same tensor, what `type` leaves open.
void refine_type(Type& type, const Type& other);
// The constant behind an input of a node, or null.
const Tensor* constant_input(const Graph& graph, const Node& node, size_t index);

}  // namespace minnow
