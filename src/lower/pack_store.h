// Constants as kernels want them, made once and shared by all plans of a model and by all sessions that run them.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "graph/graph.h"
#include "kernels/kernel_row.h"

namespace minnow {

class PackStore {
 public:
  // Says which constants outlive the store: those of the model, subgraphs included. Their packs are kept; a pack of any
  // other constant is its plan's alone, because its address may be another constant's tomorrow.
  void keep(const Graph& graph);
  // The packed form of a constant for this row and operand; not valid() where the row wants none. Thread-safe.
  Result<Tensor> get(const KernelRow& row, const Problem& problem, int operand, const Tensor& constant);
  int64_t bytes() const;

 private:
  struct Key {
    const void* data;
    const KernelRow* row;
    int operand;
    int64_t bytes;  // of the pack: another form of problem may want another one
    auto operator<=>(const Key&) const = default;
  };
  mutable std::mutex mutex_;
  std::set<const void*> lasting_;
  std::map<Key, Tensor> packs_;
};

}  // namespace minnow
