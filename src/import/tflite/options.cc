// No numbers are read from text here, and the locale for it would need the library of flatbuffers, not its headers
// alone.
#define FLATBUFFERS_LOCALE_INDEPENDENT 0
#include "import/tflite/options.h"

#include <flatbuffers/flexbuffers.h>
#include <flatbuffers/minireflect.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "import/raw_tensor.h"

namespace minnow::tflite {
namespace {

using flatbuffers::ElementaryType;
using flatbuffers::TypeTable;

// Lists are shapes, axes and bucket boundaries. Operators may share one in the file, so that reading it costs more than
// the file has bytes: hence a bound.
constexpr uint32_t kMaxListEntries = 4096;
constexpr size_t kMaxCustomBytes = 1 << 20;
constexpr std::string_view kSubgraphSuffix = "_subgraph_index";

int64_t read_integer(ElementaryType type, const uint8_t* data) {
  switch (type) {
    case flatbuffers::ET_CHAR: return flatbuffers::ReadScalar<int8_t>(data);
    case flatbuffers::ET_SHORT: return flatbuffers::ReadScalar<int16_t>(data);
    case flatbuffers::ET_USHORT: return flatbuffers::ReadScalar<uint16_t>(data);
    case flatbuffers::ET_INT: return flatbuffers::ReadScalar<int32_t>(data);
    case flatbuffers::ET_UINT: return flatbuffers::ReadScalar<uint32_t>(data);
    case flatbuffers::ET_LONG: return flatbuffers::ReadScalar<int64_t>(data);
    case flatbuffers::ET_ULONG: return static_cast<int64_t>(flatbuffers::ReadScalar<uint64_t>(data));
    default: return *data;  // ET_UTYPE, ET_BOOL, ET_UCHAR
  }
}

// The enumerator's name.
Result<std::string> enumerator(const TypeTable& table, int64_t value) {
  for (size_t i = 0; i < table.num_elems; ++i) {
    if ((table.values != nullptr ? table.values[i] : static_cast<int64_t>(i)) == value)
      return std::string(table.names[i]);
  }
  return bad_input({"no enumerator has the value ", value});
}

Result<Attribute> read_list(ElementaryType type, const uint8_t* data) {
  // Every vector starts with its number of elements, whatever they are.
  const uint32_t count = flatbuffers::ReadScalar<uint32_t>(data);
  MN_CHECK(count <= kMaxListEntries, "expected at most ", kMaxListEntries, " entries, got ", count);
  const uint8_t* elements = data + sizeof(uint32_t);
  const size_t size = flatbuffers::InlineSize(type, nullptr);
  if (type == flatbuffers::ET_FLOAT) {
    Floats out(count);
    for (uint32_t i = 0; i < count; ++i) out[i] = flatbuffers::ReadScalar<float>(elements + i * size);
    return Attribute(std::move(out));
  }
  Ints out(count);
  for (uint32_t i = 0; i < count; ++i) out[i] = read_integer(type, elements + i * size);
  return Attribute(std::move(out));
}

Result<Attribute> read_field(const TypeTable& table, size_t field, const uint8_t* data) {
  const flatbuffers::TypeCode code = table.type_codes[field];
  const auto type = static_cast<ElementaryType>(code.base_type);
  if (type == flatbuffers::ET_STRING) {
    const auto* text = reinterpret_cast<const flatbuffers::String*>(data + flatbuffers::ReadScalar<uint32_t>(data));
    return Attribute(std::string(text_of(text)));
  }
  if (code.is_repeating) return read_list(type, data + flatbuffers::ReadScalar<uint32_t>(data));
  if (type == flatbuffers::ET_FLOAT) return Attribute(flatbuffers::ReadScalar<float>(data));
  const int64_t value = read_integer(type, data);
  if (code.sequence_ref < 0) return Attribute(value);
  MN_ASSIGN(std::string name, enumerator(*table.type_refs[code.sequence_ref](), value));
  return Attribute(std::move(name));
}

Status read_builtin(const schema::Operator& op, Options& out) {
  const TypeTable& members = *schema::BuiltinOptionsTypeTable();
  const auto kind = static_cast<size_t>(op.builtin_options_type());
  if (kind == 0 || op.builtin_options() == nullptr) return {};
  MN_CHECK(kind < members.num_elems, "options of kind ", kind, " are not known: the file is newer than this version");
  const TypeTable& table = *members.type_refs[members.type_codes[kind].sequence_ref]();
  const auto* options = static_cast<const flatbuffers::Table*>(op.builtin_options());
  out.attributes.set("options", Attribute(members.names[kind]));
  for (size_t i = 0; i < table.num_elems; ++i) {
    const uint8_t* data =
        options->GetAddressOf(flatbuffers::FieldIndexToOffset(static_cast<flatbuffers::voffset_t>(i)));
    if (data == nullptr) continue;
    const std::string_view name = table.names[i];
    Result<Attribute> value = read_field(table, i, data);
    if (!value.ok()) return std::move(value.error()).in(concat({"option '", name, "'"}));
    if (ends_with(name, kSubgraphSuffix) && value->get<int64_t>() != nullptr) {
      out.subgraphs.push_back({std::string(name.substr(0, name.size() - 6)), *value->get<int64_t>()});
    } else {
      out.attributes.set(std::string(name), std::move(value).value());
    }
  }
  // A field at its default is not stored: a subgraph that is not stated is the first one.
  for (size_t i = 0; i < table.num_elems; ++i) {
    const std::string_view name = table.names[i];
    if (!ends_with(name, kSubgraphSuffix)) continue;
    const auto stated = [&](const SubgraphOption& option) { return starts_with(name, option.attribute); };
    if (std::none_of(out.subgraphs.begin(), out.subgraphs.end(), stated)) {
      out.subgraphs.push_back({std::string(name.substr(0, name.size() - 6)), 0});
    }
  }
  return {};
}

// Lists of a flexbuffers map: integers unless one of them is real.
template <class List>
Attribute flexible_list(const List& list) {
  bool real = false;
  for (size_t i = 0; i < list.size(); ++i) real = real || list[i].IsFloat();
  Ints ints;
  Floats floats;
  for (size_t i = 0; i < list.size(); ++i) {
    if (real) floats.push_back(list[i].AsFloat());
    else ints.push_back(list[i].AsInt64());
  }
  return real ? Attribute(std::move(floats)) : Attribute(std::move(ints));
}

void read_flexible(const Bytes& bytes, Attributes& out) {
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  // A map is at least two vectors (values and keys); shorter bytes are another encoding.
  if (bytes.size() < 6 || !flexbuffers::VerifyBuffer(data, bytes.size())) return;
  const flexbuffers::Reference root = flexbuffers::GetRoot(data, bytes.size());
  if (!root.IsMap()) return;
  const flexbuffers::Map map = root.AsMap();
  const flexbuffers::TypedVector keys = map.Keys();
  const flexbuffers::Vector values = map.Values();
  for (size_t i = 0; i < keys.size() && i < values.size(); ++i) {
    const std::string name = keys[i].AsKey();
    const flexbuffers::Reference value = values[i];
    if (name == "custom_options") continue;
    if (value.IsBool() || value.IsIntOrUint()) out.set(name, Attribute(value.AsInt64()));
    else if (value.IsFloat()) out.set(name, Attribute(value.AsFloat()));
    else if (value.IsString()) out.set(name, Attribute(value.AsString().str()));
    else if (value.IsTypedVector()) out.set(name, flexible_list(value.AsTypedVector()));
    else if (value.IsFixedTypedVector()) out.set(name, flexible_list(value.AsFixedTypedVector()));
    else if (value.IsVector()) out.set(name, flexible_list(value.AsVector()));
  }
}

}  // namespace

Result<Options> read_options(const ModelFile& file, const schema::Operator& op) {
  Options out;
  MN_TRY(read_builtin(op, out));
  const Bytes custom = file.custom_options(op);
  if (custom.size() == 0) return out;
  MN_CHECK(custom.size() <= kMaxCustomBytes, "custom options of ", custom.size(), " bytes: expected at most ",
           kMaxCustomBytes);
  // Copied: flexbuffers may read its numbers only where they are aligned in memory as they are in the buffer.
  MN_ASSIGN(Tensor bytes, Tensor::allocate(DType::uint8, {static_cast<int64_t>(custom.size())}));
  std::memcpy(bytes.mutable_data<uint8_t>(), custom.data(), custom.size());
  read_flexible(Bytes::borrow(bytes.raw()), out.attributes);
  out.attributes.set("custom_options", Attribute(std::move(bytes)));
  return out;
}

}  // namespace minnow::tflite
