#include "insight/integer_speedup.h"

#include <algorithm>
#include <cstdio>

#include "api/session.h"
#include "base/clock.h"
#include "base/text.h"

namespace minnow {
namespace {

// The middle of what mobile nets' pointwise convolutions and small encoders ask for.
constexpr int64_t kRows = 192, kDepth = 256, kColumns = 192;
constexpr int kRuns = 15;
constexpr double kWorthwhile = 1.25;

Tensor filled(DType dtype, Dims dims) {
  Tensor tensor = *Tensor::allocate(dtype, std::move(dims));  // some 200 KiB
  for (int64_t i = 0; i < tensor.size(); ++i) {
    const auto value = static_cast<int>(i * 37 % 101) - 50;
    if (dtype == DType::float32) tensor.mutable_data<float>()[i] = static_cast<float>(value) * 0.01f;
    else if (dtype == DType::uint8) tensor.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(value + 128);
    else tensor.mutable_data<int8_t>()[i] = static_cast<int8_t>(value);
  }
  return tensor;
}

// The least time of a product of x [rows, depth] with a constant, in seconds.
Result<double> product_seconds(std::string_view op, const Tensor& x, std::vector<Tensor> constants, int threads) {
  Graph graph;
  const ValueId input = graph.add_value({"x", Type::tensor(x.dtype(), {Dim(kRows), Dim(kDepth)}), {}});
  graph.inputs = {input};
  Node node{std::string(op), "", {input}, {}, {}};
  for (size_t i = 0; i < constants.size(); ++i) {
    const bool absent = constants[i].dtype() == DType::undefined;
    node.inputs.push_back(absent ? kNoValue : graph.add_value({concat({"c", i}), {}, std::move(constants[i])}));
  }
  graph.outputs = {graph.add_value({"y", {}, {}})};
  node.outputs = graph.outputs;
  graph.nodes.push_back(std::move(node));
  MN_ASSIGN(std::shared_ptr<const Model> model, Model::from_graph(std::move(graph), op));
  SessionOptions options;
  options.threads = threads;
  MN_ASSIGN(const std::unique_ptr<Session> session, Session::create(std::move(model), options));
  const std::vector<Datum> inputs{Datum(x)};
  double least = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    const Stopwatch watch;
    MN_TRY(session->run(inputs));
    least = std::min(least, watch.elapsed_seconds());
  }
  return least;
}

}  // namespace

Result<double> measure_integer_speedup(int threads) {
  const Dims x{kRows, kDepth}, w{kDepth, kColumns};
  MN_ASSIGN(const double floats,
            product_seconds("matmul", filled(DType::float32, x), {filled(DType::float32, w)}, threads));
  MN_ASSIGN(const double integers,
            product_seconds("matmul_integer", filled(DType::uint8, x),
                            {filled(DType::int8, w), Tensor::scalar<uint8_t>(128), Tensor::scalar<int8_t>(0), Tensor(),
                             Tensor::scalar(0.001f), Tensor::scalar<uint8_t>(128)},
                            threads));
  return floats / integers;
}

std::string integer_finding(const Profile& profile, double product_speedup) {
  if (profile.run_ns <= 0 || profile.dropped > 0 || product_speedup <= 0) return "";
  double products = 0;
  for (const ProfileRow& row : profile.operators) {
    const bool has_kernel = row.kernel.find("reference") == std::string::npos;
    if (has_kernel && (row.op == "conv" || row.op == "matmul")) products += row.amounts.time_ns / profile.run_ns;
  }
  products = std::min(products, 1.0);
  const double speedup = 1 / (1 - products + products / product_speedup);
  if (speedup < kWorthwhile) return "";
  char text[160];
  std::snprintf(text, sizeof text,
                "int8 would give about %.1f x: float products take %.0f %% of the time, and 8-bit ones run %.1f x as "
                "fast here (measured)",
                speedup, 100 * products, product_speedup);
  return text;
}

}  // namespace minnow
