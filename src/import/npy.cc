#include "import/npy.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/checked.h"
#include "base/text.h"
#include "import/raw_tensor.h"

namespace minnow {
namespace {

constexpr std::string_view kMagic("\x93NUMPY", 6);
// NumPy's own limit is 32 dimensions, 64 since version 2.
constexpr size_t kMaxRank = 64;

struct TypeCode {
  std::string_view code;  // without the byte order
  DType dtype;
};
constexpr TypeCode kTypes[] = {{"f4", DType::float32},   {"f8", DType::float64},    {"f2", DType::float16},
                               {"b1", DType::boolean},   {"i1", DType::int8},       {"i2", DType::int16},
                               {"i4", DType::int32},     {"i8", DType::int64},      {"u1", DType::uint8},
                               {"u2", DType::uint16},    {"u4", DType::uint32},     {"u8", DType::uint64},
                               {"c8", DType::complex64}, {"c16", DType::complex128}};

struct Header {
  std::string_view descr;
  bool fortran_order = false;
  Dims shape;
  bool has_descr = false, has_order = false, has_shape = false;
};

// The header is a Python dict of a text, a boolean and a tuple of integers.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  Result<Header> parse() {
    Header header;
    MN_CHECK(take('{'), "the header is not a dictionary");
    while (!take('}')) {
      MN_ASSIGN(const std::string_view key, quoted());
      MN_CHECK(take(':'), "the header lacks a ':' after '", printable(key), "'");
      MN_TRY(value(key, header));
      if (take(',')) continue;
      MN_CHECK(take('}'), "the header is not a dictionary");
      break;
    }
    MN_CHECK(header.has_descr && header.has_order && header.has_shape,
             "the header needs descr, fortran_order and shape");
    return header;
  }

 private:
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }

  Result<std::string_view> quoted() {
    const char quote = peek();
    MN_CHECK(quote == '\'' || quote == '"', "the header lacks a text at byte ", at_);
    const size_t end = text_.find(quote, at_ + 1);
    MN_CHECK(end != text_.npos, "the header ends within a text");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }

  Status value(std::string_view key, Header& header) {
    if (key == "descr") {
      // A list describes a record of several fields.
      if (peek() == '[')
        return unsupported({"records (structured arrays) are not supported: save each field by itself"});
      MN_ASSIGN(header.descr, quoted());
      header.has_descr = true;
      return {};
    }
    if (key == "fortran_order") {
      peek();
      const bool yes = starts_with(text_.substr(at_), "True");
      MN_CHECK(yes || starts_with(text_.substr(at_), "False"), "fortran_order is neither True nor False");
      at_ += yes ? 4 : 5;
      header.fortran_order = yes;
      header.has_order = true;
      return {};
    }
    MN_CHECK(key == "shape", "the header has an unknown key '", printable(key), "'");
    header.has_shape = true;
    return shape(header.shape);
  }

  Status shape(Dims& dims) {
    MN_CHECK(take('('), "the shape is not a tuple");
    while (!take(')')) {
      size_t end = (peek(), at_);
      while (end < text_.size() && text_[end] >= '0' && text_[end] <= '9') ++end;
      const std::optional<int64_t> dim = parse_int(text_.substr(at_, end - at_));
      MN_CHECK(dim && *dim >= 0, "the shape has an entry that is not a size");
      dims.push_back(*dim);
      MN_CHECK(dims.size() <= kMaxRank, "the shape has more than ", kMaxRank, " dimensions");
      at_ = end;
      if (text_.substr(at_, 1) == "L") ++at_;  // Python 2 wrote long integers so
      if (take(',')) continue;
      MN_CHECK(take(')'), "the shape is not a tuple");
      break;
    }
    return {};
  }

  std::string_view text_;
  size_t at_ = 0;
};

Result<DType> parse_descr(std::string_view descr, bool* swapped) {
  if (descr.find('O') != descr.npos) {
    return unsupported(
        {"an array of Python objects is a pickled program and is not opened: save numbers, with allow_pickle=False"});
  }
  const char order = descr.empty() ? '\0' : descr[0];
  MN_CHECK(order == '<' || order == '>' || order == '|' || order == '=', "the element type '", printable(descr),
           "' has no byte order");
  for (const TypeCode& type : kTypes) {
    if (type.code != descr.substr(1)) continue;
    *swapped = order == '>';
    return type.dtype;
  }
  return unsupported(
      {"element type '", printable(descr), "' is not supported: convert the array to numbers first",
       descr[1] == 'V' ? " (NumPy writes bfloat16 and the like as raw bytes: use float32 or safetensors)" : ""});
}

void swap_bytes(std::byte* data, int64_t count, size_t width) {
  for (int64_t i = 0; i < count; ++i)
    std::reverse(data + static_cast<size_t>(i) * width, data + static_cast<size_t>(i + 1) * width);
}

