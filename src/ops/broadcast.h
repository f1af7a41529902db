// Walks the broadcast of one to four operands as innermost runs: dimensions that are contiguous for every operand are
// merged, so that a run is long, and inside it each operand advances by 0 (one value for all) or 1.
//
//   for (BroadcastLoop loop(out.dims(), {a.dims(), b.dims()}); !loop.done(); loop.next()) {
//     body(a + loop.offset(0), loop.stride(0), b + loop.offset(1), loop.stride(1), out + loop.position(), loop.run());
//   }
#pragma once

#include <array>
#include <initializer_list>
#include <span>

#include "base/limits.h"
#include "base/shape.h"

namespace minnow {

class BroadcastLoop {
 public:
  static constexpr size_t kMaxOperands = 4;
  // The operands' dims must broadcast to `out`. `max_run` cuts long runs, so that a caller may look at its budget
  // between them.
  BroadcastLoop(std::span<const int64_t> out, std::initializer_list<std::span<const int64_t>> operands,
                int64_t max_run = int64_t{1} << 20);

  bool done() const { return position_ >= total_; }
  void next();
  int64_t run() const { return run_; }            // elements of this run
  int64_t position() const { return position_; }  // of the run's first element in the output
  int64_t offset(size_t operand) const { return offsets_[operand]; }
  int64_t stride(size_t operand) const { return inner_strides_[operand]; }

 private:
  size_t operands_ = 0;
  int64_t inner_ = 1, max_run_ = 1, total_ = 1;  // elements of the merged innermost dimension; of the output
  int64_t position_ = 0, inner_position_ = 0, run_ = 0;
  std::array<int64_t, kMaxOperands> inner_strides_{}, offsets_{};
  Dims dims_, counter_;  // merged outer dimensions
  std::array<Dims, kMaxOperands> strides_;
};

// Asks the budget (time, cancellation) once every 2^20 units of work.
class Pace {
 public:
  explicit Pace(const std::shared_ptr<Budget>& budget) : budget_(budget.get()) {}
  Status work(int64_t units) {
    done_ += units;
    if (done_ < (int64_t{1} << 20) || budget_ == nullptr) return {};
    done_ = 0;
    return budget_->step(0);
  }

 private:
  Budget* budget_;
  int64_t done_ = 0;
};

}  // namespace minnow
