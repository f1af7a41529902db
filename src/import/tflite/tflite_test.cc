#include "import/tflite/tflite.h"

#include <gtest/gtest.h>

#include <flatbuffers/flatbuffers.h>

#include "ops/interpreter.h"
#include "tflite_generated.h"

namespace minnow {
namespace {

namespace schema = tflite::schema;
using flatbuffers::Offset;

// Writes a model tensor by tensor and operator by operator.
class Writer {
 public:
  Writer() { buffers_.push_back(schema::CreateBuffer(fb_)); }

  template <class T>
  uint32_t buffer(const std::vector<T>& values) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(values.data());
    fb_.ForceVectorAlignment(values.size() * sizeof(T), 1, 16);
    const auto data = fb_.CreateVector(bytes, values.size() * sizeof(T));
    buffers_.push_back(schema::CreateBuffer(fb_, data));
    return static_cast<uint32_t>(buffers_.size() - 1);
  }
  int32_t tensor(const std::string& name, const std::vector<int32_t>& shape,
                 schema::TensorType type = schema::TensorType_FLOAT32, uint32_t buffer = 0,
                 Offset<schema::QuantizationParameters> quantization = 0, bool variable = false,
                 Offset<schema::SparsityParameters> sparsity = 0) {
    const auto dims = fb_.CreateVector(shape);
    const auto text = fb_.CreateString(name);
    tensors_.push_back(schema::CreateTensor(fb_, dims, type, buffer, text, quantization, variable, sparsity, 0, true));
    return static_cast<int32_t>(tensors_.size() - 1);
  }
  Offset<schema::QuantizationParameters> scale(float scale, int64_t zero_point) {
    const auto scales = fb_.CreateVector(std::vector<float>{scale});
    const auto points = fb_.CreateVector(std::vector<int64_t>{zero_point});
    return schema::CreateQuantizationParameters(fb_, 0, 0, scales, points);
  }
  void add(schema::BuiltinOperator code, const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs,
           schema::BuiltinOptions kind = schema::BuiltinOptions_NONE, Offset<void> options = 0) {
    codes_.push_back(schema::CreateOperatorCode(fb_, static_cast<int8_t>(std::min<int>(code, 127)), 0, 1, code));
    const auto in = fb_.CreateVector(inputs), out = fb_.CreateVector(outputs);
    operators_.push_back(schema::CreateOperator(fb_, static_cast<uint32_t>(codes_.size() - 1), in, out, kind, options));
  }
  void end_subgraph(const std::vector<int32_t>& inputs, const std::vector<int32_t>& outputs) {
    const auto tensors = fb_.CreateVector(tensors_);
    const auto in = fb_.CreateVector(inputs), out = fb_.CreateVector(outputs);
    const auto operators = fb_.CreateVector(operators_);
    subgraphs_.push_back(schema::CreateSubGraph(fb_, tensors, in, out, operators));
    tensors_.clear();
    operators_.clear();
  }
  void metadata(const std::string& name, const std::string& text) {
    const uint32_t at = buffer(std::vector<char>(text.begin(), text.end()));
    metadata_.push_back(schema::CreateMetadata(fb_, fb_.CreateString(name), at));
  }
  using Names = std::vector<std::pair<std::string, uint32_t>>;
  void signature(const std::string& key, const Names& inputs, const Names& outputs, uint32_t subgraph) {
    const auto maps = [&](const Names& names) {
      std::vector<Offset<schema::TensorMap>> result;
      for (const auto& [name, index] : names) {
        result.push_back(schema::CreateTensorMap(fb_, fb_.CreateString(name), index));
      }
      return fb_.CreateVector(result);
    };
    const auto in = maps(inputs), out = maps(outputs);
    signatures_.push_back(schema::CreateSignatureDef(fb_, in, out, fb_.CreateString(key), subgraph));
  }
  std::string finish() {
    const auto codes = fb_.CreateVector(codes_);
    const auto subgraphs = fb_.CreateVector(subgraphs_);
    const auto buffers = fb_.CreateVector(buffers_);
    const auto metadata = fb_.CreateVector(metadata_);
    const auto signatures = fb_.CreateVector(signatures_);
    schema::FinishModelBuffer(fb_, schema::CreateModel(fb_, 3, codes, subgraphs, 0, buffers, 0, metadata, signatures));
    return {reinterpret_cast<const char*>(fb_.GetBufferPointer()), fb_.GetSize()};
  }
  flatbuffers::FlatBufferBuilder& fb() { return fb_; }