// Column-major bytes (the first index runs fastest) to row-major.
void reorder(const std::byte* from, Tensor& to) {
  const size_t width = element_bytes(to.dtype());
  const size_t rank = to.dims().size();
  Dims strides(rank), index(rank, 0);
  int64_t stride = 1;
  for (size_t d = 0; d < rank; ++d) {
    strides[d] = stride;
    stride *= to.dims()[d];
  }
  auto* out = to.mutable_data<std::byte>();
  int64_t offset = 0;
  for (int64_t i = 0; i < to.size(); ++i) {
    std::memcpy(out + static_cast<size_t>(i) * width, from + static_cast<size_t>(offset) * width, width);
    for (size_t d = rank; d-- > 0;) {
      offset += strides[d];
      if (++index[d] < to.dims()[d]) break;
      offset -= strides[d] * to.dims()[d];
      index[d] = 0;
    }
  }
}

Result<Tensor> read(const Bytes& file, const Limits& limits) {
  const std::string_view text = file.text();
  if (!text.empty() && text[0] == '\x80') {
    return unsupported({"a pickle is a program and is not opened: save with numpy.save(…, allow_pickle=False)"});
  }
  MN_CHECK(starts_with(text, kMagic) && text.size() >= 10, "not a .npy file");
  const int major = static_cast<uint8_t>(text[6]);
  MN_CHECK(major >= 1 && major <= 3, "version ", major, " of the .npy format is not known, expected 1 to 3");
  const size_t length_bytes = major == 1 ? 2 : 4;
  const size_t start = 8 + length_bytes;
  MN_CHECK(text.size() >= start, "the file ends within its header");
  size_t length = 0;
  for (size_t i = 0; i < length_bytes; ++i) length |= static_cast<size_t>(static_cast<uint8_t>(text[8 + i])) << (8 * i);
  MN_CHECK(length <= text.size() - start, "the header has ", length, " bytes, the file only ", text.size() - start);

  MN_ASSIGN(const Header header, HeaderParser(text.substr(start, length)).parse());
  bool swapped = false;
  MN_ASSIGN(const DType dtype, parse_descr(header.descr, &swapped));
  MN_ASSIGN(const int64_t count, checked_element_count(header.shape));
  MN_ASSIGN(const int64_t expected, file_bytes(dtype, count));
  const size_t held = text.size() - start - length;
  MN_CHECK(static_cast<uint64_t>(expected) == held, "the data has ", held, " bytes, shape ", to_string(header.shape),
           " of ", to_string(dtype), " needs ", expected);
  const Bytes data = file.part(start + length, held);
  const auto budget = std::make_shared<Budget>(limits);
  const bool row_major = !header.fortran_order || header.shape.size() < 2;
  if (row_major && !swapped) return tensor_from_bytes(dtype, header.shape, data, budget);
  MN_ASSIGN(Tensor tensor, Tensor::allocate(dtype, header.shape, budget));
  if (row_major) std::copy(data.view().begin(), data.view().end(), tensor.mutable_data<std::byte>());
  else reorder(data.data(), tensor);
  if (swapped) {
    const size_t width = is_complex(dtype) ? element_bytes(dtype) / 2 : element_bytes(dtype);
    swap_bytes(tensor.mutable_data<std::byte>(), expected / static_cast<int64_t>(width), width);
  }
  return tensor;
}

}  // namespace

Result<Tensor> read_npy(const Bytes& file, std::string_view name, const Limits& limits) {
  Result<Tensor> tensor = read(file, limits);
  if (!tensor.ok()) return std::move(tensor.error()).in(printable(name));
  return tensor;
}

Result<std::string> npy_bytes(const Tensor& tensor) {
  std::string_view code;
  for (const TypeCode& type : kTypes) {
    if (type.dtype == tensor.dtype()) code = type.code;
  }
  if (code.empty())
    return unsupported(
        {"NumPy has no element type ", to_string(tensor.dtype()), ": convert to float32 or an integer type first"});
  const std::string_view order = element_bytes(tensor.dtype()) == 1 ? "|" : "<";
  std::string shape;
  for (const int64_t dim : tensor.dims()) shape += concat({dim, ", "});
  if (tensor.rank() > 1) shape.resize(shape.size() - 2);
  else if (tensor.rank() == 1) shape.pop_back();
  std::string header = concat({"{'descr': '", order, code, "', 'fortran_order': False, 'shape': (", shape, "), }"});
  // The data starts at a multiple of 64 bytes, so that it can be mapped; a newline ends the header.
  constexpr size_t kPrefix = 10;
  header.append(63 - (kPrefix + header.size()) % 64, ' ');
  header += '\n';
  std::string file(kMagic);
  file += {'\x01', '\x00', static_cast<char>(header.size() & 0xff), static_cast<char>(header.size() >> 8)};
  return file + header + tensor_to_bytes(tensor);
}

Status write_npy(const std::string& path, const Tensor& tensor) {
  MN_ASSIGN(const std::string file, npy_bytes(tensor));
  return write_file_atomically(path, file);
}

}  // namespace minnow
