#include "lower/pack_store.h"

namespace minnow {

Result<Tensor> PackStore::get(const KernelRow& row, const Problem& problem, int operand, const Tensor& constant) {
  const int64_t bytes = row.pack_bytes != nullptr ? row.pack_bytes(row, problem, operand) : 0;
  if (bytes <= 0) return Tensor();
  const std::lock_guard lock(mutex_);
  const Key key{constant.raw().data(), &row, operand, bytes};
  if (const auto found = packs_.find(key); found != packs_.end()) return found->second;
  MN_ASSIGN(Tensor pack, Tensor::allocate(DType::uint8, {bytes}));
  row.pack(row, problem, operand, constant.raw().data(), pack.mutable_data<std::byte>());
  packs_.emplace(key, pack);
  return pack;
}

int64_t PackStore::bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t total = 0;
  for (const auto& [key, pack] : packs_) total += pack.bytes();
  return total;
}

}  // namespace minnow
