#include "lower/pack_store.h"

#include "base/pages.h"

namespace minnow {

void PackStore::keep(const Graph& graph) {
  const std::lock_guard lock(mutex_);
  std::vector<const Graph*> graphs{&graph};
  while (!graphs.empty()) {
    const Graph& current = *graphs.back();
    graphs.pop_back();
    for (const Value& value : current.values) {
      if (value.is_constant()) lasting_.insert(value.constant.raw().data());
    }
    for (const Node& node : current.nodes) {
      for (const auto& [name, attribute] : node.attributes) {
        if (const auto* body = attribute.get<GraphRef>(); body != nullptr) graphs.push_back(body->get());
      }
    }
  }
}

Result<Tensor> PackStore::get(const KernelRow& row, const Problem& problem, int operand, const Tensor& constant) {
  const int64_t bytes = row.pack_bytes != nullptr ? row.pack_bytes(row, problem, operand) : 0;
  if (bytes <= 0) return Tensor();
  const std::lock_guard lock(mutex_);
  const Key key{constant.raw().data(), &row, operand, bytes};
  if (const auto found = packs_.find(key); found != packs_.end()) return found->second;
  MN_ASSIGN(Tensor pack, Tensor::allocate(DType::uint8, {bytes}));
  row.pack(row, problem, operand, constant.raw().data(), pack.mutable_data<std::byte>());
  page_out(constant.raw());  // the plan reads the pack
  if (lasting_.contains(key.data)) packs_.emplace(key, pack);
  return pack;
}

int64_t PackStore::bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t total = 0;
  for (const auto& [key, pack] : packs_) total += pack.bytes();
  return total;
}

}  // namespace minnow
