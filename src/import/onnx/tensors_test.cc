#include "import/onnx/tensors.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "import/onnx/proto_writer.h"
#include "import/onnx/value.h"

namespace minnow::onnx {
namespace {

Result<Tensor> read(const Message& message, std::string folder = "", const Limits& limits = {}) {
  const Bytes file = Bytes::own(message.data());
  const TensorSource from{{file.text()}, file, std::move(folder), false, std::make_shared<Budget>(limits)};
  return read_tensor(from, {file.text(), 0});
}

std::string error_of(const Message& message, std::string folder = "") {
  const Result<Tensor> tensor = read(message, std::move(folder));
  return tensor.ok() ? "no error" : tensor.error().message;
}

void expect_error(const std::string& error, std::string_view part) {
  EXPECT_NE(error.find(part), std::string::npos) << error;
}

// TensorProto with dims and data type.
Message header(int64_t code, const Dims& dims) {
  Message m;
  m.integers(1, dims).integer(2, code);
  return m;
}

TEST(OnnxTensors, EveryTypeRoundTrips) {
  for (int code = 1; code < kDTypeCount; ++code) {
    const auto dtype = static_cast<DType>(code);
    for (const Dims& dims : {Dims{}, Dims{5}, Dims{3, 3}, Dims{0, 2}}) {
      Tensor tensor = *Tensor::allocate(dtype, dims);
      if (dtype == DType::string) {
        for (std::string& text : tensor.mutable_strings()) text = "word";
        const Tensor back = *read(tensor_message(tensor, "t"));
        EXPECT_EQ(back.dims(), dims);
        for (const std::string& text : back.strings()) EXPECT_EQ(text, "word");
        continue;
      }
      // Bytes that are codes of the type: for sub-byte ones sign-extended.
      const int bits = file_bits(dtype);
      for (int64_t i = 0; i < tensor.bytes(); ++i) {
        int value = static_cast<int>(i * 5 % 100);
        if (dtype == DType::boolean) value %= 2;
        if (bits < 8) value = value % (1 << bits) - (is_signed_integer(dtype) ? 1 << (bits - 1) : 0);
        tensor.mutable_data<int8_t>()[i] = static_cast<int8_t>(value);
      }
      const Result<Tensor> back = read(tensor_message(tensor, "t"));
      ASSERT_TRUE(back.ok()) << to_string(dtype) << ": " << back.error().message;
      EXPECT_EQ(back->dtype(), dtype);
      EXPECT_EQ(back->dims(), dims);
      EXPECT_EQ(std::memcmp(back->raw().data(), tensor.raw().data(), tensor.raw().size()), 0) << to_string(dtype);
    }
  }
}

TEST(OnnxTensors, TypedFields) {
  // bfloat16 bits in int32_data, negative numbers as 64-bit varints, int4 packed two an entry.
  const Tensor bits = *read(header(16, {2}).integers(5, Ints{0x3f80, 0xff80}));
  EXPECT_EQ(bits.data<uint16_t>()[1], 0xff80);
  const Tensor bytes = *read(header(3, {2}).integers(5, Ints{-128, 127}));
  EXPECT_EQ(bytes.data<int8_t>()[0], -128);
  const Tensor nibbles = *read(header(22, {3}).integers(5, Ints{0x8f, 0x07}));
  EXPECT_EQ(nibbles.data<int8_t>()[0], -1);
  EXPECT_EQ(nibbles.data<int8_t>()[1], -8);
  EXPECT_EQ(nibbles.data<int8_t>()[2], 7);
  const Tensor large = *read(header(13, {1}).integers(11, Ints{-1}));
  EXPECT_EQ(large.data<uint64_t>()[0], UINT64_MAX);
  const Tensor one_by_one = *read(header(7, {2}).integer(7, -3).integer(7, 4));
  EXPECT_EQ(one_by_one.data<int64_t>()[0], -3);
  const Tensor booleans = *read(header(9, {2}).bytes(9, "\x05\x01"));
  EXPECT_EQ(booleans.data<uint8_t>()[0], 1);
}

TEST(OnnxTensors, AlignedDataIsNotCopied) {
  // Puts raw_data at both parities by a name of growing length: at least one is aligned for bytes, all read alike.
  for (size_t pad = 1; pad < 9; ++pad) {
    Message m = header(1, {2});
    m.bytes(8, std::string(pad, 'n')).bytes(9, std::string_view("\0\0\x80\x3f\0\0\0\x40", 8));
    const Bytes file = Bytes::own(m.data());
    const TensorSource from{{file.text()}, file, "", false, std::make_shared<Budget>(Limits{})};
    const Tensor tensor = *read_tensor(from, {file.text(), 0});
    EXPECT_EQ(tensor.data<float>()[1], 2.0f);
    const std::byte* raw = file.data() + file.size() - 8;
    const bool aligned = reinterpret_cast<uintptr_t>(raw) % alignof(float) == 0;
    EXPECT_EQ(tensor.data<std::byte>() == raw, aligned);
  }
}

TEST(OnnxTensors, RefusesContradictions) {
  expect_error(error_of(header(1, {-1}).bytes(9, "abcd")), "negative dimension");
  expect_error(error_of(header(1, {int64_t{1} << 32, int64_t{1} << 32}).bytes(9, "abcd")), "2^63");
  expect_error(error_of(header(1, {int64_t{1} << 40}).bytes(9, "abcd")), "raw_data has 4 bytes");
  expect_error(error_of(header(1, {1}).bytes(9, "abc")), "raw_data has 3 bytes");
  expect_error(error_of(header(1, {1}).bytes(9, "abcde")), "raw_data has 5 bytes");
  expect_error(error_of(header(1, {1}).bytes(9, "abcd").reals(4, Floats{1})), "in two fields at once");
  expect_error(error_of(header(0, {1}).bytes(9, "abcd")), "no data type");
  expect_error(error_of(header(999, {1}).bytes(9, "abcd")), "data type 999 is not supported");
  expect_error(error_of(header(27, {1}).bytes(9, "abcd")), "FLOAT6E2M3 is not supported");
  expect_error(error_of(header(8, {1}).bytes(9, "abcd")), "strings must be given in string_data");
  expect_error(error_of(header(22, {3}).bytes(9, "a")), "raw_data has 1 bytes, shape [3] of int4 needs 2");
  expect_error(error_of(header(1, {0}).bytes(9, "abcd")), "needs 0");
  expect_error(error_of(header(1, {2}).reals(4, Floats{1})), "float_data has 1 entries, shape [2] of float32 needs 2");
  expect_error(error_of(header(1, {1}).integers(7, Ints{1})),
               "must be given in float_data or raw_data, got int64_data");
  expect_error(error_of(header(2, {1}).integers(5, Ints{300})), "entry 0 is 300, which does not fit 8 bits");
  expect_error(error_of(header(1, Dims(65, 1)).bytes(9, "abcd")), "rank 65");
  expect_error(error_of(header(1, {1})), "float_data has 0 entries");
}

TEST(OnnxTensors, CountsCopiesAgainstTheBudget) {
  Limits limits;
  limits.bytes = 1000;
  const Result<Tensor> tensor = read(header(7, {200}).integers(7, Ints(200, 1)), "", limits);
  ASSERT_FALSE(tensor.ok());
  EXPECT_EQ(tensor.error().code, ErrorCode::limit);
}

Message external(const std::vector<std::pair<std::string, std::string>>& entries) {
  Message m = header(1, {2});
  for (const auto& [key, value] : entries) m.message(13, Message().bytes(1, key).bytes(2, value));
  m.integer(14, 1);
  return m;
}

TEST(OnnxTensors, ExternalData) {
  char folder[] = "/tmp/minnow_external_XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string path = std::string(folder) + "/weights.bin";
  ASSERT_TRUE(write_file_atomically(path, std::string_view("....\0\0\x80\x3f\0\0\0\x40", 12)).ok());
  const Result<Tensor> tensor = read(external({{"location", "weights.bin"}, {"offset", "4"}, {"length", "8"}}), folder);
  ASSERT_TRUE(tensor.ok()) << tensor.error().message;
  EXPECT_EQ(tensor->data<float>()[1], 2.0f);
  const auto fails = [&](std::vector<std::pair<std::string, std::string>> entries, std::string_view part) {
    expect_error(error_of(external(entries), folder), part);
  };
  fails({}, "without a location");
  fails({{"location", "weights.bin"}, {"offset", "-4"}}, "offset '-4' is not a number of bytes");
  fails({{"location", "weights.bin"}, {"length", "1099511627776"}}, "external data of 1099511627776 bytes");
  fails({{"location", "weights.bin"}, {"__class__", "x"}}, "unknown key '__class__'");
  for (const char* place :
       {"../weights.bin", "/etc/hostname", "*/_ORT_MEM_ADDR_/*", "C:\\weights.bin", "missing.bin"}) {
    EXPECT_FALSE(read(external({{"location", place}}), folder).ok()) << place;
  }
  EXPECT_FALSE(read(external({{"location", "weights.bin"}, {"offset", "8"}}), folder).ok());
  EXPECT_FALSE(read(external({{"location", "weights.bin"}, {"offset", "9223372036854775807"}}), folder).ok());
  expect_error(error_of(external({{"location", "weights.bin"}})), "open the model by its path");
  ::unlink(path.c_str());
  ::rmdir(folder);
}

Message sparse(const Tensor& values, const Tensor& indices, const Dims& dims) {
  Message m;
  m.message(1, tensor_message(values, "s")).message(2, tensor_message(indices, "")).integers(3, dims);
  return m;
}

Result<Tensor> read_sparse(const Message& message) {
  const Bytes file = Bytes::own(message.data());
  const TensorSource from{{file.text()}, file, "", false, std::make_shared<Budget>(Limits{})};
  return read_sparse_tensor(from, {file.text(), 0});
}

TEST(OnnxTensors, SparseTensorsBecomeDense) {
  const Tensor values = Tensor::of<float>({1, 2}, {2});
  const Tensor flat = *read_sparse(sparse(values, Tensor::of<int64_t>({1, 5}, {2}), {2, 3}));
  EXPECT_EQ(std::vector<float>(flat.values<float>().begin(), flat.values<float>().end()),
            (std::vector<float>{0, 1, 0, 0, 0, 2}));
  const Tensor coordinates = *read_sparse(sparse(values, Tensor::of<int64_t>({0, 1, 1, 2}, {2, 2}), {2, 3}));
  EXPECT_EQ(coordinates.values<float>()[5], 2.0f);
  const auto fails = [&](const Tensor& indices, const Dims& dims, std::string_view part) {
    const Result<Tensor> result = read_sparse(sparse(values, indices, dims));
    expect_error(result.ok() ? "no error" : result.error().message, part);
  };
  fails(Tensor::of<int64_t>({1, 6}, {2}), {2, 3}, "index 6 of value 1 is outside");
  fails(Tensor::of<int64_t>({-1, 2}, {2}), {2, 3}, "index -1 of value 0 is outside");
  fails(Tensor::of<int64_t>({3, 3}, {2}), {2, 3}, "not in ascending order");
  fails(Tensor::of<int64_t>({0, 3, 1, 0}, {2, 2}), {2, 3}, "index 3 of value 0 is outside dimension 1 of size 3");
  fails(Tensor::of<int32_t>({0, 1}, {2}), {2, 3}, "expected int64");
  fails(Tensor::of<int64_t>({0, 1, 2}, {3}), {2, 3}, "indices of shape [3]");
  fails(Tensor::of<int64_t>({0, 1}, {2}), {int64_t{1} << 40, int64_t{1} << 40}, "2^63");
}

TEST(OnnxValues, RoundTrip) {
  const Type tensor = Type::tensor(DType::float32);
  const Datum one(Tensor::of<float>({1, 2}, {2}));
  const Datum list(std::vector<Datum>{one, one});
  const auto trip = [](const Datum& value, const Type& type) {
    return *read_onnx_value(Bytes::own(*write_onnx_value(value, "v", type)), "v.pb", type);
  };
  EXPECT_EQ(trip(one, tensor).tensor.values<float>()[1], 2.0f);
  EXPECT_EQ(trip(list, Type::sequence(tensor)).sequence->size(), 2u);
  EXPECT_FALSE(trip(Datum(), Type::optional(tensor)).present());
  EXPECT_EQ(trip(one, Type::optional(tensor)).tensor.dim(0), 2);
  EXPECT_EQ(trip(list, Type::optional(Type::sequence(tensor))).sequence->size(), 2u);
  const Datum nested(std::vector<Datum>{list, list});
  EXPECT_EQ(trip(nested, Type::sequence(Type::sequence(tensor))).sequence->front().sequence->size(), 2u);
  EXPECT_FALSE(write_onnx_value(Datum(), "v", tensor).ok());
  EXPECT_FALSE(read_onnx_value(Bytes::own(std::string("\xff\xff")), "v.pb", tensor).ok());
}

}  // namespace
}  // namespace minnow::onnx
