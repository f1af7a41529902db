// A BERT encoder on texts of 64 lengths in random order, beside the same texts padded to no length but their own, each
// length by itself (fixed shapes). Prints JSON: memory, time and what the plans' cache holds.
//
// Usage: bench_lengths longest|random|fixed [SEED]
//   longest: the longest text alone, as often as there are lengths
//   random: every length once, in random order
//   fixed: every length by itself, so that its plan is never made again
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <numeric>
#include <random>

#include "api/session.h"
#include "zoo/bert.h"

namespace {

using namespace minnow;

constexpr int kLengths = 64, kStep = 2;

// 55 MB of weights: MiniLM-L6 with a smaller vocabulary.
Result<std::shared_ptr<const Model>> make_model() {
  BertConfig config = BertConfig::mini_lm_l6();
  config.vocabulary = 4000;
  RandomWeights weights(1);
  MN_ASSIGN(Graph graph, build_bert(config, weights));
  return Model::from_graph(std::move(graph), "bert");
}

std::vector<Datum> text_of(int64_t length) {
  std::vector<int64_t> ids(static_cast<size_t>(length)), ones(ids.size(), 1), zeros(ids.size(), 0);
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int64_t>(1 + 37 * i % 3000);
  const Dims dims{1, length};
  return {Tensor::of<int64_t>(ids, dims), Tensor::of<int64_t>(ones, dims), Tensor::of<int64_t>(zeros, dims)};
}

// One thread works, so that its processor time is what it takes, whoever else keeps the machine busy.
double processor_ms() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC * 1e3; }

int64_t peak_rss_bytes() {
  std::FILE* status = std::fopen("/proc/self/status", "r");
  if (status == nullptr) return -1;
  char line[256];
  long long kilobytes = -1;
  while (std::fgets(line, sizeof line, status) != nullptr) {
    if (std::strncmp(line, "VmHWM:", 6) == 0) kilobytes = std::atoll(line + 6);
  }
  std::fclose(status);
  return kilobytes < 0 ? -1 : kilobytes * 1024;
}

std::vector<int64_t> order_of(std::string_view mode, unsigned seed) {
  std::vector<int64_t> order(kLengths);
  std::iota(order.begin(), order.end(), 1);
  for (int64_t& length : order) length *= kStep;
  std::mt19937 random(seed);
  if (mode == "random") std::shuffle(order.begin(), order.end(), random);
  if (mode == "longest") std::fill(order.begin(), order.end(), int64_t{kLengths} * kStep);
  return order;
}

// Milliseconds of making a plan for a length that was not seen, and the steps of that plan.
std::pair<double, size_t> time_lowering(const Model& model) {
  std::vector<double> times;
  size_t nodes = 0;
  for (int64_t length = kStep * kLengths + 1; length < kStep * kLengths + 12; ++length) {
    std::vector<Type> types;
    for (const Datum& input : text_of(length)) types.push_back(Type::of(input));
    const double start = processor_ms();
    const auto lowered = model.lowering().lower(types, {});
    times.push_back(processor_ms() - start);
    if (lowered == nullptr) return {-1, 0};
    nodes = lowered->graph.nodes.size();
  }
  std::sort(times.begin(), times.end());
  return {times[times.size() / 2], nodes};
}

Status run(std::string_view mode, unsigned seed) {
  MN_ASSIGN(const auto model, make_model());
  MN_ASSIGN(const auto session, Session::create(model));
  const std::vector<int64_t> order = order_of(mode, seed);
  MN_TRY(session->run(text_of(order.front())));
  const int64_t packed_first = model->lowering().pack_bytes();
  size_t most_plans = 0;
  int64_t most_plan_bytes = 0, tokens = 0;
  double milliseconds = 0;
  std::vector<Datum> outputs;
  for (const int64_t length : order) {
    const std::vector<Datum> text = text_of(length);
    // A fixed shape's plan is there before it runs.
    if (mode == "fixed") MN_TRY(session->run_into(text, {}, outputs));
    const double start = processor_ms();
    MN_TRY(session->run_into(text, {}, outputs));
    milliseconds += processor_ms() - start;
    tokens += length;
    most_plans = std::max(most_plans, model->lowering().plan_count());
    most_plan_bytes = std::max(most_plan_bytes, model->lowering().plan_bytes());
  }
  const int64_t peak = peak_rss_bytes(), packed = model->lowering().pack_bytes();
  const auto [lowering_ms, nodes] = time_lowering(*model);
  std::printf(
      "{\"mode\": \"%s\", \"peak_rss_bytes\": %lld, \"tokens_per_second\": %.1f, \"most_plans\": %zu, "
      "\"most_plan_bytes\": %lld, \"pack_bytes_first\": %lld, \"pack_bytes\": %lld, \"lowering_ms\": %.3f, "
      "\"nodes\": %zu, \"lowering_ms_per_100_nodes\": %.3f}\n",
      std::string(mode).c_str(), static_cast<long long>(peak), static_cast<double>(tokens) / milliseconds * 1e3,
      most_plans, static_cast<long long>(most_plan_bytes), static_cast<long long>(packed_first),
      static_cast<long long>(packed), lowering_ms, nodes,
      nodes > 0 ? lowering_ms / static_cast<double>(nodes) * 100 : -1.0);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode != "longest" && mode != "random" && mode != "fixed") {
    std::fprintf(stderr, "usage: %s longest|random|fixed [SEED]\n", argv[0]);
    return 2;
  }
  const Status status = run(mode, argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 1);
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return status.ok() ? 0 : 1;
}
