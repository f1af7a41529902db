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

Attribute::Attribute() = default;
Attribute::~Attribute() = default;
Attribute::Attribute(const Attribute&) = default;
Attribute::Attribute(Attribute&&) noexcept = default;
Attribute& Attribute::operator=(const Attribute&) = default;
Attribute& Attribute::operator=(Attribute&&) noexcept = default;
Attribute::Attribute(bool value) : value_(int64_t{value}) {}
Attribute::Attribute(int value) : value_(int64_t{value}) {}
Attribute::Attribute(int64_t value) : value_(value) {}
Attribute::Attribute(float value) : value_(value) {}
Attribute::Attribute(double value) : value_(static_cast<float>(value)) {}
Attribute::Attribute(const char* value) : value_(std::string(value)) {}
Attribute::Attribute(std::string value) : value_(std::move(value)) {}
Attribute::Attribute(Tensor value) : value_(std::move(value)) {}
Attribute::Attribute(GraphRef value) : value_(std::move(value)) {}
Attribute::Attribute(Ints value) : value_(std::move(value)) {}
Attribute::Attribute(Floats value) : value_(std::move(value)) {}
Attribute::Attribute(Strings value) : value_(std::move(value)) {}
Attribute::Attribute(std::vector<Tensor> value) : value_(std::move(value)) {}
Attribute::Attribute(std::vector<GraphRef> value) : value_(std::move(value)) {}
Attribute::Attribute(DType value) : value_(std::string(to_string(value))) {}

Attributes::Entry::Entry(std::string n, Attribute v) : name(std::move(n)), value(std::move(v)) {}
Attributes::Attributes() = default;
Attributes::~Attributes() = default;
Attributes::Attributes(const Attributes&) = default;
Attributes::Attributes(Attributes&&) noexcept = default;
Attributes& Attributes::operator=(const Attributes&) = default;
Attributes& Attributes::operator=(Attributes&&) noexcept = default;
Attributes::Attributes(std::initializer_list<Entry> entries) : entries_(entries) {}

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
    if (entry.name == name) return &entry.value;
  }
  return nullptr;
}

void Attributes::set(std::string name, Attribute value) {
  for (Entry& entry : entries_) {
    if (entry.name == name) {
      entry.value = std::move(value);
      return;
    }
  }
  entries_.emplace_back(std::move(name), std::move(value));
}

void Attributes::erase(std::string_view name) {
  std::erase_if(entries_, [&](const Entry& entry) { return entry.name == name; });
}

}  // namespace minnow
