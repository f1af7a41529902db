// Kinds of operators, for colours: what catches the eye in a picture is whether time goes to convolutions or to copies.
#pragma once

#include <span>
#include <string_view>

#include "report/flame/flame.h"

namespace minnow {

std::span<const FlameKind> operator_kinds();
// The kind of a frame: of an operator by its name, of what ran it ("avx2", "reference"); -1 for any other name.
int operator_kind(std::string_view name);

}  // namespace minnow
