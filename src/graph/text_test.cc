#include "graph/text.h"

#include <cmath>
#include <cstring>

#include <gtest/gtest.h>

#include "graph/tensor_equal.h"

namespace minnow {
namespace {

// Equality up to the numbering of values, which the text form does not keep.
bool same_graph(const Graph& a, const Graph& b);

bool same_attribute(const Attribute& a, const Attribute& b) {
  if (a.kind() != b.kind()) return false;
  if (a.kind() == AttributeKind::graph) return same_graph(**a.get<GraphRef>(), **b.get<GraphRef>());
  if (a.kind() == AttributeKind::graphs) {
    const auto &x = *a.get<std::vector<GraphRef>>(), &y = *b.get<std::vector<GraphRef>>();
    return std::equal(x.begin(), x.end(), y.begin(), y.end(), [](auto& g, auto& h) { return same_graph(*g, *h); });
  }
  return a == b;
}

std::vector<std::string> names(const Graph& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> out;
  for (ValueId id : ids) out.push_back(id == kNoValue ? "" : graph.value(id).name);
  return out;
}

bool same_node(const Graph& a, const Node& x, const Graph& b, const Node& y) {
  const bool same_attributes =
      std::equal(x.attributes.begin(), x.attributes.end(), y.attributes.begin(), y.attributes.end(),
                 [](auto& p, auto& q) { return p.name == q.name && same_attribute(p.value, q.value); });
  return x.op == y.op && x.name == y.name && names(a, x.inputs) == names(b, y.inputs) &&
         names(a, x.outputs) == names(b, y.outputs) && same_attributes;
}

bool same_graph(const Graph& a, const Graph& b) {
  if (a.name != b.name || a.metadata != b.metadata || a.values.size() != b.values.size()) return false;
  if (names(a, a.inputs) != names(b, b.inputs) || names(a, a.outputs) != names(b, b.outputs)) return false;
  for (const Value& value : a.values) {
    const ValueId other = b.find_value(value.name);
    if (other == kNoValue || !(value.type == b.value(other).type)) return false;
    if (!same_bits(value.constant, b.value(other).constant)) return false;
  }
  const bool same_states = std::equal(a.states.begin(), a.states.end(), b.states.begin(), b.states.end(),
                                      [&](const State& s, const State& t) {
                                        return s.name == t.name && names(a, {s.in, s.out}) == names(b, {t.in, t.out}) &&
                                               same_bits(s.initial, t.initial);
                                      });
  return same_states && std::equal(a.nodes.begin(), a.nodes.end(), b.nodes.begin(), b.nodes.end(),
                                   [&](const Node& x, const Node& y) { return same_node(a, x, b, y); });
}

void expect_round_trip(const Graph& graph) {
  const Status valid = verify_graph(graph);
  ASSERT_TRUE(valid.ok()) << valid.error().message;
  const std::string text = print_graph(graph);
  const Result<Graph> parsed = parse_graph(text, "graph.mng");
  ASSERT_TRUE(parsed.ok()) << parsed.error().message << "\n" << text;
  EXPECT_TRUE(same_graph(graph, *parsed)) << text;
  EXPECT_EQ(print_graph(*parsed), text);
}

Graph graph_with_constant(Tensor tensor) {
  Graph graph;
  graph.outputs.push_back(graph.add_value({"c", {}, std::move(tensor)}));
  return graph;
}

std::string error_of(std::string_view text, const Limits& limits = {}) {
  const Result<Graph> parsed = parse_graph(text, "g.mng", limits);
  return parsed.ok() ? "" : parsed.error().message;
}

constexpr std::string_view kExample = R"(minnow graph 1
name "classifier"
metadata "producer" = "a \"test\"\n"
input %x: float32[batch, 3, ?, 32]
input %"odd:name"
const %w: float32[a=2, ?] = float32[2, 2](1, -0, 0.5, 1e-45)
const %n: ? = int64[](-9223372036854775808)
state "count" %count = int64[](0)
%y: float32[batch, 8, 30, 30] = conv(%x, %w, _) {strides=[1, 1], alpha=1.0, auto_pad="NOTSET"} @"conv_1"
(%/top/0: sequence(float32[...]), _) = topk(%y, %"odd:name") {axis=-1}
() = "odd op"()
%"": optional(?) = f(_, %count)
update "count" = %count
output %/top/0
)";

TEST(Text, PrintsWhatItReads) {
  std::string text(kExample);
  text.replace(text.find("%\"\""), 3, "%z");
  const Result<Graph> graph = parse_graph(text, "example.mng");
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  EXPECT_EQ(print_graph(*graph), text);
  expect_round_trip(*graph);
}

TEST(Text, EmptyGraph) { expect_round_trip(Graph{}); }

TEST(Text, IgnoresLayoutAndComments) {
  const Result<Graph> graph = parse_graph("# a comment\n minnow graph 1 input %x # x\n%y=relu(\n%x)output %y", "g");
  ASSERT_TRUE(graph.ok()) << graph.error().message;
  EXPECT_EQ(print_graph(*graph), "minnow graph 1\ninput %x\n%y = relu(%x)\noutput %y\n");
}

Graph subgraph(std::string name) {
  Graph graph;
  graph.name = std::move(name);
  const ValueId x = graph.add_value({"x", Type::tensor(DType::float32, {Dim("N")}), {}});
  const ValueId y = graph.add_value({"y", {}, {}});
  graph.inputs = {x};
  graph.nodes.push_back({"relu", "r", {x}, {y}, {}});
  graph.outputs = {y};
  return graph;
}

TEST(Text, EveryAttributeKind) {
  const auto inner = std::make_shared<const Graph>(subgraph("then"));
  Graph middle = subgraph("loop");
  middle.nodes[0].attributes.set("body", inner);
  const auto nested = std::make_shared<const Graph>(std::move(middle));
  const Tensor tensor = Tensor::of<float>({1.5f, -2.0f}, {2});
  const Tensor half = *convert_dtype(tensor, DType::float16);
  float quiet_nan_with_payload = 0;
  const uint32_t bits = 0x7fc00123;
  std::memcpy(&quiet_nan_with_payload, &bits, sizeof(bits));

  Graph graph;
  graph.nodes.push_back({"f",
                         "",
                         {},
                         {},
                         {{"none", Attribute()},
                          {"integer", int64_t{-5}},
                          {"real", 1.0f},
                          {"small", 1e-45f},
                          {"text", "a\xff\"\\\n\tb\x1b"},
                          {"tensor", tensor},
                          {"graph", nested},
                          {"integers", Ints{1, INT64_MIN, INT64_MAX}},
                          {"reals", Floats{1, -0.0f, 3.4e38f, INFINITY, -INFINITY, NAN, quiet_nan_with_payload}},
                          {"texts", Strings{"", "ü", "\xc2\x9b"}},
                          {"tensors", std::vector<Tensor>{tensor, half}},
                          {"graphs", std::vector<GraphRef>{inner, nested}},
                          {"no_integers", Ints{}},
                          {"no_reals", Floats{}},
                          {"no_texts", Strings{}},
                          {"no_tensors", std::vector<Tensor>{}},
                          {"no_graphs", std::vector<GraphRef>{}},
                          {"no tensor", Tensor()}}});
  expect_round_trip(graph);
}

// Bit patterns of every type, few (as numbers) and many (base64).
void expect_patterns_round_trip(DType dtype) {
  const int bits = file_bits(dtype);
  for (int64_t count : {1, 7, 32, 33, 100}) {
    for (uint32_t start = 0; start < (bits <= 8 ? 1u << bits : 5000u); start += static_cast<uint32_t>(count)) {
      Tensor tensor = *Tensor::allocate(dtype, {count});
      auto* bytes = tensor.mutable_data<uint8_t>();
      uint64_t pattern = uint64_t{start} * 0x9E3779B97F4A7C15u;
      for (int64_t i = 0; i < tensor.bytes(); ++i) {
        pattern = pattern * 6364136223846793005u + 1442695040888963407u;
        const uint64_t narrow = (start + static_cast<uint64_t>(i)) & ((1u << (bits & 7)) - 1);
        bytes[i] = static_cast<uint8_t>(bits < 8 ? narrow : pattern >> 56);
        if (bits < 8 && is_signed_integer(dtype) && (bytes[i] >> (bits - 1)) != 0) {
          bytes[i] = static_cast<uint8_t>(bytes[i] | (0xFF << bits));
        }
        if (dtype == DType::boolean) bytes[i] &= 1;
      }
      const Graph graph = graph_with_constant(tensor);
      const Result<Graph> parsed = parse_graph(print_graph(graph), "g");
      ASSERT_TRUE(parsed.ok()) << to_string(dtype) << ": " << parsed.error().message;
      ASSERT_TRUE(same_graph(graph, *parsed)) << print_graph(graph);
    }
  }
}

TEST(Text, EveryDtypeKeepsItsBits) {
  for (int i = 1; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (dtype != DType::string) expect_patterns_round_trip(dtype);
  }
}

TEST(Text, EveryPatternOfNarrowFloatsKeepsItsBits) {
  for (int i = 1; i < kDTypeCount; ++i) {
    const auto dtype = static_cast<DType>(i);
    if (!is_narrow_float(dtype)) continue;
    for (uint32_t pattern = 0; pattern<1u << file_bits(dtype); pattern += file_bits(dtype)> 8 ? 7 : 1) {
      Tensor tensor = *Tensor::allocate(dtype, {});
      std::memcpy(tensor.mutable_data<std::byte>(), &pattern, element_bytes(dtype));
      const Graph graph = graph_with_constant(tensor);
      const Result<Graph> parsed = parse_graph(print_graph(graph), "g");
      ASSERT_TRUE(parsed.ok()) << to_string(dtype) << " " << pattern << ": " << parsed.error().message;
      ASSERT_TRUE(same_graph(graph, *parsed)) << print_graph(graph);
    }
  }
}

TEST(Text, SpecialNumbers) {
  const double largest = 1.7976931348623157e308;
  expect_round_trip(graph_with_constant(Tensor::of<double>({5e-324, -0.0, largest, 0.1, NAN, -INFINITY}, {6})));
  expect_round_trip(graph_with_constant(Tensor::of<uint64_t>({0, UINT64_MAX}, {2})));
  expect_round_trip(graph_with_constant(Tensor::of<int64_t>({INT64_MIN, INT64_MAX}, {2, 1})));
  expect_round_trip(
      graph_with_constant(Tensor::of_strings({"", "a\nb", std::string("\0x", 2), "\xf0\x9f\x90\x9f"}, {2, 2})));
  expect_round_trip(graph_with_constant(*Tensor::allocate(DType::float32, {0, 3})));
  expect_round_trip(graph_with_constant(Tensor::of_strings({}, {0})));
}

TEST(Text, LeavesOutLargeConstantsOnRequest) {
  const Graph graph = graph_with_constant(Tensor::of<float>({1, 2, 3}, {3}));
  TextOptions options;
  options.max_constant_elements = 2;
  const std::string text = print_graph(graph, options);
  EXPECT_EQ(text, "minnow graph 1\nconst %c = float32[3] ...\noutput %c\n");
  EXPECT_EQ(error_of(text),
            "g.mng:2:23: the data of this tensor were left out when the text was printed; print it with all data");
}

TEST(Text, PrintsBrokenGraphs) {
  Graph graph;
  graph.outputs = {7, kNoValue};
  EXPECT_EQ(print_graph(graph), "minnow graph 1\noutput %\"no value 7\"\noutput _\n");
}

TEST(Text, ErrorsNamePlaceAndCause) {
  const std::string head = "minnow graph 1\n";
  const std::pair<std::string, std::string> cases[] = {
      {"", "g.mng:1:1: expected the first line 'minnow graph 1', got the end of the text"},
      {"minnow graph 2", "g.mng:1:14: version '2' of the text form; this program reads version 1"},
      {head + "inputs %x", "g.mng:2:1: expected a statement"},
      {head + "input x", "g.mng:2:7: expected a value such as %x, got 'x'"},
      {head + "input %x\ninput %x", "g.mng:3:7: value 'x' is defined twice"},
      {head + "output %x", "g.mng:2:8: value 'x' is not defined above"},
      {head + "%y = f(%z)", "g.mng:2:8: value 'z' is not defined above"},
      {head + "%y = f(%y)", "g.mng: node (f): input 'y' is not produced before it is used"},
      {head + "%y = f() {a=graph{output %q}}", "a subgraph sees only its own values"},
      {head + "%y = f() {a=1, a=2}", "g.mng:2:16: attribute 'a' is given twice"},
      {head + "%y = f() {a=[1, 2.0]}", "g.mng:2:17: a list holds elements of one kind"},
      {head + "%y = f() {a=[]}", "an empty list is written integers[]"},
      {head + "%y = f() {a=[[1]]}", "g.mng:2:14: expected an element that is not itself a list"},
      {head + "%y = f() {a=9223372036854775808}", "does not fit a 64-bit integer"},
      {head + "%y = f() {a=1e39}", "g.mng:2:13: '1e39' does not fit float32"},
      {head + "%y = f() {a=0x10}", "expected a number, got '0x10'"},
      {head + "%y = f() {a=later}", "g.mng:2:13: expected an attribute value"},
      {head + "const %c = float33[1](0)", "g.mng:2:12: expected a type such as float32[N, 3], got 'float33'"},
      {head + "const %c = float32[N](0)", "a tensor needs an element type and sizes, got float32[N]"},
      {head + "const %c = float32[2](0)", "g.mng:2:24: the type asks for 2 numbers, got 1"},
      {head + "const %c = float32[1](0, 1)", "expected ')' after 1 numbers, got ','"},
      {head + "const %c = float32[-1](0)", "expected a dimension: a size, a name or ?, got '-1'"},
      {head + "const %c = int8[1](128)", "g.mng:2:20: '128' does not fit int8"},
      {head + "const %c = uint8[1](-1)", "'-1' does not fit uint8"},
      {head + "const %c = uint4[1](16)", "'16' does not fit uint4"},
      {head + "const %c = int4[1](-9)", "'-9' does not fit int4"},
      {head + "const %c = boolean[1](2)", "expected true or false, got '2'"},
      {head + "const %c = int32[1](bits(0x1))", "bits"},
      {head + "const %c = float16[1](bits(0x12345))", "'0x12345' has more than the 16 bits of float16"},
      {head + "const %c = float32[1] base64 \"AAAA\"", "the type asks for 4 bytes, the base64 data hold 3"},
      {head + "const %c = float32[1] base64 \"A*\"", "g.mng:2:30: the base64 data are malformed"},
      {head + "const %c = boolean[3] base64 \"AQID\"", "the base64 data hold 2, which is not a boolean"},
      {head + "const %c = string[1] base64 \"AQID\"", "strings are written in parentheses"},
      {head + "const %c = string[1](1)", "expected a string in quotes, got '1'"},
      {head + "const %c = float32[4611686018427387904, 4](0)", "has more than 2^63 elements"},
      {head + "const %c = float32[1000000000000](0)", "asks for 1000000000000 elements, more than the text holds"},
      {head + "const %c: int8[1] = float32[1](0)", "constant 'c' is declared int8[1], but holds float32[1]"},
      {head + "const %c = undefined", "g.mng:2:12: a constant or state cannot be undefined"},
      {head + "state \"s\" %c = float32[](0)", "state 's' has no update"},
      {head + "update \"s\" = %c", "g.mng:2:8: state 's' is not defined above"},
      {head + "name \"a\nb\"", "g.mng:2:6: a string has no closing quote on its line"},
      {head + "name \"\\q\"", "g.mng:2:7: unknown escape in a string"},
      {head + "name \"\\x1\"", "unknown escape in a string"},
      {head + "input %x: float32[2", "g.mng:2:20: expected ',', got the end of the text"},
      {head + "input %\"\"", "g.mng:2:7: the name of a value is empty"},
      {head + "\x01", "g.mng:2:1: unexpected character '\\x01'"},
      {head + "}", "g.mng:2:1: expected a statement, got '}'"},
  };
  for (const auto& [text, cause] : cases) {
    EXPECT_NE(error_of(text).find(cause), std::string::npos) << text << "\n" << error_of(text);
  }
}

TEST(Text, LimitsHold) {
  std::string deep_graphs = "minnow graph 1\n", deep_type = "minnow graph 1\ninput %x: ";
  for (int i = 0; i < 100000; ++i) deep_graphs += "()=f(){g=graph{", deep_type += "sequence(";
  EXPECT_NE(error_of(deep_graphs).find("subgraphs are nested deeper than 64 levels"), std::string::npos);
  EXPECT_NE(error_of(deep_type).find("types are nested deeper than 64 levels"), std::string::npos);
  Limits limits;
  limits.nodes = 2;
  limits.bytes = 10;
  EXPECT_EQ(error_of("minnow graph 1 ()=f() ()=f()", limits), "");
  EXPECT_EQ(error_of("minnow graph 1 ()=f() ()=f() ()=f()", limits),
            "g.mng:1:30: the graph has more than the limit of 2 nodes");
  const std::string large = error_of("minnow graph 1 const %a=float32[2](1,2) const %b=float32[1](1)", limits);
  EXPECT_NE(large.find("limit of 10 bytes"), std::string::npos) << large;
}

TEST(Text, TruncationsNeverCrash) {
  const std::string text(kExample);
  for (size_t size = 0; size < text.size(); ++size) (void)parse_graph(std::string_view(text).substr(0, size), "g");
  for (size_t i = 0; i < text.size(); ++i) {
    for (char c : {'"', '%', '(', ')', '{', '[', '\\', '_', '-', '9', '\0', '\xff'}) {
      std::string changed = text;
      changed[i] = c;
      const Result<Graph> parsed = parse_graph(changed, "g");
      // What is accepted must print and parse again.
      if (parsed.ok()) expect_round_trip(*parsed);
    }
  }
}

}  // namespace
}  // namespace minnow
