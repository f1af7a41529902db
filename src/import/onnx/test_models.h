// ONNX files put together for tests, and a small registry to import them with.
#pragma once

#include <string>
#include <vector>

#include "import/onnx/onnx.h"
#include "import/onnx/proto_writer.h"

namespace minnow::onnx {

struct TestGraph {
  std::vector<Message> nodes, initializers, inputs, outputs, value_infos, sparse_initializers;
  TestGraph& node(std::string_view op, std::vector<std::string> node_inputs, std::vector<std::string> node_outputs,
                  std::vector<Message> attributes = {}, std::string_view name = "", std::string_view domain = "") {
    nodes.push_back(
        node_message({op, std::move(node_inputs), std::move(node_outputs), std::move(attributes), name, domain}));
    return *this;
  }
  TestGraph& input(std::string_view name, const Type& type = Type::tensor(DType::float32, Shape{Dim("N"), 4})) {
    inputs.push_back(value_info_message(name, type));
    return *this;
  }
  TestGraph& output(std::string_view name, const Type& type = {}) {
    outputs.push_back(value_info_message(name, type));
    return *this;
  }
  TestGraph& initializer(std::string_view name, const Tensor& tensor) {
    initializers.push_back(tensor_message(tensor, name));
    return *this;
  }
  Message message() const {
    Message graph;
    for (const Message& m : nodes) graph.message(1, m);
    graph.bytes(2, "test");
    for (const Message& m : initializers) graph.message(5, m);
    for (const Message& m : inputs) graph.message(11, m);
    for (const Message& m : outputs) graph.message(12, m);
    for (const Message& m : value_infos) graph.message(13, m);
    for (const Message& m : sparse_initializers) graph.message(15, m);
    return graph;
  }
};

inline Message opset(std::string_view domain, int64_t version) {
  Message m;
  m.bytes(1, domain).integer(2, version);
  return m;
}

// A model with the graph, opset 17 of the default domain and version 1 of "test".
inline Message model_message(const Message& graph) {
  Message m;
  m.integer(1, 9).message(8, opset("", 17)).message(8, opset("test", 1)).message(7, graph);
  return m;
}

// Operators of a few lines: Identity, Relu, Add (two inputs), Split (two outputs), If, Loop, and in domain "test" Pass,
// whose adapter adds no node, and Twice, whose adapter adds two.
const Registry& test_registry();
Result<Graph> import_test_model(std::string file, const Limits& limits = {});
// Imports the graph in a model; the error's message when that fails.
std::string import_error(const TestGraph& graph);

}  // namespace minnow::onnx
