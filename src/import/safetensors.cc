#include "import/safetensors.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <nlohmann/json.hpp>
#include <numeric>
#include <unordered_set>

#include "base/checked.h"
#include "base/text.h"
#include "import/raw_tensor.h"

namespace minnow {
namespace {

using Json = nlohmann::json;
using KeyValues = std::vector<std::pair<std::string, std::string>>;

// The reference implementation's limit.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kLengthBytes = 8;
constexpr std::string_view kMetadataKey = "__metadata__";
constexpr size_t kMaxTensorRank = 64;

struct TypeName {
  std::string_view name;
  DType dtype;
};
constexpr TypeName kTypeNames[] = {{"F64", DType::float64},
                                   {"F32", DType::float32},
                                   {"F16", DType::float16},
                                   {"BF16", DType::bfloat16},
                                   {"F8_E4M3", DType::float8e4m3fn},
                                   {"F8_E5M2", DType::float8e5m2},
                                   {"I64", DType::int64},
                                   {"I32", DType::int32},
                                   {"I16", DType::int16},
                                   {"I8", DType::int8},
                                   {"U64", DType::uint64},
                                   {"U32", DType::uint32},
                                   {"U16", DType::uint16},
                                   {"U8", DType::uint8},
                                   {"BOOL", DType::boolean},
                                   {"F8_E8M0", DType::float8e8m0},
                                   {"F4", DType::float4e2m1},
                                   {"C64", DType::complex64}};

struct Entry {
  std::string name;
  std::string dtype;
  Dims shape;
  std::vector<int64_t> offsets;
  bool has_dtype = false, has_shape = false, has_offsets = false;
};

// Takes the header's JSON apart event by event: nothing nests deeper than it should, no key comes twice, no tree is
// built.
class HeaderHandler : public nlohmann::json_sax<Json> {
 public:
  std::vector<Entry> entries;
  KeyValues metadata;
  std::string cause;

  bool null() override { return refuse("null"); }
  bool boolean(bool) override { return refuse("a boolean"); }
  bool number_integer(int64_t value) override { return refuse(concat({"the number ", value})); }
  bool number_float(double, const std::string& text) override {
    return refuse(concat({"the number ", printable(text)}));
  }
  bool binary(Json::binary_t&) override { return refuse("binary data"); }

  bool number_unsigned(uint64_t value) override {
    if (!in_array_ || value > static_cast<uint64_t>(INT64_MAX)) return refuse(concat({"the number ", value}));
    std::vector<int64_t>& list = field_ == "shape" ? entries.back().shape : entries.back().offsets;
    if (list.size() >= kMaxTensorRank) return fail(concat({"more than ", kMaxTensorRank, " numbers"}));
    list.push_back(static_cast<int64_t>(value));
    return true;
  }

  bool string(std::string& value) override {
    if (depth_ == 2 && in_metadata_) {
      metadata.emplace_back(field_, value);
      return true;
    }
    if (depth_ != 2 || in_array_ || field_ != "dtype") return refuse("a text");
    entries.back().dtype = value;
    return true;
  }

  bool start_object(size_t) override {
    if (depth_ >= 2 || in_array_) return refuse("an object");
    ++depth_;
    fields_.clear();
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1) in_metadata_ = false;
    return true;
  }
  bool start_array(size_t) override {
    const bool expected = depth_ == 2 && !in_array_ && !in_metadata_ && (field_ == "shape" || field_ == "data_offsets");
    if (!expected) return refuse("an array");
    in_array_ = true;
    return true;
  }
  bool end_array() override {
    in_array_ = false;
    return true;
  }

  bool key(std::string& value) override {
    if (depth_ == 1) return new_entry(value);
    field_ = value;
    if (!fields_.insert(value).second) return fail(concat({"the key '", printable(value), "' is given twice"}));
    if (in_metadata_) return true;
    Entry& entry = entries.back();
    bool* seen = value == "dtype"          ? &entry.has_dtype
                 : value == "shape"        ? &entry.has_shape
                 : value == "data_offsets" ? &entry.has_offsets
                                           : nullptr;
    if (seen == nullptr) return fail(concat({"unknown key '", printable(value), "'"}));
    *seen = true;
    return true;
  }

