// Joins kernels to the interpreter: makes the problem of one node on concrete tensors, finds a row and runs it.
#pragma once

#include <memory>

#include "kernels/kernel_row.h"
#include "ops/interpreter.h"

namespace minnow {

// `best` lowers the choice of instruction set, for tests.
std::unique_ptr<KernelProvider> make_kernel_provider(Isa best = Isa::avx512);

}  // namespace minnow
