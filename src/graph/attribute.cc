#include "graph/attribute.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "graph/tensor_equal.h"

namespace minnow {

std::string_view to_string(AttributeKind kind) {
  static constexpr std::array<std::string_view, 11> kNames = {
      "none", "integer", "real", "text", "tensor", "graph", "integers", "reals", "texts", "tensors", "graphs"};
  const auto index = static_cast<size_t>(kind);
  return index < kNames.size() ? kNames[index] : "?";
}

bool same_bits(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.dims() != b.dims()) return false;
  if (a.dtype() == DType::string) {
    const auto x = a.strings(), y = b.strings();
    return std::equal(x.begin(), x.end(), y.begin(), y.end());
  }
  const auto x = a.raw(), y = b.raw();
  return x.size() == y.size() && (x.empty() || x.data() == y.data() || std::memcmp(x.data(), y.data(), x.size()) == 0);
}

bool operator==(const Attribute& a, const Attribute& b) {
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case AttributeKind::real: return std::memcmp(a.get<float>(), b.get<float>(), sizeof(float)) == 0;
    case AttributeKind::reals: {
      const Floats &x = *a.get<Floats>(), &y = *b.get<Floats>();
      return x.size() == y.size() && (x.empty() || std::memcmp(x.data(), y.data(), x.size() * sizeof(float)) == 0);
    }
    case AttributeKind::tensor: return same_bits(*a.get<Tensor>(), *b.get<Tensor>());
    case AttributeKind::tensors: {
      const auto &x = *a.get<std::vector<Tensor>>(), &y = *b.get<std::vector<Tensor>>();
      return std::equal(x.begin(), x.end(), y.begin(), y.end(), same_bits);
    }
    case AttributeKind::none: return true;
    case AttributeKind::integer: return *a.get<int64_t>() == *b.get<int64_t>();
    case AttributeKind::text: return *a.get<std::string>() == *b.get<std::string>();
    case AttributeKind::graph: return *a.get<GraphRef>() == *b.get<GraphRef>();
    case AttributeKind::integers: return *a.get<Ints>() == *b.get<Ints>();
    case AttributeKind::texts: return *a.get<Strings>() == *b.get<Strings>();
    case AttributeKind::graphs: return *a.get<std::vector<GraphRef>>() == *b.get<std::vector<GraphRef>>();
  }
  return false;
}

const Attribute* Attributes::find(std::string_view name) const {
  for (const Entry& entry : entries_) {
    if (entry.first == name) return &entry.second;
  }
  return nullptr;
}

void Attributes::set(std::string name, Attribute value) {
  for (Entry& entry : entries_) {
    if (entry.first == name) {
      entry.second = std::move(value);
      return;
    }
  }
  entries_.emplace_back(std::move(name), std::move(value));
}

void Attributes::erase(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.first == name; });
}

}  // namespace minnow