 private:
  flatbuffers::FlatBufferBuilder fb_;
  std::vector<Offset<schema::Buffer>> buffers_;
  std::vector<Offset<schema::Tensor>> tensors_;
  std::vector<Offset<schema::Operator>> operators_;
  std::vector<Offset<schema::OperatorCode>> codes_;
  std::vector<Offset<schema::SubGraph>> subgraphs_;
  std::vector<Offset<schema::Metadata>> metadata_;
  std::vector<Offset<schema::SignatureDef>> signatures_;
};

std::vector<Datum> run(const Graph& graph, std::vector<Datum> inputs, std::vector<Tensor>* states = nullptr) {
  const Result<Interpreter> interpreter = Interpreter::prepare(graph);
  if (!interpreter.ok()) {
    ADD_FAILURE() << interpreter.error().message;
    return {};
  }
  Result<std::vector<Datum>> out = interpreter->run(inputs, {}, states);
  if (!out.ok()) {
    ADD_FAILURE() << out.error().message;
    return {};
  }
  return std::move(out).value();
}

Graph import(const std::string& file) {
  Result<Graph> graph = import_tflite(Bytes::own(file), "model.tflite");
  EXPECT_TRUE(graph.ok()) << (graph.ok() ? "" : graph.error().message);
  return graph.ok() ? std::move(graph).value() : Graph();
}

// y = conv(x, w) + b with SAME padding and a fused activation, 2 x 2 pixels of one channel.
std::string conv_model() {
  Writer w;
  const int32_t x = w.tensor("x", {1, 2, 2, 1});
  const int32_t weight = w.tensor("w", {1, 2, 2, 1}, schema::TensorType_FLOAT32, w.buffer<float>({1, 2, 3, 4}));
  const int32_t bias = w.tensor("b", {1}, schema::TensorType_FLOAT32, w.buffer<float>({-20}));
  const int32_t y = w.tensor("y", {1, 2, 2, 1});
  const auto options =
      schema::CreateConv2DOptions(w.fb(), schema::Padding_SAME, 1, 1, schema::ActivationFunctionType_RELU);
  w.add(schema::BuiltinOperator_CONV_2D, {x, weight, bias}, {y}, schema::BuiltinOptions_Conv2DOptions, options.Union());
  w.end_subgraph({x}, {y});
  return w.finish();
}

TEST(TfliteTest, ConvolutionKeepsLayoutNamesAndActivation) {
  const Graph graph = import(conv_model());
  EXPECT_EQ(graph.value(graph.outputs[0]).name, "y");
  const std::vector<Datum> out = run(graph, {Tensor::of<float>({1, 2, 3, 4}, {1, 2, 2, 1})});
  ASSERT_EQ(out.size(), 1u);
  // SAME pads at the end: 1·1 + 2·2 + 3·3 + 4·4 = 30, then 2·1 + 4·3 = 14, 3·1 + 4·2 = 11, 4.
  EXPECT_EQ(to_doubles(out[0].tensor), (std::vector<double>{10, 0, 0, 0}));
}

TEST(TfliteTest, FileAtAnOddAddressIsCopied) {
  const std::string shifted = "?" + conv_model();
  const Bytes bytes = Bytes::borrow(std::as_bytes(std::span<const char>(shifted)).subspan(1));
  EXPECT_TRUE(import_tflite(bytes, "model.tflite").ok());
}

TEST(TfliteTest, SignaturesAndMetadataAreKept) {
  Writer w;
  const int32_t x = w.tensor("serving_x:0", {2}), z = w.tensor("serving_z:0", {2}), y = w.tensor("call:0", {2});
  w.add(schema::BuiltinOperator_ADD, {x, z}, {y});
  w.end_subgraph({x, z}, {y});
  w.metadata("min_runtime_version", std::string("1.5.0\0\0\0", 8));
  w.metadata("TFLITE_METADATA", "\xff\xfe");
  w.signature("serve", {{"left", 0}, {"right", 1}}, {{"sum", 2}}, 0);
  w.signature("again", {{"left", 1}}, {{"sum", 2}}, 0);
  const std::vector<std::pair<std::string, std::string>> expected{{"min_runtime_version", "1.5.0"},
                                                                  {"TFLITE_METADATA", "(binary)"},
                                                                  {"signature.serve.subgraph", "0"},
                                                                  {"signature.serve.input.left", "serving_x:0"},
                                                                  {"signature.serve.input.right", "serving_z:0"},
                                                                  {"signature.serve.output.sum", "call:0"},
                                                                  {"signature.again.subgraph", "0"},
                                                                  {"signature.again.input.left", "serving_z:0"},
                                                                  {"signature.again.output.sum", "call:0"}};
  EXPECT_EQ(import(w.finish()).metadata, expected);
}

TEST(TfliteTest, QuantizedSumComputesInRealNumbers) {
  Writer w;
  const int32_t a = w.tensor("a", {3}, schema::TensorType_INT8, 0, w.scale(0.5f, 1));
  const int32_t b = w.tensor("b", {3}, schema::TensorType_INT8, 0, w.scale(0.25f, -2));
  const int32_t y = w.tensor("y", {3}, schema::TensorType_INT8, 0, w.scale(1.0f, 3));
  w.add(schema::BuiltinOperator_ADD, {a, b}, {y}, schema::BuiltinOptions_AddOptions,
        schema::CreateAddOptions(w.fb()).Union());
  w.end_subgraph({a, b}, {y});
  const std::vector<Datum> out =
      run(import(w.finish()), {Tensor::of<int8_t>({1, 5, 127}, {3}), Tensor::of<int8_t>({-2, 6, 127}, {3})});
  ASSERT_EQ(out.size(), 1u);
  // 0 + 0 = 0; 2 + 2 = 4; 63 + 32.25 = 95.25.
  EXPECT_EQ(to_ints(out[0].tensor), (std::vector<int64_t>{3, 7, 98}));
}

TEST(TfliteTest, ZeroPointsAreCodes) {
  const auto model = [](int64_t zero_point) {
    Writer w;
    const int32_t x = w.tensor("x", {2}, schema::TensorType_INT8, 0, w.scale(0.5f, zero_point));
    const int32_t y = w.tensor("y", {2});
    w.add(schema::BuiltinOperator_DEQUANTIZE, {x}, {y});
    w.end_subgraph({x}, {y});
    return w.finish();
  };
  for (const int64_t point : {-128, 127}) {
    const std::vector<Datum> out = run(import(model(point)), {Tensor::of<int8_t>({-128, 127}, {2})});
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(to_doubles(out[0].tensor), (std::vector<double>{0.5 * double(-128 - point), 0.5 * double(127 - point)}));
  }
  for (const int64_t point : {-129, 128}) {
    const Result<Graph> graph = import_tflite(Bytes::own(model(point)), "model.tflite");
    ASSERT_FALSE(graph.ok());
    EXPECT_NE(graph.error().message.find("zero point"), std::string::npos) << graph.error().message;
  }
}

// A variable tensor's state goes from run to run: y = hidden = relu(x + hidden).
TEST(TfliteTest, VariableTensorsBecomeStates) {
  Writer w;
  const auto one = [&](const char* name, std::vector<int32_t> shape) {
    return w.tensor(name, shape, schema::TensorType_FLOAT32, w.buffer<float>({1}));
  };
  const int32_t x = w.tensor("x", {1, 1}), wx = one("wx", {1, 1}), wh = one("wh", {1, 1}), b = one("b", {1});
  const int32_t h = w.tensor("h", {1, 1}, schema::TensorType_FLOAT32, 0, 0, true), y = w.tensor("y", {1, 1});
  w.add(schema::BuiltinOperator_RNN, {x, wx, wh, b, h}, {y}, schema::BuiltinOptions_RNNOptions,
        schema::CreateRNNOptions(w.fb(), schema::ActivationFunctionType_RELU).Union());
  w.end_subgraph({x}, {y});
  const Graph graph = import(w.finish());
  ASSERT_EQ(graph.states.size(), 1u);
  std::vector<Tensor> states{graph.states[0].initial};
  for (const double expected : {3.0, 6.0, 9.0}) {
    const std::vector<Datum> out = run(graph, {Tensor::of<float>({2}, {1, 1})}, &states);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(to_doubles(out[0].tensor)[0], expected);
  }
}

// while (x < 100) x = x + x.
TEST(TfliteTest, LoopsRunTheirSubgraphs) {
  Writer w;
  const int32_t x = w.tensor("x", {1}), y = w.tensor("y", {1});
  w.add(schema::BuiltinOperator_WHILE, {x}, {y}, schema::BuiltinOptions_WhileOptions,
        schema::CreateWhileOptions(w.fb(), 1, 2).Union());
  w.end_subgraph({x}, {y});
  const int32_t v = w.tensor("v", {1});
  const int32_t limit = w.tensor("limit", {1}, schema::TensorType_FLOAT32, w.buffer<float>({100}));
  const int32_t less = w.tensor("less", {1}, schema::TensorType_BOOL);
  w.add(schema::BuiltinOperator_LESS, {v, limit}, {less});
  w.end_subgraph({v}, {less});
  const int32_t u = w.tensor("u", {1}), twice = w.tensor("twice", {1});
  w.add(schema::BuiltinOperator_ADD, {u, u}, {twice});
  w.end_subgraph({u}, {twice});
  const std::vector<Datum> out = run(import(w.finish()), {Tensor::of<float>({3}, {1})});
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(to_doubles(out[0].tensor)[0], 192);
}

TEST(TfliteTest, VariablesWithHandlesKeepWhatIsAssigned) {
  Writer w;
  const auto name = w.fb().CreateString("count");
  const int32_t handle = w.tensor("handle", {}, schema::TensorType_RESOURCE), before = w.tensor("before", {1});
  const int32_t x = w.tensor("x", {1}), after = w.tensor("after", {1});
  w.add(schema::BuiltinOperator_VAR_HANDLE, {}, {handle}, schema::BuiltinOptions_VarHandleOptions,
        schema::CreateVarHandleOptions(w.fb(), 0, name).Union());
  w.add(schema::BuiltinOperator_READ_VARIABLE, {handle}, {before});
  w.add(schema::BuiltinOperator_ADD, {before, x}, {after});
  w.add(schema::BuiltinOperator_ASSIGN_VARIABLE, {handle, after}, {});
  w.end_subgraph({x}, {after});
  const Graph graph = import(w.finish());
  ASSERT_EQ(graph.states.size(), 1u);
  EXPECT_EQ(graph.states[0].name, "count");
  std::vector<Tensor> states{graph.states[0].initial};
  for (const double expected : {2.0, 4.0}) {
    const std::vector<Datum> out = run(graph, {Tensor::of<float>({2}, {1})}, &states);
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(to_doubles(out[0].tensor)[0], expected);
  }
}

// A 2 x 3 matrix with the entries 5 at (0, 2) and 7 at (1, 0): rows dense, columns compressed.
TEST(TfliteTest, SparseConstantsBecomeDense) {
  for (const bool damaged : {false, true}) {
    Writer w;
    auto& fb = w.fb();
    const auto list = [&](const std::vector<int32_t>& values) {
      return schema::CreateInt32Vector(fb, fb.CreateVector(values)).Union();
    };
    const auto rows = schema::CreateDimensionMetadata(fb, schema::DimensionType_DENSE, 2);
    const auto segments = list({0, 1, 2}), places = list({2, damaged ? 3 : 0});
    const auto columns =
        schema::CreateDimensionMetadata(fb, schema::DimensionType_SPARSE_CSR, 0, schema::SparseIndexVector_Int32Vector,
                                        segments, schema::SparseIndexVector_Int32Vector, places);
    const auto order = fb.CreateVector(std::vector<int32_t>{0, 1});
    const auto levels = fb.CreateVector(std::vector<Offset<schema::DimensionMetadata>>{rows, columns});
    const auto sparsity = schema::CreateSparsityParameters(fb, order, 0, levels);
    const int32_t x = w.tensor("x", {2, 3}), y = w.tensor("y", {2, 3});
    const int32_t sparse =
        w.tensor("w", {2, 3}, schema::TensorType_FLOAT32, w.buffer<float>({5, 7}), 0, false, sparsity);
    w.add(schema::BuiltinOperator_ADD, {x, sparse}, {y});
    w.end_subgraph({x}, {y});
    const std::string file = w.finish();
    if (damaged) {
      const Result<Graph> graph = import_tflite(Bytes::own(file), "model.tflite");
      ASSERT_FALSE(graph.ok());
      EXPECT_NE(graph.error().message.find("index 3"), std::string::npos) << graph.error().message;
      continue;
    }
    const std::vector<Datum> out = run(import(file), {Tensor::of<float>({0, 0, 0, 0, 0, 0}, {2, 3})});
    ASSERT_EQ(out.size(), 1u);
    EXPECT_EQ(to_doubles(out[0].tensor), (std::vector<double>{0, 0, 5, 7, 0, 0}));
  }
}

TEST(TfliteTest, UnknownOperatorsAreListedTogether) {
  Writer w;
  const int32_t x = w.tensor("x", {1}), y = w.tensor("y", {1}), z = w.tensor("z", {1});
  w.add(schema::BuiltinOperator_SKIP_GRAM, {x}, {y});
  w.add(schema::BuiltinOperator_LSH_PROJECTION, {y}, {z});
  w.end_subgraph({x}, {z});
  const Result<Graph> graph = import_tflite(Bytes::own(w.finish()), "model.tflite");
  ASSERT_FALSE(graph.ok());
  EXPECT_EQ(graph.error().code, ErrorCode::unsupported);
  EXPECT_NE(graph.error().message.find("SKIP_GRAM"), std::string::npos);
  EXPECT_NE(graph.error().message.find("LSH_PROJECTION"), std::string::npos);
}

}  // namespace
}  // namespace minnow
