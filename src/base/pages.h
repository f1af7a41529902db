// Hints to the operating system about memory.
#pragma once

#include <cstddef>
#include <span>

namespace minnow {

// These bytes will not be read soon: whole pages of them that lie unchanged in a mapped file need no memory meanwhile,
// and come back when they are read. Changes nothing that a program can see; does nothing where it cannot help.
void page_out(std::span<const std::byte> bytes);

}  // namespace minnow
