// Constants as kernels want them, made once and shared by all plans of a model and by all sessions that run them.
#pragma once

#include <map>
#include <mutex>

#include "base/tensor.h"
#include "kernels/kernel_row.h"

namespace minnow {

class PackStore {
 public:
  // The packed form of a constant for this row and operand; not valid() where the row wants none. Thread-safe. The
  // constant must outlive the store.
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
  std::map<Key, Tensor> packs_;
};

}  // namespace minnow
