#include <cstring>

#include "base/checked.h"
#include "base/text.h"
#include "graph/text_element.h"
#include "graph/text_parser.h"

namespace minnow {

Result<Type> TextParser::parse_type(int64_t depth) {
  if (depth > limits_.depth) {
    return lexer_.error_here(over_limit({"types are nested deeper than ", limits_.depth, " levels"}));
  }
  if (token().is_name("sequence")) return parse_container_type(Type::Kind::sequence, depth);
  if (token().is_name("optional")) return parse_container_type(Type::Kind::optional, depth);
  DType dtype = DType::undefined;
  if (token().is('?')) {
    MN_TRY(lexer_.advance());
    if (!token().is('[')) return Type{};
  } else {
    if (token().kind == TokenKind::name) dtype = dtype_from_name(token().text);
    if (dtype == DType::undefined) return expected("a type such as float32[N, 3]");
    MN_TRY(lexer_.advance());
  }
  MN_ASSIGN(Shape shape, parse_shape());
  return Type::tensor(dtype, std::move(shape));
}

Result<Type> TextParser::parse_container_type(Type::Kind kind, int64_t depth) {
  MN_TRY(lexer_.advance());
  MN_TRY(expect('('));
  Type type;
  type.kind = kind;
  if (!token().is(')')) {
    MN_ASSIGN(Type element, parse_type(depth + 1));
    type.element = std::make_shared<const Type>(std::move(element));
  }
  MN_TRY(expect(')'));
  return type;
}

Result<Shape> TextParser::parse_shape() {
  MN_TRY(expect('['));
  if (token().kind == TokenKind::dots) {
    MN_TRY(lexer_.advance());
    MN_TRY(expect(']'));
    return Shape();
  }
  std::vector<Dim> dims;
  while (!token().is(']')) {
    if (!dims.empty()) MN_TRY(expect(','));
    MN_ASSIGN(Dim dim, parse_dimension());
    dims.push_back(std::move(dim));
  }
  MN_TRY(lexer_.advance());
  return Shape(std::move(dims));
}

Result<Dim> TextParser::parse_dimension() {
  MN_ASSIGN(const bool unknown, accept('?'));
  if (unknown) return Dim();
  Dim dim;
  if (token().kind == TokenKind::name || token().kind == TokenKind::text) {
    MN_ASSIGN(dim.symbol, expect_name("a dimension"));
    MN_ASSIGN(const bool sized, accept('='));
    if (!sized) return dim;
  }
  const std::optional<int64_t> size = token().kind == TokenKind::number ? parse_int(token().text) : std::nullopt;
  if (!size || *size < 0) return expected("a dimension: a size, a name or ?");
  dim.value = *size;
  MN_TRY(lexer_.advance());
  return dim;
}

Status TextParser::take_bytes(int64_t bytes) {
  if (checked_add(bytes_, bytes, &bytes_) && bytes_ <= limits_.bytes) return {};
  return lexer_.error_here(over_limit({"constants take more than the limit of ", limits_.bytes, " bytes"}));
}

Result<Tensor> TextParser::parse_tensor() {
  if (token().is_name("undefined")) {
    MN_TRY(lexer_.advance());
    return Tensor();
  }
  const size_t start = token().offset;
  MN_ASSIGN(const Type type, parse_type(0));
  if (!type.is_tensor() || type.dtype == DType::undefined || !type.shape.static_dims()) {
    return lexer_.error_at(start, bad_input({"a tensor needs an element type and sizes, got ", to_string(type)}));
  }
  Dims dims = type.shape.to_dims();
  const Result<int64_t> count = checked_element_count(dims);
  if (!count.ok()) return lexer_.error_at(start, count.error());
  if (token().kind == TokenKind::dots) {
    return lexer_.error_here(
        bad_input({"the data of this tensor were left out when the text was printed; print it with all data"}));
  }
  if (token().is_name("external")) return parse_external(type.dtype, dims);
  if (token().is_name("base64")) return parse_base64(type.dtype, std::move(dims), *count);
  if (!token().is('(')) return expected("the elements in parentheses, or base64");
  // Each element takes at least one character: more elements than text cannot be right, and would only cost memory.
  if (static_cast<uint64_t>(*count) > lexer_.remaining_bytes()) {
    return lexer_.error_here(bad_input({"the type asks for ", *count, " elements, more than the text holds"}));
  }
  if (type.dtype == DType::string) return parse_strings(std::move(dims), *count);
  return parse_numbers(type.dtype, std::move(dims), *count);
}

Status TextParser::parse_one_number(DType dtype, std::byte* number) {
  const Token start = token();
  if (start.kind != TokenKind::name && start.kind != TokenKind::number) return expected("an element");
  MN_TRY(lexer_.advance());
  const bool as_bits = start.is_name("bits");
  Token source = start;
  if (as_bits) {
    MN_TRY(expect('('));
    source = token();
    MN_TRY(lexer_.advance());
    MN_TRY(expect(')'));
  }
  Status status = as_bits ? parse_number_bits(source.text, dtype, number) : parse_number(source.text, dtype, number);
  if (!status.ok()) return lexer_.error_at(source.offset, std::move(status.error()));
  if (!is_valid_element(dtype, *number)) {
    return lexer_.error_at(source.offset, bad_input({Lexer::shown(source), " does not fit ", to_string(dtype)}));
  }
  return {};
}

Result<Tensor> TextParser::parse_numbers(DType dtype, Dims dims, int64_t count) {
  const DType number = number_dtype(dtype);
  const size_t bytes = element_bytes(number);
  MN_TRY(take_bytes(count * static_cast<int64_t>(element_bytes(dtype))));
  MN_ASSIGN(Tensor tensor, Tensor::allocate(dtype, std::move(dims)));
  const int64_t numbers = count * numbers_per_element(dtype);
  auto* data = tensor.mutable_data<std::byte>();
  MN_TRY(expect('('));
  for (int64_t i = 0; i < numbers; ++i) {
    if (token().is(')')) return lexer_.error_here(bad_input({"the type asks for ", numbers, " numbers, got ", i}));
    if (i > 0) MN_TRY(expect(','));
    MN_TRY(parse_one_number(number, data + static_cast<size_t>(i) * bytes));
  }
  if (!token().is(')')) return expected(concat({"')' after ", numbers, " numbers"}));
  MN_TRY(lexer_.advance());
  return tensor;
}

Result<Tensor> TextParser::parse_strings(Dims dims, int64_t count) {
  MN_TRY(take_bytes(count * static_cast<int64_t>(sizeof(std::string))));
  std::vector<std::string> strings;
  MN_TRY(expect('('));
  for (int64_t i = 0; i < count; ++i) {
    if (token().is(')')) return lexer_.error_here(bad_input({"the type asks for ", count, " strings, got ", i}));
    if (i > 0) MN_TRY(expect(','));
    MN_ASSIGN(std::string text, expect_text("a string"));
    MN_TRY(take_bytes(static_cast<int64_t>(text.size())));
    strings.push_back(std::move(text));
  }
  if (!token().is(')')) return expected(concat({"')' after ", count, " strings"}));
  MN_TRY(lexer_.advance());
  return Tensor::of_strings(std::move(strings), std::move(dims));
}

Result<Tensor> TextParser::parse_external(DType dtype, const Dims& dims) {
  MN_TRY(lexer_.advance());
  const int64_t index = token().kind == TokenKind::number ? parse_int(token().text).value_or(-1) : -1;
  if (index < 0 || static_cast<uint64_t>(index) >= externals_.size()) {
    return expected(concat({"the number of one of ", externals_.size(), " tensors beside the text"}));
  }
  const Tensor& tensor = externals_[static_cast<size_t>(index)];
  if (tensor.dtype() != dtype || tensor.dims() != dims) {
    return lexer_.error_here(bad_input({"tensor ", index, " beside the text is ", to_string(tensor.dtype()),
                                        to_string(tensor.dims()), ", not ", to_string(dtype), to_string(dims)}));
  }
  MN_TRY(lexer_.advance());
  return tensor;
}

Result<Tensor> TextParser::parse_base64(DType dtype, Dims dims, int64_t count) {
  MN_TRY(lexer_.advance());
  if (token().kind != TokenKind::text) return expected("the base64 data in quotes");
  if (element_bytes(dtype) == 0) {
    return lexer_.error_here(bad_input({"strings are written in parentheses, not as base64"}));
  }
  int64_t bytes = 0;
  if (!checked_mul(count, static_cast<int64_t>(element_bytes(dtype)), &bytes)) return expected("a smaller tensor");
  MN_TRY(take_bytes(static_cast<int64_t>(token().text.size())));
  std::optional<std::vector<std::byte>> data = base64_decode(token().text);
  if (!data) return lexer_.error_here(bad_input({"the base64 data are malformed"}));
  if (static_cast<int64_t>(data->size()) != bytes) {
    return lexer_.error_here(bad_input({"the type asks for ", bytes, " bytes, the base64 data hold ", data->size()}));
  }
  if (element_bytes(dtype) == 1) {
    for (std::byte element : *data) {
      if (!is_valid_element(dtype, element)) {
        return lexer_.error_here(
            bad_input({"the base64 data hold ", static_cast<int>(element), ", which is not a ", to_string(dtype)}));
      }
    }
  }
  MN_TRY(lexer_.advance());
  MN_ASSIGN(Tensor tensor, Tensor::allocate(dtype, std::move(dims)));
  if (bytes > 0) std::memcpy(tensor.mutable_data<std::byte>(), data->data(), static_cast<size_t>(bytes));
  return tensor;
}

}  // namespace minnow
