// What is wrong with a file is said, with its place: every message is part of the interface.
#include <gtest/gtest.h>

#include "import/onnx/onnx.h"
#include "import/onnx/test_models.h"

namespace minnow::onnx {
namespace {

TestGraph good() {
  TestGraph g;
  g.input("x")
      .initializer("w", Tensor::of<float>({1, 2, 3, 4}, {4}))
      .node("Add", {"x", "w"}, {"y"}, {}, "sum")
      .output("y");
  return g;
}

std::string error_of(std::string file) {
  const Result<Graph> result = import_test_model(std::move(file));
  return result.ok() ? "no error" : result.error().message;
}

void expect_error(const std::string& message, std::string_view part) {
  EXPECT_NE(message.find(part), std::string::npos) << "got: " << message << "\nexpected: " << part;
  EXPECT_EQ(message.rfind("test.onnx: ", 0), 0u) << message;
}

TEST(OnnxErrors, Containers) {
  expect_error(error_of(""), "the file is empty");
  expect_error(error_of(std::string(4096, '\0')), "not a protobuf field");
  expect_error(error_of("<!DOCTYPE html>"), "test.onnx");
  expect_error(error_of(Message().integer(1, 9).take()), "no graph");
  expect_error(error_of("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "damaged varint");
  // A length of 2^32 + 1, which 32 bits would read as 1.
  expect_error(error_of("\x3a\x81\x80\x80\x80\x10z"), "runs past the end");
  expect_error(error_of("\x3b\x3c"), "not a protobuf field");  // a group
  expect_error(error_of(std::string("\x38\x01")), "field 7 is a varint, expected a length-delimited field");
}

TEST(OnnxErrors, TruncationAtEveryByte) {
  const std::string file = model_message(good().message()).take();
  ASSERT_TRUE(import_test_model(file).ok());
  int failures = 0;
  for (size_t size = 0; size < file.size(); ++size) failures += !import_test_model(file.substr(0, size)).ok();
  EXPECT_EQ(failures, static_cast<int>(file.size()));
}

TEST(OnnxErrors, EveryByteChangedNeverCrashes) {
  const std::string file = model_message(good().message()).take();
  int refused = 0;
  for (size_t i = 0; i < file.size(); ++i) {
    for (const int change : {0x01, 0x80, 0xff}) {
      std::string damaged = file;
      damaged[i] = static_cast<char>(damaged[i] ^ change);
      refused += !import_test_model(std::move(damaged)).ok();
    }
  }
  EXPECT_GT(refused, static_cast<int>(file.size()));
}

TEST(OnnxErrors, UnknownFieldsAreSkipped) {
  Message model = model_message(good().message());
  for (int i = 0; i < 1000; ++i) model.integer(500, i);
  EXPECT_TRUE(import_test_model(model.take()).ok());
}

TEST(OnnxErrors, Names) {
  TestGraph g;
  g.input("x").node("Relu", {"x"}, {std::string("\xff\x1b[31m")}).output("y");
  expect_error(import_error(g), "is not UTF-8 text");
  EXPECT_EQ(import_error(g).find('\x1b'), std::string::npos);
  TestGraph nul;
  nul.input("x").node("Relu", {"x"}, {std::string("a\0b", 3)}).output("y");
  expect_error(import_error(nul), "is not UTF-8 text");
  TestGraph large;
  large.input("x").node("Relu", {"x"}, {std::string(1 << 20, 'a')}).output("y");
  expect_error(import_error(large), "a name of 1048576 bytes");
}

TEST(OnnxErrors, Opsets) {
  const Message graph = good().message();
  const auto with = [&](std::vector<Message> opsets) {
    Message m;
    m.integer(1, 9).message(7, graph);
    for (const Message& set : opsets) m.message(8, set);
    return m.take();
  };
  EXPECT_TRUE(import_test_model(with({opset("ai.onnx", 7)})).ok());
  EXPECT_TRUE(import_test_model(with({opset("", 28)})).ok());
  expect_error(error_of(with({})), "no opset_import");
  expect_error(error_of(with({opset("", 999)})), "opset 999 of ai.onnx is newer than the newest known one, 28");
  expect_error(error_of(with({opset("", 0)})), "version 0");
  expect_error(error_of(with({opset("", 13), opset("ai.onnx", 14)})), "imported in versions 13 and 14");
  expect_error(error_of(with({opset("other", 1)})),
               "node 'sum' (Add): the model has no opset_import for domain 'ai.onnx'");
  Message newer;
  newer.integer(1, 99).message(7, graph).message(8, opset("", 17));
  expect_error(error_of(newer.take()), "IR version 99 is newer");
}

TEST(OnnxErrors, Structure) {
  TestGraph cycle;
  cycle.input("x").node("Add", {"x", "c"}, {"b"}, {}, "one").node("Relu", {"b"}, {"c"}, {}, "two").output("c");
  expect_error(import_error(cycle),
               "the graph has a cycle: node 'one' (Add), which needs node 'two' (Relu), which needs the first");
  TestGraph loop;
  loop.input("x").node("Add", {"x", "b"}, {"b"}, {}, "one").output("b");
  expect_error(import_error(loop), "the graph has a cycle: node 'one' (Add)");
  TestGraph undefined;
  undefined.input("x").node("Relu", {"z"}, {"y"}, {}, "one").output("y");
  expect_error(import_error(undefined), "node 'one' (Relu): value 'z' is not defined");
  TestGraph duplicate;
  duplicate.input("x").node("Relu", {"x"}, {"y"}, {}, "one").node("Relu", {"x"}, {"y"}, {}, "two").output("y");
  expect_error(import_error(duplicate), "value 'y' is produced twice: by node 'one' (Relu) and by node 'two' (Relu)");
  TestGraph shadow;
  shadow.input("x").node("Relu", {"x"}, {"x"}, {}, "one").output("x");
  expect_error(import_error(shadow), "value 'x' is an input or initializer and produced by node 'one' (Relu) as well");
  TestGraph missing;
  missing.input("x").node("Relu", {"x"}, {"y"}).output("z");
  expect_error(import_error(missing), "graph output 'z': value 'z' is not defined");
  TestGraph none;
  none.input("x").node("Relu", {"x"}, {"y"});
  expect_error(import_error(none), "the graph has no outputs");
  TestGraph inputs = good();
  inputs.input("x");
  expect_error(import_error(inputs), "two graph inputs are named 'x'");
  TestGraph weights = good();
  weights.initializer("w", Tensor::scalar(1.0f));
  expect_error(import_error(weights), "two initializers are named 'w'");
  TestGraph body, g;
  body.input("i").node("Add", {"i", "nowhere"}, {"o"}, {}, "inner").output("o");
  g.input("x").node("Loop", {"x"}, {"y"}, {graph_attribute_message("body", body.message())}, "outer").output("y");
  expect_error(import_error(g),
               "node 'outer' (Loop): attribute 'body': node 'inner' (Add): value 'nowhere' is not defined");
}

TEST(OnnxErrors, UnknownOperatorsAreListedAtOnce) {
  TestGraph body, g;
  body.input("i").node("Reluu", {"i"}, {"o"}, {}, "inner").output("o");
  g.input("x").node("Reluu", {"x"}, {"a"}, {}, "first").node("Frobnicate", {"a"}, {"b"}, {}, "second", "test");
  g.node("Loop", {"b"}, {"y"}, {graph_attribute_message("body", body.message())}).output("y");
  const Result<Graph> result = import_test_model(model_message(g.message()).take());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::unsupported);
  expect_error(result.error().message, "2 operators are not supported");
  expect_error(result.error().message, "'Reluu' of ai.onnx 17 (2 nodes, first 'first'; did you mean 'Relu'?)");
  expect_error(result.error().message, "'Frobnicate' of test 1 (1 node, 'second')");
}

TEST(OnnxErrors, Attributes) {
  const auto with = [](std::vector<Message> attributes) {
    TestGraph g;
    g.input("x").node("Relu", {"x"}, {"y"}, std::move(attributes), "one").output("y");
    return import_error(g);
  };
  expect_error(with({attribute_message("axes", 1)}), "node 'one' (Relu): attribute 'axes': expected");
  expect_error(with({attribute_message("alpha", 1.0f), attribute_message("alpha", 2.0f)}),
               "attribute 'alpha' is given twice");
  Message mixed;
  mixed.bytes(1, "axes").integer(20, 7).real(2, 1.0f);
  expect_error(with({mixed}), "the type is stated as INTS, but the value is of type FLOAT");
  Message unknown;
  unknown.bytes(1, "axes").integer(20, 99);
  expect_error(with({unknown}), "unknown attribute type 99");
  Message reference;
  reference.bytes(1, "axes").integer(20, 7).bytes(21, "other");
  expect_error(with({reference}), "refers to 'other' outside of a function");
  Message nothing;
  nothing.bytes(1, "axes");
  expect_error(with({nothing}), "without type and value");
  EXPECT_EQ(with({attribute_message("alpha", 1.0f)}), "no error");
}

TEST(OnnxErrors, ArityIsChecked) {
  TestGraph g;
  g.input("x").node("Add", {"x"}, {"y"}, {}, "one").output("y");
  expect_error(import_error(g), "node 'one' (Add): expected 2 inputs, got 1");
}

TEST(OnnxErrors, ContradictingElementTypes) {
  TestGraph g;
  g.input("x").node("Relu", {"x"}, {"y"}, {}, "one").output("y", Type::tensor(DType::int64, Shape{Dim("N"), 4}));
  expect_error(import_error(g), "node 'one' (Relu): output 'y': declared as int64[N, 4] but computes float32[N, 4]");
}

TEST(OnnxErrors, NodeLimit) {
  Limits limits;
  limits.nodes = 3;
  TestGraph g;
  g.input("x");
  for (int i = 0; i < 4; ++i) g.node("Relu", {"x"}, {"y" + std::to_string(i)});
  g.output("y0");
  const Result<Graph> result = import_test_model(model_message(g.message()).take(), limits);
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::limit);
}

}  // namespace
}  // namespace minnow::onnx
