// Every kernel row against the reference in float64, over the operators' cases, random shapes and tails, on every
// instruction set of this machine, with one thread and with three.
#include "lower/provider.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "ops/cases.h"

namespace minnow {
namespace {

std::vector<Isa> available_isas() {
  std::vector<Isa> list;
  for (Isa isa : kIsas) {
    if (isa_available(isa)) list.push_back(isa);
  }
  return list;
}

Result<Datum> in_double(const Datum& datum) {
  if (!datum.present() || datum.tensor.dtype() != DType::float32) return datum;
  MN_ASSIGN(Tensor wide, convert_dtype(datum.tensor, DType::float64));
  return Datum(std::move(wide));
}

Node node_of(std::string_view op, size_t inputs, const Attributes& attributes) {
  Node node{std::string(op), "", {}, {0}, attributes};
  for (size_t i = 0; i < inputs; ++i) node.inputs.push_back(static_cast<ValueId>(i));
  return node;
}

// The first element that is further off than absolute + relative * |expected|, or "". NaN equals NaN.
std::string first_difference(const Tensor& actual, const Tensor& expected, double relative, double absolute) {
  const std::vector<double> a = to_doubles(actual), b = to_doubles(expected);
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    if (!(std::abs(a[i] - b[i]) <= absolute + relative * std::abs(b[i]))) {
      return concat({"element ", i, ": got ", a[i], ", expected ", b[i]});
    }
  }
  return "";
}

// Rounding errors of a sum of `depth` products of values in [-1, 1] grow with the depth: depth * 2^-24 bounds them
// amply. False where no kernel takes the problem.
bool has_checked_kernel(std::string_view op_name, const std::vector<Datum>& inputs, const Attributes& attributes,
                        int64_t depth, std::string_view note, int output_count = 1) {
  const OpDef* op = Registry::builtin().find(op_name);
  std::vector<Datum> wide, expected;
  for (const Datum& input : inputs) {
    auto converted = in_double(input);
    wide.push_back(converted.ok() ? *converted : Datum());
  }
  auto results = op != nullptr ? evaluate(op_name, wide, attributes, output_count) : Result<std::vector<Datum>>(wide);
  if (op == nullptr || !results.ok()) {
    ADD_FAILURE() << op_name << " " << note;
    return false;
  }
  const Node node = node_of(op_name, inputs.size(), attributes);
  ThreadPool three(3);
  for (Isa isa : available_isas()) {
    for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &three}) {
      std::vector<Datum> outputs;
      for (const Datum& result : *results) {
        auto tensor = Tensor::allocate(DType::float32, result.tensor.dims());
        std::fill_n(tensor->mutable_data<float>(), tensor->size(), std::numeric_limits<float>::quiet_NaN());
        outputs.emplace_back(std::move(tensor).value());
      }
      auto done =
          make_kernel_provider(isa)->run(*op, node, inputs, outputs, std::make_shared<Budget>(Limits{}), threads);
      EXPECT_TRUE(done.ok()) << op_name << " " << note;
      if (!done.ok() || !*done) return false;
      for (size_t i = 0; i < outputs.size(); ++i) {
        auto rounded = convert_dtype((*results)[i].tensor, DType::float32);
        EXPECT_EQ(first_difference(outputs[i].tensor, *rounded, 1e-6, static_cast<double>(depth) * 0x1p-24), "")
            << op_name << " " << note << " on " << to_string(isa);
      }
    }
  }
  return true;
}

void check_kernel(std::string_view op, const std::vector<Datum>& inputs, const Attributes& attributes, int64_t depth,
                  std::string_view note, int outputs = 1) {
  EXPECT_TRUE(has_checked_kernel(op, inputs, attributes, depth, note, outputs)) << op << " " << note << ": no kernel";
}

Datum random(Dims dims, uint64_t seed) { return Datum(random_tensor(DType::float32, std::move(dims), seed)); }

bool in_float32(const Case& test_case) {
  const Datum& first = test_case.inputs[0];
  return first.present() && first.tensor.dtype() == DType::float32 && first.tensor.size() > 0;
}

