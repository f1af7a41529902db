#include "import/onnx/tensors.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/checked.h"
#include "base/text.h"
#include "import/onnx/types.h"
#include "import/raw_tensor.h"
#include "ops/onnx_dtype.h"

namespace minnow::onnx {
namespace {

// Field numbers of TensorProto's data.
enum Field : uint32_t { kFloat = 4, kInt32 = 5, kString = 6, kInt64 = 7, kRaw = 9, kDouble = 10, kUint64 = 11 };

const char* field_name(uint32_t field) {
  switch (field) {
    case kFloat: return "float_data";
    case kInt32: return "int32_data";
    case kString: return "string_data";
    case kInt64: return "int64_data";
    case kDouble: return "double_data";
    case kUint64: return "uint64_data";
    default: return "raw_data";
  }
}

// The typed field that the schema prescribes for a dtype.
Field typed_field(DType dtype) {
  switch (dtype) {
    case DType::float32:
    case DType::complex64: return kFloat;
    case DType::float64:
    case DType::complex128: return kDouble;
    case DType::int64: return kInt64;
    case DType::uint32:
    case DType::uint64: return kUint64;
    case DType::string: return kString;
    default: return kInt32;
  }
}

// int32_data and its wider kin: every entry must fit the element, as a signed or an unsigned number of its width.
template <class T>
Status narrow(const std::vector<int64_t>& entries, T* out) {
  constexpr int kBits = 8 * sizeof(T);
  for (size_t i = 0; i < entries.size(); ++i) {
    if constexpr (kBits < 64) {
      MN_CHECK(entries[i] >= -(int64_t{1} << (kBits - 1)) && entries[i] < int64_t{1} << kBits, "entry ", i, " is ",
               entries[i], ", which does not fit ", kBits, " bits");
    }
    out[i] = static_cast<T>(entries[i]);
  }
  return {};
}

Result<Tensor> from_int_entries(const TensorProto& proto, DType dtype, int64_t count,
                                const std::shared_ptr<Budget>& budget) {
  const bool sub_byte = file_bits(dtype) < 8;
  int64_t expected = count;
  if (sub_byte) {
    MN_ASSIGN(expected, file_bytes(dtype, count));
  }
  MN_CHECK(static_cast<int64_t>(proto.int_data.size()) == expected, field_name(typed_field(dtype)), " has ",
           proto.int_data.size(), " entries, shape ", to_string(proto.dims), " of ", to_string(dtype), " needs ",
           expected);
  MN_ASSIGN(Tensor tensor, Tensor::allocate(dtype, proto.dims, budget));
  if (sub_byte) {
    std::vector<std::byte> packed(proto.int_data.size());
    MN_TRY(narrow(proto.int_data, reinterpret_cast<uint8_t*>(packed.data())));
    unpack_elements(packed, tensor);
    return tensor;
  }
  switch (element_bytes(dtype)) {
    case 1: MN_TRY(narrow(proto.int_data, tensor.mutable_data<uint8_t>())); break;
    case 2: MN_TRY(narrow(proto.int_data, tensor.mutable_data<uint16_t>())); break;
    case 4: MN_TRY(narrow(proto.int_data, tensor.mutable_data<uint32_t>())); break;
    default: MN_TRY(narrow(proto.int_data, tensor.mutable_data<uint64_t>()));
  }
  if (dtype == DType::boolean) {
    for (int64_t i = 0; i < count; ++i) tensor.mutable_data<uint8_t>()[i] = proto.int_data[static_cast<size_t>(i)] != 0;
  }
  return tensor;
}

template <class T>
Result<Tensor> from_reals(const TensorProto& proto, const std::vector<T>& entries, DType dtype, int64_t count,
                          const std::shared_ptr<Budget>& budget) {
  int64_t expected = 0;
  MN_CHECK(checked_mul(count, is_complex(dtype) ? 2 : 1, &expected) && static_cast<int64_t>(entries.size()) == expected,
           field_name(typed_field(dtype)), " has ", entries.size(), " entries, shape ", to_string(proto.dims), " of ",
           to_string(dtype), " needs ", expected);
  MN_ASSIGN(Tensor tensor, Tensor::allocate(dtype, proto.dims, budget));
  if (!entries.empty()) std::memcpy(tensor.mutable_data<std::byte>(), entries.data(), entries.size() * sizeof(T));
  return tensor;
}

Result<Tensor> from_strings(const TensorProto& proto, int64_t count, const std::shared_ptr<Budget>& budget) {
  MN_CHECK(static_cast<int64_t>(proto.string_data.size()) == count, "string_data has ", proto.string_data.size(),
           " entries, shape ", to_string(proto.dims), " needs ", count);
  MN_ASSIGN(Tensor tensor, Tensor::allocate(DType::string, proto.dims, budget));
  std::copy(proto.string_data.begin(), proto.string_data.end(), tensor.mutable_strings().begin());
  return tensor;
}

struct ExternalPlace {
  std::string location;
  int64_t offset = 0;
  int64_t length = -1;
};

Result<ExternalPlace> external_place(const TensorProto& proto) {
  ExternalPlace place;
  for (const auto& [key, value] : proto.external_data) {
    if (key == "location") {
      place.location = std::string(value);
    } else if (key == "offset" || key == "length") {
      const std::optional<int64_t> number = parse_int(value);
      MN_CHECK(number && *number >= 0, "external data: ", key, " '", printable(value), "' is not a number of bytes");
      (key == "offset" ? place.offset : place.length) = *number;
    } else {
      MN_CHECK(key == "checksum", "external data: unknown key '", printable(key),
               "', expected location, offset, length, checksum");
    }
  }
  MN_CHECK(!place.location.empty(), "external data without a location");
  return place;
}

// External bytes that count against the budget for as long as a tensor holds them.
struct Charged {
  Charged(std::shared_ptr<Budget> b, int64_t n) : budget(std::move(b)), size(n) {}
  ~Charged() { budget->give_bytes(size); }
  Charged(const Charged&) = delete;
  std::shared_ptr<Budget> budget;
  int64_t size;
  Bytes bytes;
};

Result<Bytes> read_external(const TensorSource& from, const TensorProto& proto, int64_t expected) {
  MN_CHECK(proto.data_fields == 0, "external data and data in the file at once");
  MN_ASSIGN(const ExternalPlace place, external_place(proto));
  MN_CHECK(place.length < 0 || place.length == expected, "external data of ", place.length, " bytes, shape ",
           to_string(proto.dims), " needs ", expected);
  MN_CHECK(!from.folder.empty(), "its data lies in '", printable(place.location),
           "', and no folder is known: open the model by its path");
  if (from.map_external) return read_inside(from.folder, place.location, place.offset, expected, true);
  MN_TRY(from.budget->take_bytes(expected));
  auto charged = std::make_shared<Charged>(from.budget, expected);
  MN_ASSIGN(charged->bytes, read_inside(from.folder, place.location, place.offset, expected, false));
  const std::span<const std::byte> view = charged->bytes.view();
  return Bytes(std::move(charged), view);
}

Result<Tensor> decode(const TensorSource& from, const TensorProto& proto) {
  const DType dtype = onnx_dtype(proto.data_type);
  MN_CHECK(proto.data_type != 0, "no data type is given");
  if (dtype == DType::undefined)
    return unsupported({"element type ", data_type_name(proto.data_type), " is not supported"});
  if (proto.has_segment) return unsupported({"segmented tensors are not supported"});
  MN_CHECK(proto.dims.size() <= kMaxTensorRank, "rank ", proto.dims.size(), ", at most ", kMaxTensorRank,
           " is accepted");
  MN_ASSIGN(const int64_t count, checked_element_count(proto.dims));
  MN_CHECK(std::popcount(proto.data_fields) <= 1, "data is given in two fields at once");
  MN_CHECK(proto.data_location == 0 || proto.data_location == 1, "unknown data location ", proto.data_location);
  if (proto.data_location == 1 || (proto.data_fields >> kRaw & 1) != 0) {
    MN_CHECK(dtype != DType::string, "strings must be given in string_data");
    MN_ASSIGN(const int64_t expected, file_bytes(dtype, count));
    if (proto.data_location == 1) {
      MN_ASSIGN(Bytes data, read_external(from, proto, expected));
      return tensor_from_bytes(dtype, proto.dims, data, from.budget);
    }
    MN_CHECK(static_cast<int64_t>(proto.raw_data.size()) == expected, "raw_data has ", proto.raw_data.size(),
             " bytes, shape ", to_string(proto.dims), " of ", to_string(dtype), " needs ", expected);
    const auto offset = static_cast<size_t>(proto.raw_data.data() - from.source.file.data());
    return tensor_from_bytes(dtype, proto.dims, from.file.part(offset, proto.raw_data.size()), from.budget);
  }
  const Field field = typed_field(dtype);
  MN_CHECK((proto.data_fields & ~(1u << field)) == 0, to_string(dtype), " data must be given in ", field_name(field),
           " or raw_data, got ", field_name(static_cast<uint32_t>(std::countr_zero(proto.data_fields))));
  switch (field) {
    case kFloat: return from_reals(proto, proto.float_data, dtype, count, from.budget);
    case kDouble: return from_reals(proto, proto.double_data, dtype, count, from.budget);
    case kString: return from_strings(proto, count, from.budget);
    default: return from_int_entries(proto, dtype, count, from.budget);
  }
}

// Flat positions of the values: given as such [n], or as coordinates [n, rank].
Result<std::vector<int64_t>> sparse_positions(const Tensor& indices, std::span<const int64_t> dims, int64_t count) {
  const auto rank = static_cast<int64_t>(dims.size());
  const bool flat = indices.rank() == 1;
  MN_CHECK(indices.dtype() == DType::int64, "the indices are ", to_string(indices.dtype()), ", expected int64");
  MN_CHECK((flat || (indices.rank() == 2 && indices.dim(1) == rank)) && indices.dim(0) == count, "indices of shape ",
           to_string(indices.dims()), ", expected [", count, "] or [", count, ", ", rank, "]");
  MN_ASSIGN(const int64_t size, checked_element_count(dims));
  std::vector<int64_t> positions(static_cast<size_t>(count));
  const int64_t* index = indices.data<int64_t>();
  for (int64_t i = 0; i < count; ++i) {
    int64_t position = flat ? index[i] : 0;
    for (int64_t d = 0; !flat && d < rank; ++d) {
      const int64_t coordinate = index[i * rank + d], dim = dims[static_cast<size_t>(d)];
      MN_CHECK(coordinate >= 0 && coordinate < dim, "index ", coordinate, " of value ", i, " is outside dimension ", d,
               " of size ", dim);
      position = position * dim + coordinate;
    }
    MN_CHECK(position >= 0 && position < size, "index ", position, " of value ", i, " is outside shape ",
             to_string(dims));
    MN_CHECK(i == 0 || position > positions[static_cast<size_t>(i - 1)],
             "the indices are not in ascending order at value ", i);
    positions[static_cast<size_t>(i)] = position;
  }
  return positions;
}

}  // namespace

Result<Tensor> read_tensor(const TensorSource& from, Unparsed unparsed_tensor) {
  MN_ASSIGN(const TensorProto proto, parse_tensor(from.source, unparsed_tensor));
  Result<Tensor> tensor = decode(from, proto);
  if (!tensor.ok() && !proto.name.empty())
    return std::move(tensor.error()).in(concat({"tensor '", printable(proto.name), "'"}));
  return tensor;
}

Result<Tensor> read_sparse_tensor(const TensorSource& from, Unparsed unparsed_tensor) {
  MN_ASSIGN(const SparseTensorProto proto, parse_sparse_tensor(from.source, unparsed_tensor));
  MN_CHECK(proto.has_values && proto.has_indices, "a sparse tensor needs values and indices");
  MN_CHECK(!proto.dims.empty() && proto.dims.size() <= kMaxTensorRank, "a sparse tensor of rank ", proto.dims.size(),
           ", expected 1 to ", kMaxTensorRank);
  MN_ASSIGN(const Tensor values, read_tensor(from, proto.values));
  MN_ASSIGN(const Tensor indices, read_tensor(from, proto.indices));
  MN_CHECK(values.rank() == 1, "the values of a sparse tensor have shape ", to_string(values.dims()),
           ", expected one dimension");
  if (values.dtype() == DType::string) return unsupported({"sparse tensors of strings are not supported"});
  MN_ASSIGN(const std::vector<int64_t> positions, sparse_positions(indices, proto.dims, values.size()));
  MN_ASSIGN(Tensor dense, Tensor::allocate(values.dtype(), proto.dims, from.budget));
  const size_t width = element_bytes(values.dtype());
  auto* out = dense.mutable_data<std::byte>();
  std::memset(out, 0, static_cast<size_t>(dense.bytes()));
  for (size_t i = 0; i < positions.size(); ++i) {
    std::memcpy(out + static_cast<size_t>(positions[i]) * width, values.data<std::byte>() + i * width, width);
  }
  return dense;
}

}  // namespace minnow::onnx
