// What this machine can do at best, measured: the yardstick of every share of the peak.
#pragma once

namespace minnow {

struct Machine {
  double flops_per_second = 0;  // float32 multiply-adds at the widest registers, counted as two operations each
  double bytes_per_second = 0;  // reading up to 128 MiB in order
};

// A short probe (0.2 to 0.4 s) on `threads` threads at once. Nothing is kept: clocks, neighbours and cooling change.
Machine measure_machine(int threads);

}  // namespace minnow