TEST(Kernels, CasesOfTheOperators) {
  for (const KernelRow& row : kernel_rows()) {
    if (row.isa != Isa::generic) continue;
    const OpDef* op = Registry::builtin().find(row.op);
    ASSERT_NE(op, nullptr) << row.op;
    ASSERT_NE(op->cases, nullptr) << row.op;
    int checked = 0;
    const std::vector<Case> cases = op->cases();
    if (std::none_of(cases.begin(), cases.end(), in_float32)) continue;  // code_kernels_test.cc
    for (const Case& test_case : cases) {
      if (!in_float32(test_case)) continue;
      checked +=
          has_checked_kernel(row.op, test_case.inputs, test_case.attributes, 1000, test_case.note, test_case.outputs);
    }
    // Their cases are about other forms; other tests here have the kernels', integer_kernels_test.cc those on codes.
    const bool on_codes = row.op.find("integer") != row.op.npos || row.op.find("quantize") != row.op.npos;
    const bool elsewhere = row.op == "swish" || row.op == "max" || row.op == "min" || on_codes;
    EXPECT_TRUE(checked > 0 || elsewhere) << row.op;
  }
}

TEST(Kernels, FormsOutsideTheCases) { check_kernel("swish", {random({5, 7}, 1)}, {}, 4, "alpha 1"); }

TEST(Kernels, Resize) {
  const auto scales = [](const std::vector<float>& values) {
    return Datum(Tensor::of<float>(values, {static_cast<int64_t>(values.size())}));
  };
  uint64_t seed = 1;
  const std::vector<float> factors[] = {
      {1, 1, 2, 2}, {1, 1, 3, 1}, {1, 1, 0.5f, 1.7f}, {1, 2, 3, 1}, {1, 0.7f, 1.5f, 1}};
  for (const char* mode : {"nearest", "linear"}) {
    for (const char* coordinates : {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                                    "asymmetric", "tf_half_pixel_for_nn"}) {
      for (const auto& factor : factors) {
        for (const char* nearest : {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}) {
          if (mode[0] == 'l' && nearest[0] != 'f') continue;
          const Attributes attributes{
              {"mode", mode}, {"coordinate_transformation_mode", coordinates}, {"nearest_mode", nearest}};
          const std::string note = concat({mode, " ", coordinates, " ", nearest});
          check_kernel("resize", {random({2, 5, 7, 9}, ++seed), Datum(), scales(factor)}, attributes, 8, note);
        }
      }
      const Attributes attributes{{"mode", mode}, {"coordinate_transformation_mode", coordinates}};
      check_kernel("resize",
                   {random({1, 6, 5, 37}, ++seed), Datum(), Datum(), Datum(Tensor::of_ints(Ints{1, 13, 4, 37}))},
                   attributes, 8, "sizes");
      check_kernel("resize", {random({3, 11}, ++seed), Datum(), Datum(), Datum(Tensor::of_ints(Ints{3, 25}))},
                   attributes, 8, "one axis");
    }
  }
}

TEST(Kernels, RowsAndAxes) {
  uint64_t seed = 1;
  for (int64_t n : {1, 3, 4, 7, 16, 33, 100}) {
    check_kernel("softmax", {random({3, n}, ++seed)}, {}, 4, concat({n}));
    check_kernel("layer_normalization", {random({2, 3, n}, ++seed), random({n}, ++seed), random({n}, ++seed)}, {}, 2000,
                 concat({n}));
    check_kernel("softmax", {random({3, n, 21}, ++seed)}, {{"axis", 1}}, 4, concat({n}));
    check_kernel("softmax", {random({n, 2, 3}, ++seed)}, {{"axis", 0}}, 4, concat({n}));
    for (const char* op : {"reduce_mean", "reduce_sum", "reduce_max", "reduce_min"}) {
      for (const Ints& axes : {Ints{-1}, Ints{0}, Ints{1, 2}, Ints{0, 1}, Ints{0, 1, 2}}) {
        check_kernel(op, {random({3, 5, n}, ++seed), Datum(Tensor::of_ints(axes))}, {}, 15 * n, concat({n}));
      }
    }
    check_kernel("global_average_pool", {random({2, 3, n, 5}, ++seed)}, {}, 5 * n, concat({n}));
    check_kernel("global_max_pool", {random({2, 3, 5, n}, ++seed)}, {{"data_layout", "NHWC"}}, 0, concat({n}));
  }
}

