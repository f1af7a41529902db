// ONNX's messages as plain structs of views into the file's bytes. Attributes, tensors and types stay unparsed until
// they are used: a hostile file then takes memory in proportion to its size, and weights are never copied. Schema:
// onnx.proto of ONNX 1.23 (IR version 14).
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace minnow::onnx {

using TextView = std::string_view;
using KeyValues = std::vector<std::pair<TextView, TextView>>;

// The file, for offsets in messages, and how many nodes a graph may have.
struct Source {
  std::string_view file;
  int64_t max_nodes = Limits{}.nodes;
};

// A message inside the file that is parsed on use; `depth` counts the messages around it.
struct Unparsed {
  std::string_view message;
  int depth = 0;
};

struct NodeProto {
  std::vector<TextView> input;
  std::vector<TextView> output;
  TextView name, op_type, domain, overload;
  std::vector<Unparsed> attribute;
  bool has_graphs = false;  // some attribute holds a graph
};

struct ValueInfoProto {
  TextView name;
  Unparsed type;  // TypeProto
  bool has_type = false;
};

struct NamedTensor {
  TextView name;
  Unparsed tensor;  // TensorProto or SparseTensorProto
};

struct GraphProto {
  TextView name;
  std::vector<NodeProto> node;
  std::vector<NamedTensor> initializer;
  std::vector<NamedTensor> sparse_initializer;
  std::vector<ValueInfoProto> input, output, value_info;
};

struct OperatorSet {
  TextView domain;  // "" is "ai.onnx"
  int64_t version = 0;
};

struct FunctionProto {
  TextView name, domain, overload;
  std::vector<TextView> input, output;
  std::vector<TextView> attribute;        // names without default
  std::vector<Unparsed> attribute_proto;  // attributes with default
  std::vector<NodeProto> node;
  std::vector<OperatorSet> opset_import;
  std::vector<ValueInfoProto> value_info;
};

struct ModelProto {
  int64_t ir_version = 0;
  std::vector<OperatorSet> opset_import;
  TextView producer_name, producer_version, domain, doc_string;
  int64_t model_version = 0;
  GraphProto graph;
  bool has_graph = false;
  KeyValues metadata_props;
  std::vector<FunctionProto> functions;
};

// AttributeProto.AttributeType.
enum class AttributeType : int32_t {
  undefined = 0,
  real = 1,
  integer = 2,
  text = 3,
  tensor = 4,
  graph = 5,
  reals = 6,
  integers = 7,
  texts = 8,
  tensors = 9,
  graphs = 10,
  sparse_tensor = 11,
  sparse_tensors = 12,
  type = 13,
  types = 14,
};

struct AttributeProto {
  TextView name, ref_attr_name;
  AttributeType type = AttributeType::undefined;
  bool has_real = false, has_integer = false, has_text = false;
  float f = 0;
  int64_t i = 0;
  std::string_view s;  // bytes, not checked
  std::vector<float> floats;
  std::vector<int64_t> ints;
  std::vector<std::string_view> strings;
  std::vector<Unparsed> t, g, tp, sparse_tensor;  // one when present
  std::vector<Unparsed> tensors, graphs, type_protos, sparse_tensors;
};

struct TensorProto {
  TextView name;
  std::vector<int64_t> dims;
  int32_t data_type = 0;
  int32_t data_location = 0;  // 1: external
  bool has_segment = false;
  std::string_view raw_data;
  std::vector<std::string_view> string_data;
  std::vector<float> float_data;
  std::vector<double> double_data;
  std::vector<int64_t> int_data;  // int32_data, int64_data or uint64_data
  uint32_t data_fields = 0;       // bit N: field N of the schema holds data (raw_data too)
  KeyValues external_data;
};

struct SparseTensorProto {
  Unparsed values, indices;
  bool has_values = false, has_indices = false;
  std::vector<int64_t> dims;
};

Result<ModelProto> parse_model(const Source& source);
Result<GraphProto> parse_graph(const Source& source, Unparsed graph);
Result<AttributeProto> parse_attribute(const Source& source, Unparsed attribute);
Result<TensorProto> parse_tensor(const Source& source, Unparsed tensor);
Result<SparseTensorProto> parse_sparse_tensor(const Source& source, Unparsed tensor);

}  // namespace minnow::onnx
