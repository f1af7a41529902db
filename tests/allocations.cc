// A warm run allocates nothing: malloc and its relatives, which operator new calls, are counted while a small conv net
// and a small transformer run for the second time, through the C interface and through the runtime.
#include <cstdio>

#if !defined(__GLIBC__)
int main() {
  std::printf("skipped: only with glibc can malloc be counted\n");
  return 77;
}
#else

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "api/compile.h"
#include "graph/text.h"
#include "minnow/minnow.h"
#include "minnow/runtime.h"
#include "zoo/layers.h"
#include "zoo/mobilenet_v2.h"

extern "C" {
void* __libc_malloc(size_t);
void* __libc_calloc(size_t, size_t);
void* __libc_realloc(void*, size_t);
void* __libc_memalign(size_t, size_t);
}

namespace {
std::atomic<bool> counting{false};
std::atomic<long> allocations{0};  // of all threads

void count() {
  if (counting.load(std::memory_order_relaxed)) allocations.fetch_add(1, std::memory_order_relaxed);
}
}  // namespace

extern "C" {
void* malloc(size_t size) {
  count();
  return __libc_malloc(size);
}
void* calloc(size_t number, size_t size) {
  count();
  return __libc_calloc(number, size);
}
void* realloc(void* memory, size_t size) {
  count();
  return __libc_realloc(memory, size);
}
void* memalign(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(size_t alignment, size_t size) {
  count();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** memory, size_t alignment, size_t size) {
  count();
  *memory = __libc_memalign(alignment, size);
  return *memory != nullptr ? 0 : ENOMEM;
}
}

namespace {

using minnow::Dims;
using minnow::DType;
using minnow::Graph;
using minnow::Type;

constexpr int kWarmRuns = 3;

template <class F>
long counted(F&& body) {
  allocations = 0;
  counting = true;
  body();
  counting = false;
  return allocations;
}

struct Network {
  const char* name;
  Graph graph;
  std::vector<Type> inputs;
  std::vector<std::vector<char> > data;  // of the inputs
};

Network network(const char* name, Graph graph, const Dims& dims, DType dtype) {
  Network made{name, std::move(graph), {}, {}};
  for (size_t i = 0; i < made.graph.inputs.size(); ++i) {
    made.inputs.push_back(Type::tensor(dtype, minnow::Shape(dims)));
    made.data.emplace_back(static_cast<size_t>(minnow::element_count(dims)) * minnow::element_bytes(dtype));
  }
  return made;
}

constexpr int64_t kHidden = 48, kHeads = 4;

// An encoder of two layers on hidden states [2, 16, kHidden]. (What comes before, looking up embeddings and spreading a
// mask, are operators of any dtype, not all of which have kernels.)
minnow::Result<Graph> build_encoder(minnow::WeightSource& weights) {
  Graph graph;
  minnow::Builder b(graph);
  minnow::Layers layers(b, weights);
  minnow::ValueId x = b.input("x", Type::tensor(DType::float32, minnow::Shape(Dims{2, 16, kHidden})));
  const auto heads = [&](const std::string& name) {
    const minnow::ValueId split = b.ints({2, 16, kHeads, kHidden / kHeads});
    return b.add("transpose", {b.add("reshape", {layers.linear(name, x, kHidden, kHidden), split})},
                 {{"perm", minnow::Ints{0, 2, 1, 3}}});
  };
  for (const std::string layer : {"0", "1"}) {
    const minnow::ValueId keys = b.add("transpose", {heads(layer + "key")}, {{"perm", minnow::Ints{0, 1, 3, 2}}});
    const minnow::ValueId scores = b.add("softmax", {b.add("matmul", {heads(layer + "query"), keys})});
    const minnow::ValueId mixed =
        b.add("transpose", {b.add("matmul", {scores, heads(layer + "value")})}, {{"perm", minnow::Ints{0, 2, 1, 3}}});
    const minnow::ValueId joined = b.add("reshape", {mixed, b.ints({2, 16, kHidden})});
    const minnow::ValueId out = b.add("add", {layers.linear(layer + "out", joined, kHidden, kHidden), x});
    x = layers.layer_norm(layer + "norm", out, kHidden, 1e-12);
    const minnow::ValueId wide = b.add("gelu", {layers.linear(layer + "wide", x, kHidden, 2 * kHidden)});
    const minnow::ValueId narrow = b.add("add", {layers.linear(layer + "narrow", wide, 2 * kHidden, kHidden), x});
    x = layers.layer_norm(layer + "norm2", narrow, kHidden, 1e-12);
  }
  b.output(x);
  MN_TRY(b.status());
  return graph;
}

mn_tensor tensor_of(Network& network, size_t input) {
  mn_tensor tensor{};
  tensor.dtype = static_cast<mn_dtype>(network.inputs[input].dtype);
  for (const minnow::Dim& dim : network.inputs[input].shape.dims) tensor.dims[tensor.rank++] = dim.value;
  tensor.data = network.data[input].data();
  tensor.bytes = network.data[input].size();
  return tensor;
}

bool report(const char* name, const char* how, int threads, mn_status status, const char* error, long cold, long warm) {
  std::printf("%s, %s, %d threads: %ld allocations in the first run, %ld in %d warm ones\n", name, how, threads, cold,
              warm, kWarmRuns);
  if (status != MN_OK) std::printf("  failed: %s\n", error);
  return status == MN_OK && warm == 0;
}

// `buffer`: outputs go to the caller's memory. False where a warm run allocates.
bool session_is_quiet(Network& network, int threads, bool buffer) {
  const std::string text = minnow::print_graph(network.graph);
  mn_options options;
  mn_options_init(&options);
  options.threads = threads;
  mn_model* model = nullptr;
  mn_session* session = nullptr;
  mn_status status = mn_model_open_memory(text.data(), text.size(), "net.mng", &options, &model);
  if (status == MN_OK) status = mn_session_create(model, &options, &session);
  for (size_t i = 0; i < network.inputs.size() && status == MN_OK; ++i) {
    const mn_tensor tensor = tensor_of(network, i);
    status = mn_session_set_input(session, static_cast<int32_t>(i), &tensor);
  }
  long cold = 0, warm = 0;
  if (status == MN_OK) cold = counted([&] { status = mn_session_run(session); });
  mn_tensor view{};
  if (status == MN_OK) status = mn_session_output(session, 0, &view);
  const std::vector<char> expected(static_cast<char*>(view.data), static_cast<char*>(view.data) + view.bytes);
  std::vector<char> output(view.bytes);
  if (status == MN_OK && buffer) {
    status = mn_session_set_output(session, 0, output.data(), output.size());
    if (status == MN_OK) status = mn_session_run(session);
  }
  for (int i = 0; i < kWarmRuns && status == MN_OK; ++i) warm += counted([&] { status = mn_session_run(session); });
  bool same = true;
  if (status == MN_OK && buffer) same = std::memcmp(output.data(), expected.data(), expected.size()) == 0;
  if (!same) std::printf("  the caller's buffer holds something else\n");
  const bool quiet = report(network.name, buffer ? "caller's buffers" : "session's memory", threads, status,
                            mn_last_error(), cold, warm);
  mn_session_release(session);
  mn_model_release(model);
  return quiet && same;
}

bool runtime_is_quiet(Network& network, int threads) {
  const auto model = minnow::Model::from_graph(network.graph, network.name);
  if (!model.ok()) return report(network.name, "runtime", threads, MN_BAD_INPUT, model.error().message.c_str(), 0, 0);
  minnow::CompileOptions options;
  options.isas = {minnow::best_isa()};
  options.threads = threads;
  const auto compiled = minnow::compile_model(**model, network.inputs, options);
  if (!compiled.ok())
    return report(network.name, "runtime", threads, MN_BAD_INPUT, compiled.error().message.c_str(), 0, 0);
  mn_runtime* runtime = nullptr;
  mn_runtime_value value{};
  mn_status status = mn_runtime_open_memory(compiled->bytes.data(), compiled->bytes.size(), &runtime);
  if (status == MN_OK) status = mn_runtime_output(runtime, 0, &value);
  std::vector<char> output(value.bytes);
  std::vector<const void*> inputs;
  for (const auto& data : network.data) inputs.push_back(data.data());
  void* outputs[] = {output.data()};
  long cold = 0, warm = 0;
  if (status == MN_OK) cold = counted([&] { status = mn_runtime_run(runtime, inputs.data(), outputs); });
  for (int i = 0; i < kWarmRuns && status == MN_OK; ++i)
    warm += counted([&] { status = mn_runtime_run(runtime, inputs.data(), outputs); });
  const bool quiet = report(network.name, "runtime", threads, status, mn_runtime_error(), cold, warm);
  mn_runtime_release(runtime);
  return quiet;
}

}  // namespace

int main() {
  if (counted([] { ::operator delete(::operator new(1)); }) == 0) {
    std::printf("allocations are not counted\n");
    return 1;
  }
  minnow::RandomWeights weights(1);
  auto conv_net = minnow::build_mobilenet_v2({.width = 0.25, .resolution = 64, .classes = 10}, weights);
  auto transformer = build_encoder(weights);
  if (!conv_net.ok() || !transformer.ok()) return 1;
  Network networks[] = {network("conv net", std::move(*conv_net), {1, 3, 64, 64}, DType::float32),
                        network("transformer", std::move(*transformer), {2, 16, kHidden}, DType::float32)};
  bool quiet = true;
  for (Network& net : networks) {
    for (const int threads : {1, 2}) {
      quiet &= session_is_quiet(net, threads, false);
      quiet &= session_is_quiet(net, threads, true);
      quiet &= runtime_is_quiet(net, threads);
    }
  }
  return quiet ? 0 : 1;
}

#endif
