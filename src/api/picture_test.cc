// Pictures are made here with the libraries' encoders or byte by byte; nothing is read from files.
#include "api/picture.h"

#include <gtest/gtest.h>

#include <png.h>

#include <cstdio>

#include <jpeglib.h>

#include <cstring>

namespace minnow {
namespace {

Bytes bytes_of(std::string data) { return Bytes::own(std::move(data)); }

std::string png_of(png_uint_32 format, png_uint_32 width, png_uint_32 height, const void* pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = format;
  png_alloc_size_t size = 0;
  EXPECT_NE(png_image_write_to_memory(&image, nullptr, &size, 0, pixels, 0, nullptr), 0);
  std::string data(size, '\0');
  EXPECT_NE(png_image_write_to_memory(&image, data.data(), &size, 0, pixels, 0, nullptr), 0);
  return data;
}

std::string jpeg_of(int width, int height, int components, J_COLOR_SPACE space, const std::vector<uint8_t>& pixels,
                    const std::string& app1 = "") {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = components;
  info.in_color_space = space;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  for (int c = 0; c < info.num_components; ++c) info.comp_info[c].h_samp_factor = info.comp_info[c].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  if (!app1.empty())
    jpeg_write_marker(&info, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(app1.data()),
                      static_cast<unsigned>(app1.size()));
  for (int y = 0; y < height; ++y) {
    JSAMPROW row = const_cast<uint8_t*>(pixels.data()) + static_cast<size_t>(y * width * components);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  std::string data(reinterpret_cast<char*>(buffer), size);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return data;
}

std::string exif(char orientation) {
  std::string tiff = std::string("Exif\0\0MM\0\x2A\0\0\0\x08\0\x01", 16);
  tiff += std::string("\x01\x12\0\x03\0\0\0\x01\0", 9);
  tiff += orientation;
  return tiff + std::string("\0\0\0\0\0\0", 6);
}

Picture decoded(const std::string& data) {
  auto picture = decode_picture(bytes_of(data), "test");
  EXPECT_TRUE(picture.ok()) << (picture.ok() ? "" : picture.error().message);
  return picture.ok() ? std::move(picture).value() : Picture{};
}

TEST(Picture, PngOfEveryDepth) {
  const uint8_t rgb[] = {255, 0, 0, 0, 255, 0};
  EXPECT_EQ(decoded(png_of(PNG_FORMAT_RGB, 2, 1, rgb)).rgb, (std::vector<uint8_t>{255, 0, 0, 0, 255, 0}));
  const uint8_t gray[] = {7, 200};
  EXPECT_EQ(decoded(png_of(PNG_FORMAT_GRAY, 1, 2, gray)).rgb, (std::vector<uint8_t>{7, 7, 7, 200, 200, 200}));
  const uint8_t clear[] = {255, 255, 255, 0, 9, 9, 9, 255};  // a transparent pixel becomes black
  EXPECT_EQ(decoded(png_of(PNG_FORMAT_RGBA, 2, 1, clear)).rgb, (std::vector<uint8_t>{0, 0, 0, 9, 9, 9}));
  const uint16_t deep[] = {65535, 0, 0};  // 16 bits, linear
  EXPECT_EQ(decoded(png_of(PNG_FORMAT_LINEAR_RGB, 1, 1, deep)).rgb, (std::vector<uint8_t>{255, 0, 0}));
}

TEST(Picture, TruncatedFilesAreErrors) {
  std::vector<uint8_t> noise(64 * 64 * 3);
  uint32_t state = 1;
  for (uint8_t& value : noise) value = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  const std::string png = png_of(PNG_FORMAT_RGB, 64, 64, noise.data()), jpeg = jpeg_of(64, 64, 3, JCS_RGB, noise);
  EXPECT_EQ(decoded(png).width, 64);
  EXPECT_EQ(decoded(jpeg).width, 64);
  for (const std::string& whole : {png, jpeg}) {
    for (size_t size : {size_t{3}, size_t{20}, whole.size() / 2, whole.size() - 40}) {
      const auto picture = decode_picture(bytes_of(whole.substr(0, size)), "cut");
      ASSERT_FALSE(picture.ok()) << size;
      EXPECT_EQ(picture.error().code, ErrorCode::bad_input);
      EXPECT_EQ(picture.error().message.rfind("cut: ", 0), 0u) << picture.error().message;
    }
  }
}

TEST(Picture, SizesAreCheckedBeforeAllocation) {
  std::string png = png_of(PNG_FORMAT_GRAY, 1, 1, "x");
  const PictureLimits small{100};
  const std::vector<uint8_t> gray(11 * 10);
  const auto over = decode_picture(bytes_of(png_of(PNG_FORMAT_GRAY, 11, 10, gray.data())), "big", small);
  ASSERT_FALSE(over.ok());
  EXPECT_EQ(over.error().code, ErrorCode::limit);
  const std::vector<uint8_t> rgb(11 * 10 * 3);
  EXPECT_EQ(decode_picture(bytes_of(jpeg_of(11, 10, 3, JCS_RGB, rgb)), "big", small).error().code, ErrorCode::limit);
  std::string bomb("BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xFF\xFF\0\0\xFF\xFF\0\0\x01\0\x18\0", 30);
  bomb.resize(54);
  EXPECT_EQ(decode_picture(bytes_of(bomb), "bomb").error().code, ErrorCode::limit);
}

TEST(Picture, ExifTurnsThePicture) {
  std::vector<uint8_t> pixels(16 * 8 * 3, 0);  // left half white
  for (size_t i = 0; i < 16 * 8; ++i) {
    for (size_t c = 0; i % 16 < 8 && c < 3; ++c) pixels[3 * i + c] = 255;
  }
  const Picture plain = decoded(jpeg_of(16, 8, 3, JCS_RGB, pixels));
  EXPECT_EQ(plain.width, 16);
  const Picture turned =
      decoded(jpeg_of(16, 8, 3, JCS_RGB, pixels, exif(6)));  // shown after a quarter turn to the right
  ASSERT_EQ(turned.width, 8);
  ASSERT_EQ(turned.height, 16);
  EXPECT_GT(turned.rgb[0], 200);  // what was left is at the top
  EXPECT_LT(turned.rgb[3 * (15 * 8)], 50);
  const Picture mirrored = decoded(jpeg_of(16, 8, 3, JCS_RGB, pixels, exif(2)));
  EXPECT_LT(mirrored.rgb[0], 50);
  EXPECT_GT(mirrored.rgb[3 * 15], 200);
  const Picture upside = decoded(jpeg_of(16, 8, 3, JCS_RGB, pixels, exif(8)));
  EXPECT_LT(upside.rgb[0], 50);
}

TEST(Picture, CmykBecomesRgb) {
  std::vector<uint8_t> inks;  // libjpeg stores CMYK as Adobe does: 255 means no ink
  for (int i = 0; i < 64; ++i) inks.insert(inks.end(), {255, 0, 0, 255});
  const Picture picture = decoded(jpeg_of(8, 8, 4, JCS_CMYK, inks));
  EXPECT_GT(picture.rgb[0], 250);
  EXPECT_LT(picture.rgb[1], 5);
  EXPECT_LT(picture.rgb[2], 5);
}

TEST(Picture, BmpBottomUpAndTopDown) {
  std::string bmp("BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x02\0\0\0\x01\0\x18\0", 30);
  bmp.resize(54);
  bmp += std::string("\x01\x02\x03\0\x0A\x0B\x0C\0", 8);  // rows of one BGR pixel, padded to 4 bytes
  EXPECT_EQ(decoded(bmp).rgb, (std::vector<uint8_t>{12, 11, 10, 3, 2, 1}));
  const uint32_t negative = 0xFFFFFFFE;
  std::memcpy(bmp.data() + 22, &negative, 4);
  EXPECT_EQ(decoded(bmp).rgb, (std::vector<uint8_t>{3, 2, 1, 12, 11, 10}));
  EXPECT_FALSE(decode_picture(bytes_of(bmp.substr(0, bmp.size() - 1)), "cut").ok());
  EXPECT_FALSE(decode_picture(bytes_of("GIF89a"), "other").ok());
}

TEST(Picture, ResizesBetweenPixelCentres) {
  const Picture two{2, 1, {0, 0, 0, 100, 100, 100}};
  const Picture four = resize_picture(two, 4, 1);  // centres at -0.25, 0.25, 0.75, 1.25 of the input
  EXPECT_EQ(four.rgb, (std::vector<uint8_t>{0, 0, 0, 25, 25, 25, 75, 75, 75, 100, 100, 100}));
}

TEST(Picture, TensorByTheContract) {
  const Picture picture{1, 1, {10, 20, 30}};
  InputContract contract;
  contract.mean = {1, 2, 3};
  contract.scale = {0.5f};
  contract.color = "BGR";
  auto tensor = picture_tensor(picture, contract);
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->dims(), (Dims{1, 3, 1, 1}));
  EXPECT_EQ(to_doubles(*tensor), (std::vector<double>{14.5, 9, 3.5}));
  contract.layout = "NHWC";
  contract.height = 2;
  contract.width = 2;
  tensor = picture_tensor(picture, contract);
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->dims(), (Dims{1, 2, 2, 3}));
  contract.color = "CMYK";
  EXPECT_FALSE(picture_tensor(picture, contract).ok());
  contract.color = "GRAY";
  EXPECT_FALSE(picture_tensor(picture, contract).ok());  // three means for one channel
  contract.mean = {0};
  contract.scale = {1};
  contract.height = 0;
  contract.width = 3;  // the other side keeps the aspect ratio
  tensor = picture_tensor(picture, contract, DType::uint8);
  ASSERT_TRUE(tensor.ok());
  EXPECT_EQ(tensor->dims(), (Dims{1, 3, 3, 1}));
  EXPECT_EQ(tensor->data<uint8_t>()[0], 18);  // 0.299 * 10 + 0.587 * 20 + 0.114 * 30 = 18.15, as an integer 18
  EXPECT_FALSE(picture_tensor(picture, contract, DType::int64).ok());
}

}  // namespace
}  // namespace minnow