  bool parse_error(size_t position, const std::string&, const Json::exception&) override {
    return fail(concat({"not JSON at byte ", position}));
  }

 private:
  bool new_entry(const std::string& name) {
    if (!names_.insert(name).second) return fail(concat({"tensor '", printable(name), "' is given twice"}));
    in_metadata_ = name == kMetadataKey;
    if (in_metadata_) return true;
    entries.emplace_back();
    entries.back().name = name;
    return true;
  }
  bool refuse(std::string_view what) { return fail(concat({what, " where it does not belong"})); }
  bool fail(std::string_view why) {
    if (cause.empty())
      cause = entries.empty() ? std::string(why) : concat({"tensor '", printable(entries.back().name), "': ", why});
    return false;
  }

  std::unordered_set<std::string> names_, fields_;
  std::string field_;
  int depth_ = 0;
  bool in_array_ = false;
  bool in_metadata_ = false;
};

Result<DType> parse_dtype(const std::string& name) {
  for (const TypeName& type : kTypeNames) {
    if (type.name == name) return type.dtype;
  }
  return unsupported({"element type '", printable(name), "' is not supported"});
}

std::string_view type_name(DType dtype) {
  for (const TypeName& type : kTypeNames) {
    if (type.dtype == dtype) return type.name;
  }
  return {};
}

Result<Tensor> read_entry(const Entry& entry, const Bytes& data, const std::shared_ptr<Budget>& budget) {
  MN_CHECK(entry.has_dtype && entry.has_shape && entry.has_offsets, "dtype, shape and data_offsets are needed");
  MN_ASSIGN(const DType dtype, parse_dtype(entry.dtype));
  MN_CHECK(entry.offsets.size() == 2, "data_offsets has ", entry.offsets.size(), " numbers, expected 2");
  const int64_t begin = entry.offsets[0], end = entry.offsets[1];
  MN_CHECK(begin <= end && static_cast<uint64_t>(end) <= data.size(), "data_offsets [", begin, ", ", end, "] in ",
           data.size(), " bytes of data");
  MN_ASSIGN(const int64_t count, checked_element_count(entry.shape));
  MN_ASSIGN(const int64_t expected, file_bytes(dtype, count));
  MN_CHECK(end - begin == expected, "data_offsets span ", end - begin, " bytes, shape ", to_string(entry.shape), " of ",
           entry.dtype, " needs ", expected);
  return tensor_from_bytes(dtype, entry.shape, data.part(static_cast<size_t>(begin), static_cast<size_t>(end - begin)),
                           budget);
}

// Every byte of the data belongs to exactly one tensor.
Status check_layout(const std::vector<Entry>& entries, int64_t data_bytes) {
  std::vector<size_t> order(entries.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return entries[a].offsets < entries[b].offsets; });
  int64_t at = 0;
  for (const size_t i : order) {
    const Entry& entry = entries[i];
    MN_CHECK(entry.offsets[0] == at, "tensor '", printable(entry.name), "' starts at byte ", entry.offsets[0],
             ", expected ", at, entry.offsets[0] < at ? ": tensors overlap" : ": there is a gap");
    at = entry.offsets[1];
  }
  MN_CHECK(at == data_bytes, "the tensors end at byte ", at, " of ", data_bytes, " bytes of data");
  return {};
}

