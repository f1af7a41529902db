// .npy, safetensors and the recognition of file formats.
#include <gtest/gtest.h>

#include <cstring>

#include "import/format.h"
#include "import/npy.h"
#include "import/safetensors.h"

namespace minnow {
namespace {

Result<Tensor> load_npy(std::string file) { return read_npy(Bytes::own(std::move(file)), "a.npy"); }

std::string npy_file(std::string_view dict, std::string_view data, char major = 1) {
  std::string file("\x93NUMPY", 6);
  file += {major, '\0'};
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i) file += static_cast<char>(dict.size() >> (8 * i) & 0xff);
  return file.append(dict).append(data);
}

std::string npy_error(std::string_view dict, std::string_view data) {
  const Result<Tensor> tensor = load_npy(npy_file(dict, data));
  return tensor.ok() ? "no error" : tensor.error().message;
}

bool same(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.dims() == b.dims() &&
         std::memcmp(a.raw().data(), b.raw().data(), a.raw().size()) == 0;
}

TEST(Npy, RoundTrips) {
  const DType dtypes[] = {DType::float32, DType::float64, DType::float16,   DType::boolean,   DType::int8,
                          DType::int16,   DType::int32,   DType::int64,     DType::uint8,     DType::uint16,
                          DType::uint32,  DType::uint64,  DType::complex64, DType::complex128};
  for (const DType dtype : dtypes) {
    for (const Dims& dims : {Dims{}, Dims{3}, Dims{2, 3}, Dims{0, 5}, Dims{1, 2, 1, 3}}) {
      Tensor tensor = *Tensor::allocate(dtype, dims);
      for (int64_t i = 0; i < tensor.bytes(); ++i)
        tensor.mutable_data<uint8_t>()[i] = dtype == DType::boolean ? i % 2 : i * 7 % 100;
      const Result<std::string> file = npy_bytes(tensor);
      ASSERT_TRUE(file.ok()) << to_string(dtype);
      EXPECT_EQ(file->find('\n') % 64, 63u);
      const Result<Tensor> back = load_npy(*file);
      ASSERT_TRUE(back.ok()) << back.error().message;
      EXPECT_TRUE(same(*back, tensor)) << to_string(dtype) << " " << to_string(dims);
    }
  }
  EXPECT_EQ(npy_bytes(*Tensor::allocate(DType::bfloat16, {2})).error().code, ErrorCode::unsupported);
}

TEST(Npy, ReadsFortranOrderAndBigEndian) {
  // [[1, 2, 3], [4, 5, 6]] by columns, as big-endian 16-bit integers.
  const std::string_view data("\0\1\0\4\0\2\0\5\0\3\0\6", 12);
  const Result<Tensor> tensor =
      load_npy(npy_file("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }\n", data));
  ASSERT_TRUE(tensor.ok()) << tensor.error().message;
  EXPECT_TRUE(same(*tensor, Tensor::of<int16_t>({1, 2, 3, 4, 5, 6}, {2, 3})));
}

TEST(Npy, ReadsEveryVersion) {
  for (const char major : {1, 2, 3}) {
    const Result<Tensor> tensor =
        load_npy(npy_file("{\"descr\":\"<u1\",\"fortran_order\":False,\"shape\":(2,)}", "ab", major));
    ASSERT_TRUE(tensor.ok()) << tensor.error().message;
    EXPECT_EQ(tensor->dim(0), 2);
  }
  EXPECT_FALSE(load_npy(npy_file("{'descr':'<u1','fortran_order':False,'shape':(2,)}", "ab", 4)).ok());
}

TEST(Npy, RefusesWhatItCannotTrust) {
  EXPECT_NE(npy_error("{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", "x").find("pickled"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "abcd").find("records"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", "abcd").find("has 4 bytes"),
            std::string::npos);
  EXPECT_NE(
      npy_error("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296)}", "abcd").find("2^63"),
      std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", "").find("not a size"),
            std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<f4', 'shape': (1,)}", "abcd").find("fortran_order"), std::string::npos);
  EXPECT_NE(npy_error("{'descr': '<U3', 'fortran_order': False, 'shape': (1,)}", "abcd").find("not supported"),
            std::string::npos);
  EXPECT_NE(load_npy("\x80\x04K\x01.").error().message.find("pickle"), std::string::npos);
  const std::string file = npy_file("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "abcd");
  for (size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(load_npy(file.substr(0, size)).ok()) << size;
}

std::string tensors_file(std::string_view header, std::string_view data = "") {
  std::string file(8, '\0');
  for (size_t i = 0; i < 8; ++i) file[i] = static_cast<char>(header.size() >> (8 * i));
  return file.append(header).append(data);
}

std::string tensors_error(std::string file) {
  const Result<NamedTensors> tensors = read_safetensors(Bytes::own(std::move(file)), "a.safetensors");
  return tensors.ok() ? "no error" : tensors.error().message;
}

TEST(Safetensors, RoundTrips) {
  NamedTensors tensors = {{"bytes", Tensor::of<uint8_t>({1, 2, 3}, {3})},
                          {"weight \"1\"", Tensor::of<float>({1, 2, 3, 4}, {2, 2})},
                          {"empty", *Tensor::allocate(DType::bfloat16, {0, 4})},
                          {"scalar", Tensor::scalar(int64_t{-5})}};
  Tensor codes = *Tensor::allocate(DType::float4e2m1, {3});
  for (int i = 0; i < 3; ++i) codes.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(5 * i);
  tensors.emplace_back("codes", codes);
  const Result<std::string> file = safetensors_bytes(tensors, {{"format", "pt"}});
  ASSERT_TRUE(file.ok()) << file.error().message;
  std::vector<std::pair<std::string, std::string>> metadata;
  const Result<NamedTensors> back = read_safetensors(Bytes::own(*file), "a", {}, &metadata);
  ASSERT_TRUE(back.ok()) << back.error().message;
  ASSERT_EQ(back->size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ((*back)[i].first, tensors[i].first);
    EXPECT_TRUE(same((*back)[i].second, tensors[i].second)) << tensors[i].first;
  }
  ASSERT_EQ(metadata.size(), 1u);
  EXPECT_EQ(metadata[0].second, "pt");
  EXPECT_FALSE(safetensors_bytes({{"a", tensors[0].second}, {"a", tensors[0].second}}).ok());
  EXPECT_FALSE(safetensors_bytes({{"a", Tensor::of_strings({"x"}, {1})}}).ok());
}

TEST(Safetensors, RefusesBadHeaders) {
  const auto expect = [](const std::string& error, std::string_view part) {
    EXPECT_NE(error.find(part), std::string::npos) << error;
  };
  expect(tensors_error(""), "too short");
  expect(tensors_error(std::string("\0\0\0\0\0\0\0\x40{}", 10)), "a header of 4611686018427387904 bytes");
  expect(tensors_error(std::string("\x40\0\0\0\0\0\0\0{}", 10)), "a header of 64 bytes in a file of 10");
  expect(tensors_error(tensors_file("[]")), "does not start with '{'");
  expect(tensors_error(tensors_file("{\"a\":1}")), "the number 1 where it does not belong");
  expect(tensors_error(tensors_file("{\"a\"")), "not JSON");
  expect(tensors_error(tensors_file(
             "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"a\":{\"dtype\":\"U8\"}}", "x")),
         "is given twice");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\"}}")), "the key 'dtype' is given twice");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[-1],\"data_offsets\":[0,1]}}", "x")),
         "the number -1");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,2]}}", "xy")),
         "span 2 bytes");
  expect(tensors_error(
             tensors_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,1]}}", "x")),
         "2^63");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"Q8\",\"shape\":[1],\"data_offsets\":[0,1]}}", "x")),
         "'Q8' is not supported");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[1]}}", "x")), "are needed");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}", "xy")),
         "there is a gap");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]}}", "xy")),
         "end at byte 1 of 2");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[5,9]}}", "xy")),
         "in 2 bytes of data");
  expect(tensors_error(tensors_file("{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},"
                                    "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
                                    "xyz")),
         "tensors overlap");
  expect(tensors_error(tensors_file("{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}")),
         "an array where it does not belong");
  expect(tensors_error(tensors_file("{\"__metadata__\":{\"x\":{\"y\":\"z\"}}}")), "an object where it does not belong");
}