TEST(Kernels, Pools) {
  uint64_t seed = 1;
  for (const char* layout : {"NCHW", "NHWC"}) {
    for (int64_t kernel : {1, 2, 3, 5}) {
      for (int64_t stride : {1, 2, 3}) {
        for (int64_t pad : {int64_t{0}, kernel / 2}) {
          Attributes attributes{{"kernel_shape", Ints{kernel, kernel}},
                                {"strides", Ints{stride, stride}},
                                {"pads", Ints{pad, pad, pad, pad}},
                                {"data_layout", layout}};
          const std::string note = concat({layout, " ", kernel, " ", stride, " ", pad});
          for (int64_t channels : {3, 19, 43}) {
            const Dims dims = layout[1] == 'C' ? Dims{2, channels, 11, 19} : Dims{2, 11, 13, channels};
            const std::vector<Datum> inputs{random(dims, ++seed)};
            attributes.set("count_include_pad", 0);
            check_kernel("average_pool", inputs, attributes, 25, note);
            attributes.set("count_include_pad", 1);
            check_kernel("average_pool", inputs, attributes, 25, note);
            attributes.set("ceil_mode", 1);
            check_kernel("average_pool", inputs, attributes, 25, note);
            attributes.set("ceil_mode", 0);
            attributes.erase("count_include_pad");
            check_kernel("max_pool", inputs, attributes, 0, note);
          }
        }
      }
    }
    const Attributes uneven{{"kernel_shape", Ints{2, 3}}, {"strides", Ints{1, 2}}, {"pads", Ints{1, 0, 0, 2}},
                            {"dilations", Ints{2, 1}},    {"data_layout", layout}, {"ceil_mode", 1}};
    check_kernel("max_pool", {random({1, 9, 10, 21}, ++seed)}, uneven, 0, concat({layout, " uneven"}));
    check_kernel("average_pool", {random({1, 9, 10, 21}, ++seed)}, uneven, 6, concat({layout, " uneven"}));
    check_kernel("max_pool", {random({2, 9, 21}, ++seed)}, {{"kernel_shape", Ints{4}}, {"data_layout", layout}}, 0,
                 concat({layout, " 1-D"}));
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_kernel("max_pool", {Datum(Tensor::of<float>({1, nan, 2, 3, nan, 1, 2, 3, 5, 6, 7, nan}, {1, 4, 3, 1}))},
               {{"kernel_shape", Ints{2, 2}}, {"data_layout", "NHWC"}}, 0, "NaN");
}

TEST(Kernels, Moves) {
  uint64_t seed = 1;
  for (const Ints& perm : {Ints{0, 2, 1, 3}, Ints{0, 2, 3, 1}, Ints{3, 2, 1, 0}, Ints{0, 1, 3, 2}, Ints{2, 3, 0, 1}}) {
    check_kernel("transpose", {random({2, 17, 19, 33}, ++seed)}, {{"perm", perm}}, 0, to_string(perm));
    check_kernel("transpose", {random({1, 3, 1, 40}, ++seed)}, {{"perm", perm}}, 0, to_string(perm));
  }
  const auto ints = [](const Ints& values) { return Datum(Tensor::of_ints(values)); };
  check_kernel("slice", {random({5, 6, 7}, 1), ints({-1, 1, 0}), ints({-100, 5, 7}), ints({2, 0, 1}), ints({-2, 2, 1})},
               {}, 0, "steps");
  check_kernel("slice", {random({5, 60}, 1), ints({3}), ints({50}), ints({-1})}, {}, 0, "columns");
  check_kernel("pad", {random({3, 4, 5}, 1), ints({1, 0, 2, 0, 3, 1}), Datum(Tensor::scalar<float>(-2.5f))}, {}, 0,
               "pad");
  check_kernel("pad", {random({3, 4, 5}, 1), ints({2, 1, 0, 3}), Datum(), ints({-1, 0})}, {}, 0, "pad two axes");
  check_kernel("expand", {random({5, 1, 7}, 1), ints({2, 5, 3, 7})}, {}, 0, "middle");
  check_kernel("split", {random({5, 6, 7}, 1), ints({1, 3, 2})}, {{"axis", 1}}, 0, "three", 3);
}

TEST(Kernels, Gather) {
  const auto ids = [](const std::vector<int64_t>& values, Dims dims) {
    return Datum(Tensor::of<int64_t>(values, dims));
  };
  check_kernel("gather", {random({7, 5}, 1), ids({0, -1, 3, 6, -7, 2}, {2, 3})}, {{"axis", 0}}, 0, "rows");
  check_kernel("gather", {random({3, 7, 5}, 1), Datum(Tensor::of<int32_t>({6, 0, -2}, {3}))}, {{"axis", 1}}, 0,
               "middle");
  check_kernel("gather", {random({3, 5, 7}, 1), ids({4}, {})}, {{"axis", -1}}, 0, "one of the last axis");
}

TEST(Kernels, IndicesOutOfRangeAreLeftToTheReference) {
  const OpDef* op = Registry::builtin().find("gather");
  for (int64_t index : {int64_t{7}, int64_t{-8}, std::numeric_limits<int64_t>::min()}) {
    const std::vector<Datum> inputs{random({7, 5}, 1), Datum(Tensor::of_ints(Ints{0, index}))};
    std::vector<Datum> outputs{random({2, 5}, 2)};
    const auto done = make_kernel_provider()->run(*op, node_of("gather", 2, {}), inputs, outputs,
                                                  std::make_shared<Budget>(Limits{}), nullptr);
    ASSERT_TRUE(done.ok());
    EXPECT_FALSE(*done);
  }
}

TEST(Kernels, Attention) {
  uint64_t seed = 1;
  for (const auto& [queries, keys] : {std::pair<int64_t, int64_t>{1, 9}, {7, 7}, {200, 33}, {150, 150}, {30, 2100}}) {
    for (int64_t causal : {0, 1}) {
      const Attributes attributes{{"is_causal", causal}, {"scale", 0.5f}};
      const std::string note = concat({queries, " queries, ", keys, " keys, causal ", causal});
      check_kernel(
          "attention",
          {random({2, 4, queries, 8}, ++seed), random({2, 2, keys, 8}, ++seed), random({2, 2, keys, 5}, ++seed)},
          attributes, 100, note);
      Attributes packed = attributes;
      packed.set("q_num_heads", 3);
      packed.set("kv_num_heads", 3);
      const std::vector<Datum> operands{random({2, queries, 21}, ++seed), random({2, keys, 21}, ++seed),
                                        random({2, keys, 27}, ++seed)};
      check_kernel("attention", operands, packed, 100, note);
      for (const Dims& dims : {Dims{keys}, Dims{queries, keys}, Dims{2, 1, 1, keys}, Dims{1, 3, queries, keys}}) {
        std::vector<Datum> masked = operands;
        masked.push_back(random(dims, ++seed));
        check_kernel("attention", masked, packed, 100, note);
        masked[3] = Datum(*convert_dtype(
            *convert_dtype(random_tensor(DType::float32, dims, ++seed, -1.5, 1.5), DType::int32), DType::boolean));
        check_kernel("attention", masked, packed, 100, note);
      }
    }
  }
}

// Every size with the forms that lowering makes: outputs left out, lengths, initial states, both layouts.
TEST(Kernels, Recurrences) {
  uint64_t seed = 1;
  for (const char* op : {"lstm", "gru"}) {
    const bool lstm = op[0] == 'l';
    const int64_t gates = lstm ? 4 : 3;
    for (const auto& [batch, hidden] : {std::pair<int64_t, int64_t>{1, 5}, {1, 64}, {2, 21}, {9, 70}}) {
      for (int form = 0; form < 16; ++form) {
        const int64_t directions = form % 2 + 1, steps = 7, input = 19;
        const bool batch_first = (form & 2) != 0, lengths = (form & 4) != 0, states = (form & 8) != 0;
        const Dims state = batch_first ? Dims{batch, directions, hidden} : Dims{directions, batch, hidden};
        // Small enough that rounding errors fade instead of growing from step to step.
        const Datum recurrent(random_tensor(DType::float32, {directions, gates * hidden, hidden}, ++seed, -0.2, 0.2));
        std::vector<Datum> inputs{random(batch_first ? Dims{batch, steps, input} : Dims{steps, batch, input}, ++seed),
                                  random({directions, gates * hidden, input}, ++seed), recurrent};
        if (form % 3 != 0) inputs.push_back(random({directions, 2 * gates * hidden}, ++seed));
        inputs.resize(4);
        std::vector<int32_t> values;
        for (int64_t b = 0; b < batch; ++b) values.push_back(static_cast<int32_t>((b * 5 + 3) % (steps + 1)));
        inputs.push_back(lengths ? Datum(Tensor::of<int32_t>(values, {batch})) : Datum());
        inputs.push_back(states ? random(state, ++seed) : Datum());
        if (lstm) inputs.push_back(states ? random(state, ++seed) : Datum());
        Attributes attributes{{"layout", int64_t{batch_first}},
                              {"direction", directions == 2 ? "bidirectional"
                                            : form % 5 == 0 ? "reverse"
                                                            : "forward"}};
        if (!lstm) attributes.set("linear_before_reset", form / 2 % 3 == 0 ? 1 : 0);
        check_kernel(op, inputs, attributes, 2000, concat({batch, " x ", hidden, ", form ", form}), lstm ? 3 : 2);
      }
    }
  }
}

TEST(Kernels, MatmulTails) {
  uint64_t seed = 1;
  for (int64_t m : {1, 2, 5, 6, 7, 12, 13, 95, 97}) {
    for (int64_t n : {1, 3, 8, 16, 17, 33, 64}) {
      for (int64_t k : {1, 4, 19}) {
        check_kernel("matmul", {random({m, k}, ++seed), random({k, n}, ++seed)}, {}, k, concat({m, "x", k, "x", n}));
      }
    }
  }
}

TEST(Kernels, MatmulOfVectors) {
  check_kernel("matmul", {random({33}, 1), random({33, 17}, 2)}, {}, 33, "vector by matrix");
  check_kernel("matmul", {random({5, 33}, 1), random({33}, 2)}, {}, 33, "matrix by vector");
  check_kernel("matmul", {random({33}, 1), random({33}, 2)}, {}, 33, "vector by vector");
  check_kernel("matmul", {random({33}, 1), random({2, 3, 33, 5}, 2)}, {}, 33, "vector by matrices");
  check_kernel("matmul", {random({2, 3, 5, 33}, 1), random({33}, 2)}, {}, 33, "matrices by vector");
}

TEST(Kernels, MatmulBlocks) {  // more than one block along each dimension
  check_kernel("matmul", {random({200, 300}, 1), random({300, 520}, 2)}, {}, 300, "blocks");
  check_kernel("matmul", {random({3, 600}, 1), random({600, 700}, 2)}, {}, 600, "few rows");
  check_kernel("matmul", {random({130, 600}, 1), random({600, 5}, 2)}, {}, 600, "few columns");
  check_kernel("matmul", {random({2, 3, 40, 33}, 1), random({3, 33, 41}, 2)}, {}, 33, "batch");
  check_kernel("matmul", {random({2, 3, 10, 33}, 1), random({33, 41}, 2)}, {}, 33, "one matrix for a batch");
  check_kernel("matmul", {random({10, 33}, 1), random({2, 2, 33, 21}, 2)}, {}, 33, "a batch for one matrix");
}

TEST(Kernels, GemmForms) {
  uint64_t seed = 1;
  for (int64_t a : {0, 1}) {
    for (int64_t b : {0, 1}) {
      for (int64_t m : {1, 7, 50}) {
        const int64_t n = 37, k = 270;
        const Dims a_dims = a != 0 ? Dims{k, m} : Dims{m, k}, b_dims = b != 0 ? Dims{n, k} : Dims{k, n};
        for (const Dims& c_dims : {Dims{n}, Dims{m, 1}, Dims{1, n}, Dims{}, Dims{m, n}}) {
          const Attributes attributes{{"transA", a}, {"transB", b}, {"alpha", 0.5f}, {"beta", -2.0f}};
          check_kernel("gemm", {random(a_dims, ++seed), random(b_dims, ++seed), random(c_dims, ++seed)}, attributes, k,
                       to_string(c_dims));
        }
        check_kernel("gemm", {random(a_dims, ++seed), random(b_dims, ++seed)}, {{"transA", a}, {"transB", b}}, k,
                     "no c");
      }
    }
  }
}

struct ConvForm {
  Dims x, w;
  Ints strides, pads, dilations;
  int64_t group;
};

TEST(Kernels, ConvForms) {
  const ConvForm forms[] = {
      {{1, 3, 20, 31}, {8, 3, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1},
      {{2, 3, 21, 20}, {5, 3, 3, 5}, {2, 3}, {0, 2, 1, 0}, {1, 1}, 1},
      {{1, 4, 17, 17}, {6, 2, 3, 3}, {1, 2}, {2, 2, 2, 2}, {2, 2}, 2},
      {{2, 6, 13, 40}, {6, 1, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 6},
      {{1, 6, 14, 15}, {12, 1, 5, 5}, {2, 2}, {2, 2, 2, 2}, {1, 1}, 6},
      {{1, 4, 9, 30}, {4, 1, 3, 3}, {3, 3}, {4, 4, 4, 4}, {1, 2}, 4},
      {{1, 40, 7, 9}, {33, 40, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
      {{1, 40, 1, 1}, {33, 40, 1, 1}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
      {{1, 40, 9, 9}, {7, 40, 1, 1}, {2, 2}, {0, 0, 0, 0}, {1, 1}, 1},
      {{1, 30, 5, 70}, {70, 30, 3, 3}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1},
      {{1, 2, 3, 3}, {2, 2, 3, 3}, {1, 1}, {5, 5, 5, 5}, {1, 1}, 1},
      {{1, 3, 8, 8}, {4, 3, 2, 2}, {1, 1}, {-1, 0, 0, -2}, {1, 1}, 1},
  };
  uint64_t seed = 10;
  for (const ConvForm& form : forms) {
    const Attributes attributes{
        {"strides", form.strides}, {"pads", form.pads}, {"dilations", form.dilations}, {"group", form.group}};
    const int64_t depth = form.w[1] * form.w[2] * form.w[3];
    const std::string note = concat({to_string(form.x), " with ", to_string(form.w)});
    check_kernel("conv", {random(form.x, ++seed), random(form.w, ++seed), random({form.w[0]}, ++seed)}, attributes,
                 depth, note);
    check_kernel("conv", {random(form.x, ++seed), random(form.w, ++seed)}, attributes, depth, note);
  }
  const ConvForm channels_last[] = {
      {{2, 9, 7, 40}, {33, 1, 1, 40}, {1, 1}, {0, 0, 0, 0}, {1, 1}, 1},
      {{1, 9, 8, 40}, {7, 1, 1, 40}, {2, 2}, {0, 0, 0, 0}, {1, 1}, 1},
      {{2, 20, 31, 3}, {8, 3, 5, 3}, {2, 1}, {1, 1, 0, 2}, {1, 1}, 1},
      {{1, 11, 13, 30}, {70, 3, 3, 30}, {1, 1}, {2, 2, 2, 2}, {2, 2}, 1},
      {{2, 11, 13, 37}, {37, 3, 3, 1}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 37},
      {{1, 14, 15, 70}, {70, 5, 5, 1}, {2, 2}, {2, 2, 2, 2}, {1, 1}, 70},
  };
  for (const ConvForm& form : channels_last) {
    const Attributes attributes{{"strides", form.strides},
                                {"pads", form.pads},
                                {"data_layout", "NHWC"},
                                {"dilations", form.dilations},
                                {"group", form.group}};
    check_kernel("conv", {random(form.x, ++seed), random(form.w, ++seed), random({form.w[0]}, ++seed)}, attributes,
                 form.w[1] * form.w[2] * form.w[3], concat({to_string(form.x), " channels last"}));
  }
  check_kernel("conv", {random({2, 5, 50}, 3), random({7, 5, 3}, 4)}, {{"pads", Ints{1, 1}}, {"strides", Ints{2}}}, 15,
               "1-D");
}

TEST(Kernels, ConvGradientByInput) {
  const auto check = [](const Dims& gradient, const Dims& weight, const Dims& input, const Attributes& attributes) {
    check_kernel("conv_grad_input", {random(gradient, 1), random(weight, 2), Datum(Tensor::of_ints(input))}, attributes,
                 weight[0] * weight[2] * weight[3], to_string(gradient));
  };
  check({2, 30, 17, 19}, {30, 24, 2, 2}, {2, 24, 34, 38}, {{"strides", Ints{2, 2}}});
  check({1, 6, 20, 21}, {6, 70, 3, 3}, {1, 70, 20, 21}, {{"pads", Ints{1, 1, 1, 1}}});
  check({1, 6, 9, 5}, {6, 2, 3, 5}, {1, 4, 22, 16},
        {{"strides", Ints{2, 3}}, {"dilations", Ints{2, 1}}, {"pads", Ints{0, 2, 0, 0}}, {"group", 2}});
  check({1, 7, 3, 300}, {7, 5, 1, 1}, {1, 5, 3, 300}, {});
  const auto check_last = [](const Dims& gradient, const Dims& weight, const Dims& input, Attributes attributes) {
    attributes.set("data_layout", "NHWC");
    check_kernel("conv_grad_input", {random(gradient, 1), random(weight, 2), Datum(Tensor::of_ints(input))}, attributes,
                 weight[0] * weight[1] * weight[2], to_string(gradient));
  };
  check_last({2, 17, 19, 30}, {30, 2, 2, 24}, {2, 34, 38, 24}, {{"strides", Ints{2, 2}}});
  check_last({1, 20, 21, 6}, {6, 3, 3, 70}, {1, 20, 21, 70}, {{"pads", Ints{1, 1, 1, 1}}});
  check_last({1, 9, 5, 6}, {6, 3, 5, 2}, {1, 22, 16, 4},
             {{"strides", Ints{2, 3}}, {"dilations", Ints{2, 1}}, {"pads", Ints{0, 2, 0, 0}}, {"group", 2}});
  check_last({2, 9, 7, 21}, {21, 3, 3, 1}, {2, 18, 14, 21},
             {{"strides", Ints{2, 2}}, {"pads", Ints{0, 0, 1, 1}}, {"group", 21}});
}

TEST(Kernels, Broadcasting) {
  const std::pair<Dims, Dims> shapes[] = {
      {{2, 3, 4, 5}, {2, 3, 4, 5}},
      {{2, 3, 4, 5}, {3, 1, 1}},
      {{2, 1, 4, 1}, {3, 1, 5}},
      {{}, {7}},
      {{1, 1}, {1}},
      {{4, 1}, {1, 6}},
      {{300, 400}, {400}},
      {{1, 64, 50, 50}, {1, 64, 1, 1}},
      {{5, 1, 3}, {5, 4, 3}},
  };
  check_kernel("prelu", {random({2, 3, 4, 5}, 1), random({3, 1, 1}, 2)}, {}, 2, "a slope for a channel");
  check_kernel("prelu", {random({2, 7, 37}, 1), random({37}, 2)}, {}, 2, "channels last");
  for (std::string_view op : {"add", "sub", "mul", "div", "max", "min"}) {
    uint64_t seed = 1;
    for (const auto& [a, b] : shapes) {
      const Datum right(random_tensor(DType::float32, b, ++seed, 0.5, 2.0));
      check_kernel(op, {random(a, ++seed), right}, {}, 2, concat({to_string(a), " ", to_string(b)}));
      check_kernel(op, {right, Datum(random_tensor(DType::float32, a, ++seed, 0.5, 2.0))}, {}, 2,
                   concat({to_string(b), " ", to_string(a)}));
    }
  }
}

TEST(Kernels, ReluKeepsNotANumber) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  check_kernel("relu", {Datum(Tensor::of<float>({nan, -1, 2, -0.0f, 5, -7, nan, 3, -2}, {9}))}, {}, 1, "NaN");
}

TEST(Kernels, CancelledBudgetStopsAProduct) {
  const OpDef* op = Registry::builtin().find("matmul");
  const std::vector<Datum> inputs{random({300, 300}, 1), random({300, 300}, 2)};
  auto tensor = Tensor::allocate(DType::float32, {300, 300});
  ASSERT_TRUE(tensor.ok());
  std::vector<Datum> outputs{Datum(std::move(tensor).value())};
  auto budget = std::make_shared<Budget>(Limits{});
  budget->cancel();
  const auto done = make_kernel_provider()->run(*op, node_of("matmul", 2, {}), inputs, outputs, budget, nullptr);
  ASSERT_FALSE(done.ok());
  EXPECT_EQ(done.error().code, ErrorCode::cancelled);
}

TEST(Kernels, OtherTypesAreLeftToTheReference) {
  const OpDef* op = Registry::builtin().find("matmul");
  const std::vector<Datum> inputs{Datum(random_tensor(DType::float64, {3, 3}, 1)),
                                  Datum(random_tensor(DType::float64, {3, 3}, 2))};
  std::vector<Datum> outputs{Datum(random_tensor(DType::float64, {3, 3}, 3))};
  const auto done = make_kernel_provider()->run(*op, node_of("matmul", 2, {}), inputs, outputs,
                                                std::make_shared<Budget>(Limits{}), nullptr);
  ASSERT_TRUE(done.ok());
  EXPECT_FALSE(*done);
}

}  // namespace
}  // namespace minnow