Result<NamedTensors> read(const Bytes& file, const Limits& limits, KeyValues* metadata) {
  const std::string_view text = file.text();
  MN_CHECK(text.size() >= kLengthBytes, "the file has ", text.size(), " bytes: too short for a safetensors file");
  uint64_t length = 0;
  for (size_t i = 0; i < kLengthBytes; ++i) length |= static_cast<uint64_t>(static_cast<uint8_t>(text[i])) << (8 * i);
  MN_CHECK(length <= kMaxHeaderBytes, "a header of ", length, " bytes, at most ", kMaxHeaderBytes,
           " are allowed: not a safetensors file?");
  MN_CHECK(length <= text.size() - kLengthBytes, "a header of ", length, " bytes in a file of ", text.size());
  const std::string_view header = text.substr(kLengthBytes, length);
  MN_CHECK(starts_with(header, "{"), "the header does not start with '{'");
  HeaderHandler handler;
  const bool parsed = Json::sax_parse(header.begin(), header.end(), &handler);
  MN_CHECK(parsed && handler.cause.empty(),
           "header: ", handler.cause.empty() ? std::string_view("damaged") : std::string_view(handler.cause));

  const Bytes data = file.part(kLengthBytes + length, text.size() - kLengthBytes - length);
  const auto budget = std::make_shared<Budget>(limits);
  NamedTensors tensors;
  for (const Entry& entry : handler.entries) {
    Result<Tensor> tensor = read_entry(entry, data, budget);
    if (!tensor.ok()) return std::move(tensor.error()).in(concat({"tensor '", printable(entry.name), "'"}));
    tensors.emplace_back(entry.name, std::move(tensor).value());
  }
  MN_TRY(check_layout(handler.entries, static_cast<int64_t>(data.size())));
  if (metadata != nullptr) *metadata = std::move(handler.metadata);
  return tensors;
}

}  // namespace

Result<NamedTensors> read_safetensors(const Bytes& file, std::string_view name, const Limits& limits,
                                      KeyValues* metadata) {
  const auto fail = [&](Error error) -> Result<NamedTensors> { return std::move(error).in(printable(name)); };
  try {
    Result<NamedTensors> tensors = read(file, limits, metadata);
    if (!tensors.ok()) return fail(std::move(tensors.error()));
    return tensors;
  } catch (const std::bad_alloc&) {
    return fail(make_error(ErrorCode::out_of_memory, {"out of memory while reading ", file.size(), " bytes"}));
  } catch (const Json::exception&) {
    return fail(bad_input({"the header is not JSON"}));
  }
}

Result<std::string> safetensors_bytes(const NamedTensors& tensors, const KeyValues& metadata) {
  std::string header = "{";
  if (!metadata.empty()) {
    Json entries = Json::object();
    for (const auto& [key, value] : metadata) {
      MN_CHECK(is_utf8(key) && is_utf8(value), "metadata '", printable(key), "' is not UTF-8 text");
      entries[key] = value;
    }
    header += concat({"\"", kMetadataKey, "\":", entries.dump()});
  }
  // Widely aligned types come first in the data, as the reference implementation has it, so that every tensor lies at a
  // multiple of its element size; the header keeps the caller's order.
  std::vector<size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return element_bytes(tensors[a].second.dtype()) > element_bytes(tensors[b].second.dtype());
  });
  std::string data;
  std::vector<std::pair<size_t, size_t>> places(tensors.size());
  for (const size_t i : order) {
    const size_t begin = data.size();
    if (tensors[i].second.dtype() != DType::string) data += tensor_to_bytes(tensors[i].second);
    places[i] = {begin, data.size()};
  }
  std::unordered_set<std::string_view> names;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    const std::string_view type = type_name(tensor.dtype());
    if (type.empty())
      return unsupported(
          {"tensor '", printable(name), "': safetensors has no element type ", to_string(tensor.dtype())});
    MN_CHECK(is_utf8(name) && name != kMetadataKey && names.insert(name).second, "the tensor name '", printable(name),
             "' is not UTF-8, reserved, or used twice");
    header += concat({header.size() > 1 ? "," : "", Json(name).dump(), ":{\"dtype\":\"", type, "\",\"shape\":",
                      Json(tensor.dims()).dump(), ",\"data_offsets\":[", places[i].first, ",", places[i].second, "]}"});
  }
  header += '}';
  header.append((8 - header.size() % 8) % 8, ' ');
  std::string file(kLengthBytes, '\0');
  for (size_t i = 0; i < kLengthBytes; ++i) file[i] = static_cast<char>(header.size() >> (8 * i));
  return file + header + data;
}

Status write_safetensors(const std::string& path, const NamedTensors& tensors, const KeyValues& metadata) {
  MN_ASSIGN(const std::string file, safetensors_bytes(tensors, metadata));
  return write_file_atomically(path, file);
}

}  // namespace minnow
