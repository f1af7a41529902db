#include "ops/broadcast.h"

#include <algorithm>
#include <cassert>

namespace minnow {

BroadcastLoop::BroadcastLoop(std::span<const int64_t> out, std::initializer_list<std::span<const int64_t>> operands,
                             int64_t max_run)
    : operands_(operands.size()), max_run_(max_run), total_(element_count(out)) {
  assert(operands_ <= kMaxOperands);
  if (total_ == 0) return;
  // Per output dimension larger than 1, innermost first: merge it into the last one where every operand allows that.
  std::array<int64_t, kMaxOperands> dense;  // stride the operand's next outer dimension would have
  dense.fill(1);
  bool first = true;
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t extent = out[out.size() - 1 - i];
    std::array<int64_t, kMaxOperands> stride{};
    bool merge = !first;
    size_t k = 0;
    for (const std::span<const int64_t> dims : operands) {
      const int64_t dim = i < dims.size() ? dims[dims.size() - 1 - i] : 1;
      stride[k] = dim == 1 ? 0 : dense[k];
      dense[k] *= dim;
      if (!first)
        merge = merge && stride[k] == (dims_.empty() ? inner_strides_[k] * inner_ : strides_[k].back() * dims_.back());
      ++k;
    }
    if (extent == 1) continue;
    if (first) {
      inner_ = extent;
      inner_strides_ = stride;
      first = false;
    } else if (merge) {
      (dims_.empty() ? inner_ : dims_.back()) *= extent;
    } else {
      dims_.push_back(extent);
      for (size_t operand = 0; operand < operands_; ++operand) strides_[operand].push_back(stride[operand]);
    }
  }
  counter_.assign(dims_.size(), 0);
  run_ = std::min(inner_, max_run_);
}

void BroadcastLoop::next() {
  position_ += run_;
  inner_position_ += run_;
  for (size_t k = 0; k < operands_; ++k) offsets_[k] += run_ * inner_strides_[k];
  if (inner_position_ == inner_) {
    inner_position_ = 0;
    for (size_t k = 0; k < operands_; ++k) offsets_[k] -= inner_ * inner_strides_[k];
    for (size_t i = 0; i < dims_.size(); ++i) {
      for (size_t k = 0; k < operands_; ++k) offsets_[k] += strides_[k][i];
      if (++counter_[i] < dims_[i]) break;
      counter_[i] = 0;
      for (size_t k = 0; k < operands_; ++k) offsets_[k] -= strides_[k][i] * dims_[i];
    }
  }
  run_ = std::min(inner_ - inner_position_, max_run_);
}

}  // namespace minnow
