// Hints to the operating system about memory.
#pragma once

#include <cstddef>
#include <span>

namespace minnow {

// These bytes will not be read soon: whole pages of them that lie unchanged in a mapped file need no memory meanwhile,
// and come back when they are read. Changes nothing that a program can see; does nothing where it cannot help.
void page_out(std::span<const std::byte> bytes);

// What was freed goes back to the system. Allocators keep it for the next time (glibc up to twice the largest block
// that was freed), which pays while it comes back soon, but not between loading a model and running it.
void give_back_freed();

}  // namespace minnow
