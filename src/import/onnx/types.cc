#include "import/onnx/types.h"

#include "import/onnx/wire.h"
#include "ops/onnx_dtype.h"

namespace minnow::onnx {
namespace {

Dim read_dimension(std::string_view message, WireState& state) {
  Dim dim;
  MessageReader r(message, "TensorShapeProto.Dimension", state);
  while (r.next()) {
    switch (r.tag()) {
      // Exporters write -1 for "unknown"; a negative size means nothing else.
      case 1: dim = Dim(std::max<int64_t>(r.integer(), -1)); break;
      case 2: dim = Dim(std::string(r.text())); break;
      default: r.skip();
    }
  }
  return dim;
}

Shape read_shape(std::string_view message, WireState& state) {
  Shape shape = Shape::of_rank(0);
  MessageReader r(message, "TensorShapeProto", state);
  while (r.next()) {
    if (r.tag() != 1) {
      r.skip();
      continue;
    }
    shape.dims.push_back(read_dimension(r.bytes(), state));
    if (shape.dims.size() > kMaxTensorRank)
      r.fail(ErrorCode::bad_input, concat({"a shape has more than ", kMaxTensorRank, " dimensions"}));
  }
  return shape;
}

Type read_tensor_type(std::string_view message, WireState& state) {
  Type type = Type::tensor(DType::undefined);
  MessageReader r(message, "TypeProto.Tensor", state);
  while (r.next()) {
    if (r.tag() == 1) {
      const int64_t code = r.integer();
      type.dtype = onnx_dtype(code);
      if (code != 0 && type.dtype == DType::undefined) {
        r.fail(ErrorCode::unsupported, concat({"element type ", data_type_name(code), " is not supported"}));
      }
    } else if (r.tag() == 2) {
      type.shape = read_shape(r.bytes(), state);
    } else {
      r.skip();
    }
  }
  return type;
}

Type read_type(std::string_view message, WireState& state);

Type read_element(std::string_view message, WireState& state) {
  Type element;
  MessageReader r(message, "TypeProto.Sequence", state);
  while (r.next()) {
    if (r.tag() == 1) element = read_type(r.bytes(), state);
    else r.skip();
  }
  return element;
}

Type read_type(std::string_view message, WireState& state) {
  Type type;
  MessageReader r(message, "TypeProto", state);
  const auto refuse = [&](std::string_view what) {
    r.fail(ErrorCode::unsupported, concat({what, " types are not supported"}));
  };
  while (r.next()) {
    switch (r.tag()) {
      case 1: type = read_tensor_type(r.bytes(), state); break;
      case 4: type = Type::sequence(read_element(r.bytes(), state)); break;
      case 9: type = Type::optional(read_element(r.bytes(), state)); break;
      case 5: refuse("map"); break;
      case 7: refuse("opaque"); break;
      case 8: refuse("sparse tensor"); break;
      default: r.skip();
    }
  }
  return type;
}

}  // namespace

std::string data_type_name(int64_t code) {
  // ONNX defines these and no dtype of ours stands for them.
  if (code == 27) return "FLOAT6E2M3";
  if (code == 28) return "FLOAT6E3M2";
  return concat({"data type ", code});
}

Result<Type> parse_type(const Source& source, Unparsed unparsed_type) {
  WireState state(source.file, unparsed_type.depth);
  Type type = read_type(unparsed_type.message, state);
  if (state.error) return *state.error;
  return type;
}

}  // namespace minnow::onnx
