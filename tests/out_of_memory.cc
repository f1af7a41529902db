// Every allocation of opening and running a model fails once: each failure must come back as MN_OUT_OF_MEMORY, and the
// call that needs no more memory than there is must still give the right answer.
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include "export/onnx.h"
#include "graph/text.h"
#include "minnow/minnow.h"

namespace {

// Allocations of this thread until the one that fails; -1: none fails.
thread_local long countdown = -1;

bool fails() { return countdown >= 0 && countdown-- == 0; }

void* allocate(size_t size, size_t alignment) noexcept {
  if (fails()) return nullptr;
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}

void* allocate_or_throw(size_t size, size_t alignment) {
  void* memory = allocate(size, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return allocate_or_throw(size, 1); }
void* operator new[](size_t size) { return allocate_or_throw(size, 1); }
void* operator new(size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment) {
  return allocate_or_throw(size, static_cast<size_t>(alignment));
}
void* operator new(size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return allocate(size, 1); }
void* operator new(size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<size_t>(alignment));
}
void* operator new[](size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(size, static_cast<size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }

namespace {

// Models that between them reach the parser of the text form, weights, kernels, references, decompositions, subgraphs,
// sequences and strings. Each is also exported, so that the ONNX importer meets the failures, too.
struct Example {
  const char* name;
  const char* text;
  float expected[2];
};
constexpr Example kExamples[] = {
    {"dense",
     "minnow graph 1\n"
     "name \"dense\"\n"
     "input %x: float32[n, 3]\n"
     "const %w = float32[3, 2](1, 2, 3, 4, 5, 6)\n"
     "%y = matmul(%x, %w) @\"first\"\n"
     "%z = relu(%y) @\"second\"\n"
     "output %z\n",
     {8, 10}},
    {"branches",
     "minnow graph 1\n"
     "input %x: float32[n, 3]\n"
     "const %axis = int64[1](1)\n"
     "const %limit = float32[](1.5)\n"
     "const %two = float32[2](2, 3)\n"
     "%sum = reduce_sum(%x, %axis) {keepdims=0}\n"
     "%one = reduce_sum(%sum) {keepdims=0}\n"
     "%large = greater(%one, %limit)\n"
     "%y = if(%large, %two) {then_branch=graph { input %a: float32[2] %b = add(%a, %a) output %b }, "
     "else_branch=graph { input %a: float32[2] %b = neg(%a) output %b }, captures=1}\n"
     "output %y\n",
     {4, 6}},
    {"sequence",
     "minnow graph 1\n"
     "input %x: float32[n, 3]\n"
     "const %where = int64[](0)\n"
     "const %starts = int64[1](0)\n"
     "const %ends = int64[1](2)\n"
     "const %axes = int64[1](1)\n"
     "%cut = slice(%x, %starts, %ends, %axes)\n"
     "%soft = softmax(%cut)\n"
     "%wide = celu(%cut)\n"
     "%list = sequence_construct(%cut, %soft, %wide)\n"
     "%y = sequence_at(%list, %where)\n"
     "output %y\n",
     {1, -1}},
};

struct Opened {
  std::string bytes, name;
};

mn_status open_and_run(const Opened& file, float* result) {
  mn_options options;
  mn_options_init(&options);
  mn_model* model = nullptr;
  mn_status status = mn_model_open_memory(file.bytes.data(), file.bytes.size(), file.name.c_str(), &options, &model);
  mn_session* session = nullptr;
  if (status == MN_OK) status = mn_session_create(model, &options, &session);
  const float x[] = {1, -1, 2};
  mn_tensor tensor{};
  tensor.dtype = MN_FLOAT32;
  tensor.rank = 2;
  tensor.dims[0] = 1;
  tensor.dims[1] = 3;
  tensor.data = const_cast<float*>(x);
  tensor.bytes = sizeof x;
  if (status == MN_OK) status = mn_session_set_input(session, 0, &tensor);
  if (status == MN_OK) status = mn_session_set_output(session, 0, result, 2 * sizeof(float));
  if (status == MN_OK) status = mn_session_run(session);
  mn_session_release(session);
  mn_model_release(model);
  return status;
}

// Lets one allocation after the other fail until none is left to fail; false where an answer is wrong.
bool survives(const Opened& file, const float* expected) {
  float result[2] = {};
  if (open_and_run(file, result) != MN_OK) {  // also builds what is built once
    std::printf("%s does not run: %s\n", file.name.c_str(), mn_last_error());
    return false;
  }
  for (long n = 0; n < 1'000'000; ++n) {
    result[0] = result[1] = 0;
    countdown = n;
    const mn_status status = open_and_run(file, result);
    const bool all_succeeded = countdown >= 0;
    countdown = -1;
    const bool right = status == MN_OK && result[0] == expected[0] && result[1] == expected[1];
    if (all_succeeded) {
      std::printf("%s: %ld allocations failed in turn; then status %d, result %g %g\n", file.name.c_str(), n, status,
                  static_cast<double>(result[0]), static_cast<double>(result[1]));
      return right && n > 50;
    }
    // A failure may also hit something that does without (a cache, a hint): then the answer must be right.
    if (status != MN_OUT_OF_MEMORY && !right) {
      std::printf("%s: allocation %ld failed: got %s (%s), expected out of memory\n", file.name.c_str(), n,
                  mn_status_name(status), mn_last_error());
      return false;
    }
  }
  std::printf("%s: no end of allocations\n", file.name.c_str());
  return false;
}

}  // namespace

int main() {
  bool good = true;
  for (const Example& example : kExamples) {
    const minnow::Result<minnow::Graph> graph = minnow::parse_graph(example.text, example.name);
    if (!graph.ok()) {
      std::printf("%s: %s\n", example.name, graph.error().message.c_str());
      return 1;
    }
    const minnow::Result<std::string> onnx = minnow::export_onnx(*graph);
    if (!onnx.ok()) {
      std::printf("%s: %s\n", example.name, onnx.error().message.c_str());
      return 1;
    }
    good &= survives({example.text, std::string(example.name) + ".mng"}, example.expected);
    good &= survives({*onnx, std::string(example.name) + ".onnx"}, example.expected);
  }
  return good ? 0 : 1;
}
