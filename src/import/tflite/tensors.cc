#include "import/tflite/tensors.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/checked.h"
#include "base/text.h"
#include "import/raw_tensor.h"
#include "import/tflite/sparse.h"

namespace minnow::tflite {
namespace {

static_assert(std::endian::native == std::endian::little, "buffers are little-endian and viewed as they are");

int32_t read_int32(const std::byte* data) {
  int32_t value = 0;
  std::memcpy(&value, data, sizeof(value));
  return value;
}

// Text: the number of strings, their offsets (and where the last one ends), then their characters.
Result<Tensor> read_strings(const Bytes& data, Dims dims) {
  MN_ASSIGN(const int64_t count, checked_element_count(dims));
  const auto size = static_cast<int64_t>(data.size());
  MN_CHECK(size >= 4 && read_int32(data.data()) == count && count < size / 4 - 1, "a buffer of ", size,
           " bytes does not hold ", count, " strings");
  std::vector<std::string> strings;
  strings.reserve(static_cast<size_t>(count));
  const auto offset = [&](int64_t i) { return int64_t{read_int32(data.data() + 4 * (i + 1))}; };
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = offset(i), end = offset(i + 1);
    MN_CHECK(begin >= 0 && begin <= end && end <= size, "string ", i, " lies outside its buffer");
    strings.emplace_back(data.text().substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin)));
  }
  return Tensor::of_strings(std::move(strings), std::move(dims));
}

Dims dims_of(const schema::Tensor& tensor) {
  const std::span<const int32_t> shape = ints_of(tensor.shape());
  return {shape.begin(), shape.end()};
}

}  // namespace

DType dtype_of(schema::TensorType type) {
  switch (type) {
    case schema::TensorType_FLOAT32: return DType::float32;
    case schema::TensorType_FLOAT16: return DType::float16;
    case schema::TensorType_BFLOAT16: return DType::bfloat16;
    case schema::TensorType_FLOAT64: return DType::float64;
    case schema::TensorType_FLOAT8_E4M3FN: return DType::float8e4m3fn;
    case schema::TensorType_FLOAT8_E5M2: return DType::float8e5m2;
    case schema::TensorType_INT2: return DType::int2;
    case schema::TensorType_INT4: return DType::int4;
    case schema::TensorType_UINT4: return DType::uint4;
    case schema::TensorType_INT8: return DType::int8;
    case schema::TensorType_UINT8: return DType::uint8;
    case schema::TensorType_INT16: return DType::int16;
    case schema::TensorType_UINT16: return DType::uint16;
    case schema::TensorType_INT32: return DType::int32;
    case schema::TensorType_UINT32: return DType::uint32;
    case schema::TensorType_INT64: return DType::int64;
    case schema::TensorType_UINT64: return DType::uint64;
    case schema::TensorType_BOOL: return DType::boolean;
    case schema::TensorType_STRING: return DType::string;
    case schema::TensorType_COMPLEX64: return DType::complex64;
    case schema::TensorType_COMPLEX128: return DType::complex128;
    default: return DType::undefined;
  }
}

Type declared_type(const schema::Tensor& tensor) {
  const Dims dims = dims_of(tensor);
  Shape shape(dims);
  const std::span<const int32_t> signature = ints_of(tensor.shape_signature());
  if (signature.size() == dims.size()) {
    for (size_t i = 0; i < dims.size(); ++i) {
      if (signature[i] < 0) shape.dims[i] = Dim();
    }
  }
  return Type::tensor(dtype_of(tensor.type()), std::move(shape));
}

bool is_constant(const ModelFile& file, const schema::Tensor& tensor) {
  return tensor.buffer() != 0 && !tensor.is_variable() && file.buffer(tensor.buffer()).size() != 0;
}

Result<Tensor> read_constant(const ModelFile& file, const schema::Tensor& tensor,
                             const std::shared_ptr<Budget>& budget) {
  const DType dtype = dtype_of(tensor.type());
  Dims dims = dims_of(tensor);
  const Bytes data = file.buffer(tensor.buffer());
  if (dtype == DType::undefined) {
    return unsupported({"constants of type ", schema::EnumNameTensorType(tensor.type()), " are not supported"});
  }
  if (dtype == DType::string) return read_strings(data, std::move(dims));
  if (tensor.sparsity() != nullptr) return read_sparse(*tensor.sparsity(), dtype, std::move(dims), data, budget);
  MN_ASSIGN(const int64_t count, checked_element_count(dims));
  MN_ASSIGN(const int64_t bytes, file_bytes(dtype, count));
  MN_CHECK(static_cast<int64_t>(data.size()) == bytes, "buffer ", tensor.buffer(), " has ", data.size(),
           " bytes, shape ", to_string(dims), " of ", to_string(dtype), " needs ", bytes);
  return tensor_from_bytes(dtype, std::move(dims), data, budget);
}

Result<Quantization> read_quantization(const schema::Tensor& tensor) {
  const schema::QuantizationParameters* parameters = tensor.quantization();
  if (parameters == nullptr) return Quantization();
  if (parameters->details_type() != schema::QuantizationDetails_NONE) {
    return unsupported({"custom quantization is not supported"});
  }
  const auto* scales = parameters->scale();
  const DType dtype = dtype_of(tensor.type());
  if (size_of(scales) == 0 || !is_integer(dtype)) return Quantization();
  const auto count = static_cast<int64_t>(scales->size());
  const auto points = static_cast<int64_t>(size_of(parameters->zero_point()));
  MN_CHECK(points == 0 || points == 1 || points == count, "quantization: ", count, " scales, but ", points,
           " zero points");
  Quantization out;
  const Dims dims = dims_of(tensor);
  if (count > 1) {
    // Old converters state the weight's dimension for the bias, too, which has only one.
    out.axis = dims.size() == 1 ? 0 : parameters->quantized_dimension();
    MN_CHECK(
        out.axis >= 0 && out.axis < static_cast<int64_t>(dims.size()) && dims[static_cast<size_t>(out.axis)] == count,
        "quantization: ", count, " scales do not fit dimension ", out.axis, " of ", to_string(dims));
  }
  const Dims list = count > 1 ? Dims{count} : Dims{};
  MN_ASSIGN(out.scale, Tensor::allocate(DType::float32, list));
  MN_ASSIGN(Tensor zero, Tensor::allocate(DType::int64, list));
  for (int64_t i = 0; i < count; ++i) {
    const float scale = scales->Get(static_cast<uint32_t>(i));
    const int64_t point =
        points == 0 ? 0 : parameters->zero_point()->Get(static_cast<uint32_t>(points == 1 ? int64_t{0} : i));
    MN_CHECK(std::isfinite(scale) && scale >= 0, "quantization: scale ", i, " is ", double{scale});
    MN_CHECK(dtype == DType::uint64 ||
                 (point >= integer_min(dtype) && (point < 0 || static_cast<uint64_t>(point) <= integer_max(dtype))),
             "quantization: zero point ", point, " is no ", to_string(dtype));
    out.scale.mutable_data<float>()[i] = scale;
    zero.mutable_data<int64_t>()[i] = point;
  }
  // A scale of zero stands for "not quantized" (shape operands of old converters).
  if (count == 1 && out.scale.data<float>()[0] == 0) return Quantization();
  MN_ASSIGN(out.zero_point, convert_dtype(zero, dtype));
  return out;
}

}  // namespace minnow::tflite
