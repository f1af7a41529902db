// Kernels on 8-bit codes give the reference's bits on every instruction set of this machine: random shapes, tails,
// alignments, with one thread and with three.
#include <gtest/gtest.h>

#include "graph/tensor_equal.h"
#include "lower/provider.h"
#include "ops/cases.h"

namespace minnow {
namespace {

constexpr DType kBytes[] = {DType::uint8, DType::int8};

// The same bytes `shift` bytes behind an aligned address.
Datum shifted(const Datum& datum, int64_t shift) {
  const Tensor& x = datum.tensor;
  auto wide = Tensor::allocate(x.dtype(), {x.size() + shift});
  std::copy_n(x.raw().data(), x.bytes(), wide->mutable_data<std::byte>() + shift);
  return Datum(wide->rows(shift, x.size()).reshaped(x.dims()));
}

Datum codes(DType dtype, Dims dims, uint64_t seed) {
  return dtype == DType::int8 ? Datum(random_tensor(dtype, std::move(dims), seed, -128, 128))
                              : Datum(random_tensor(dtype, std::move(dims), seed, 0, 256));
}

// Every kernel against the reference. `moved`: inputs that may lie at any address.
void check(std::string_view name, std::vector<Datum> inputs, const Attributes& attributes, std::string_view note,
           size_t moved = 1) {
  const auto expected = evaluate(name, inputs, attributes);
  ASSERT_TRUE(expected.ok()) << name << " " << note << ": " << expected.error().message;
  const OpDef* op = Registry::builtin().find(name);
  Node node{std::string(name), "", {}, {0}, attributes};
  for (size_t i = 0; i < inputs.size(); ++i) node.inputs.push_back(static_cast<ValueId>(i));
  for (size_t i = 0; i < moved; ++i) inputs[i] = shifted(inputs[i], static_cast<int64_t>(3 * i + 1));
  ThreadPool three(3);
  for (Isa isa : kIsas) {
    if (!isa_available(isa)) continue;
    for (ThreadPool* threads : {static_cast<ThreadPool*>(nullptr), &three}) {
      const Tensor& want = (*expected)[0].tensor;
      auto out = Tensor::allocate(want.dtype(), want.dims());
      std::vector<Datum> outputs;
      outputs.emplace_back(std::move(out).value());
      const auto done =
          make_kernel_provider(isa)->run(*op, node, inputs, outputs, std::make_shared<Budget>(Limits{}), threads);
      ASSERT_TRUE(done.ok() && *done) << name << " " << note << ": no kernel";
      ASSERT_TRUE(same_bits(outputs[0].tensor, want)) << name << " " << note << " on " << to_string(isa);
    }
  }
}

TEST(CodeKernels, LookupOfEveryLength) {
  uint64_t seed = 1;
  for (DType from : kBytes) {
    for (DType to : kBytes) {
      for (int64_t n : {1, 7, 31, 32, 64, 127, 128, 129, 200, 257, 300000})
        check("lookup", {codes(from, {n}, ++seed), codes(to, {256}, ++seed)}, {}, concat({n}), 2);
    }
  }
}

TEST(CodeKernels, ArithmeticOnEveryPairOfCodes) {
  // All 65536 pairs: every sum, difference and product that there is.
  Tensor all_a = *Tensor::allocate(DType::uint8, {256, 1}), all_b = *Tensor::allocate(DType::uint8, {1, 256});
  for (int i = 0; i < 256; ++i) all_a.mutable_data<uint8_t>()[i] = all_b.mutable_data<uint8_t>()[i] = uint8_t(i);
  const float scales[][3] = {
      {1, 1, 2}, {0.5f, 0.25f, 0.125f}, {0.0235f, 0.0071f, 0.031f}, {1e-9f, 3e-9f, 1e-9f}, {3.7e8f, 1.1e9f, 0.02f}};
  for (const auto& scale : scales) {
    for (const char* op : {"quantized_add", "quantized_sub", "quantized_mul"}) {
      const Datum s(Tensor::of<float>(std::span<const float>(scale), {3}));
      check(op, {Datum(all_a), Datum(all_b), s, Datum(Tensor::of<int32_t>({128, 3, 100}, {3}))}, {{"to", DType::uint8}},
            concat({scale[0]}), 2);
      check(op, {Datum(all_a.bit_cast(DType::int8)), Datum(all_b), s, Datum(Tensor::of<int32_t>({-128, 255, 5}, {3}))},
            {{"to", DType::int8}, {"low", -100}, {"high", 90}}, concat({scale[0], " signed"}), 2);
    }
  }
}

TEST(CodeKernels, ArithmeticBroadcasts) {
  const std::pair<Dims, Dims> shapes[] = {{{2, 3, 4, 5}, {2, 3, 4, 5}},
                                          {{2, 3, 4, 5}, {3, 1, 1}},
                                          {{2, 1, 4, 1}, {3, 1, 5}},
                                          {{}, {7}},
                                          {{1, 1}, {1}},
                                          {{4, 1}, {1, 6}},
                                          {{300, 400}, {400}},
                                          {{1, 64, 50, 50}, {1, 64, 1, 1}},
                                          {{5, 1, 3}, {5, 4, 3}},
                                          {{1}, {99}},
                                          {{1, 9, 9, 24}, {1, 1, 1, 24}}};
  const Datum scales(Tensor::of<float>({0.02f, 0.03f, 0.04f}, {3})), zeros(Tensor::of<int32_t>({3, 5, 7}, {3}));
  uint64_t seed = 1;
  for (const auto& [a, b] : shapes) {
    for (DType dtype : kBytes) {
      const std::string note = concat({to_string(a), " ", to_string(b)});
      const Attributes to{{"to", dtype}};
      check("quantized_add", {codes(dtype, a, ++seed), codes(dtype, b, ++seed), scales, zeros}, to, note, 2);
      check("quantized_mul", {codes(dtype, b, ++seed), codes(dtype, a, ++seed), scales, zeros}, to, note, 2);
    }
  }
}

TEST(CodeKernels, Pools) {
  uint64_t seed = 1;
  for (DType dtype : kBytes) {
    for (int64_t channels : {1, 5, 8, 19, 33, 64, 70}) {
      for (int64_t kernel : {1, 2, 3, 7}) {
        for (int64_t stride : {1, 2}) {
          const Attributes attributes{{"kernel_shape", Ints{kernel, kernel}},
                                      {"strides", Ints{stride, stride}},
                                      {"pads", Ints{kernel / 2, 0, 0, kernel / 2}},
                                      {"data_layout", "NHWC"}};
          const std::string note = concat({channels, " ", kernel, " ", stride});
          check("max_pool", {codes(dtype, {2, 9, 8, channels}, ++seed)}, attributes, note);
          check("integer_average_pool", {codes(dtype, {2, 9, 8, channels}, ++seed)}, attributes, note);
        }
      }
    }
    for (int64_t width : {3, 8, 40, 71}) {
      const Attributes attributes{
          {"kernel_shape", Ints{3, 2}}, {"strides", Ints{2, 1}}, {"dilations", Ints{2, 1}}, {"pads", Ints{1, 1, 1, 1}}};
      check("max_pool", {codes(dtype, {2, 3, 9, width}, ++seed)}, attributes, concat({"channels first ", width}));
    }
  }
}

TEST(CodeKernels, Padding) {
  for (DType dtype : kBytes) {
    const Tensor value = dtype == DType::int8 ? Tensor::scalar<int8_t>(-7) : Tensor::scalar<uint8_t>(200);
    check("pad", {codes(dtype, {2, 3, 5}, 1), Datum(Tensor::of_ints(Dims{0, 1, 2, 1, 0, 3})), Datum(value)}, {}, "pad");
  }
}

// Factors of which all weights are binary fractions.
TEST(CodeKernels, Resizing) {
  uint64_t seed = 1;
  for (DType dtype : kBytes) {
    for (int64_t channels : {1, 3, 8, 21, 40}) {
      for (const char* mode : {"half_pixel", "align_corners", "asymmetric"}) {
        const bool corners = mode[0] == 'a' && mode[1] == 'l';
        const Datum sizes(Tensor::of_ints(corners ? Dims{2, 9, 33, channels} : Dims{2, 10, 72, channels}));
        const Dims dims = corners ? Dims{2, 5, 5, channels} : Dims{2, 5, 9, channels};
        check("integer_resize", {codes(dtype, dims, ++seed), Datum(), Datum(), sizes},
              {{"mode", "linear"}, {"coordinate_transformation_mode", mode}}, concat({mode, " ", channels}));
      }
    }
    const Datum sizes(Tensor::of_ints(Dims{2, 3, 10, 36}));
    check("integer_resize", {codes(dtype, {2, 3, 5, 9}, ++seed), Datum(), Datum(), sizes}, {{"mode", "linear"}},
          "channels first");
  }
}

}  // namespace
}  // namespace minnow