TEST(Format, IsTakenFromBytesThenName) {
  const auto detect = [](std::string bytes, std::string_view path) {
    return detect_format(Bytes::own(std::move(bytes)), path);
  };
  EXPECT_EQ(detect(std::string("\x1c\0\0\0TFL3", 8), "model.onnx"), FileFormat::tflite);
  EXPECT_EQ(detect(std::string("\x08\x08\x12\x07pytorch", 11), ""), FileFormat::onnx);
  EXPECT_EQ(detect(std::string("\x12\x07pytorch", 9), "model.ONNX"), FileFormat::onnx);
  EXPECT_EQ(detect(tensors_file("{\"a\":1}"), ""), FileFormat::safetensors);
  EXPECT_EQ(detect(npy_file("{}", ""), ""), FileFormat::npy);
  EXPECT_EQ(detect("minnow graph 1\n", "x"), FileFormat::graph_text);
  EXPECT_EQ(detect(std::string("PK\x03\x04..."), "model.pt"), FileFormat::zip);
  EXPECT_EQ(detect(std::string("PK\x03\x04..."), "model.keras"), FileFormat::keras);
  for (const char* head : {"\x80\x02}q\x01", "\x80\x03}q\x01", "\x80\x04}q\x01", "\x80\x05}q\x01"})
    EXPECT_EQ(detect(head, "model"), FileFormat::pickle);
  EXPECT_NE(detect("\x80\x06}q\x01", "model"), FileFormat::pickle);
  EXPECT_EQ(detect("<!DOCTYPE html>", "model.onnx"), FileFormat::html);
  EXPECT_EQ(detect("????????", "model.xyz"), FileFormat::unknown);
}

TEST(Format, RefusalsGiveAdvice) {
  EXPECT_NE(refuse_format(FileFormat::pickle, "m.pkl").message.find("torch.onnx.export"), std::string::npos);
  EXPECT_NE(refuse_format(FileFormat::hdf5, "m.h5").message.find("TFLiteConverter"), std::string::npos);
  EXPECT_EQ(refuse_format(FileFormat::unknown, "m").code, ErrorCode::bad_input);
}

}  // namespace
}  // namespace minnow
