#include "api/picture.h"

#include <algorithm>
#include <cmath>

#include "base/guard.h"
#include "api/picture_codecs.h"
#include "base/text.h"

namespace minnow {
namespace {

struct Tap {
  int64_t low, high;
  float weight;  // of `high`
};

// For each output position: the two input positions it lies between, with pixel centres at half.
std::vector<Tap> bilinear_taps(int64_t in, int64_t out) {
  std::vector<Tap> taps(static_cast<size_t>(out));
  const double ratio = static_cast<double>(in) / static_cast<double>(out);
  for (int64_t i = 0; i < out; ++i) {
    const double position = std::clamp((static_cast<double>(i) + 0.5) * ratio - 0.5, 0.0, static_cast<double>(in - 1));
    const int64_t low = static_cast<int64_t>(position);
    taps[static_cast<size_t>(i)] = {low, std::min(low + 1, in - 1),
                                    static_cast<float>(position - static_cast<double>(low))};
  }
  return taps;
}

struct Size {
  int64_t height, width;
};

// The contract's size; a side given as 0 follows from the picture's aspect ratio, both as 0 keep the picture's size.
Size target_size(const Picture& picture, const InputContract& contract) {
  Size size{contract.height, contract.width};
  if (size.height == 0 && size.width == 0) return {picture.height, picture.width};
  if (size.height == 0)
    size.height =
        std::max<int64_t>(1, std::llround(static_cast<double>(picture.height) * static_cast<double>(size.width) /
                                          static_cast<double>(picture.width)));
  if (size.width == 0)
    size.width =
        std::max<int64_t>(1, std::llround(static_cast<double>(picture.width) * static_cast<double>(size.height) /
                                          static_cast<double>(picture.height)));
  return size;
}

Status check_contract(const InputContract& contract, int64_t channels, DType dtype) {
  MN_CHECK(contract.height >= 0 && contract.width >= 0, "picture size: expected positive height and width, got ",
           contract.height, " x ", contract.width);
  MN_CHECK(contract.color == "RGB" || contract.color == "BGR" || contract.color == "GRAY",
           "colour order: expected RGB, BGR or GRAY, got '", printable(contract.color), "'");
  MN_CHECK(contract.layout == "NCHW" || contract.layout == "NHWC", "layout: expected NCHW or NHWC, got '",
           printable(contract.layout), "'");
  for (const std::vector<float>& values : {contract.mean, contract.scale}) {
    MN_CHECK(values.size() == 1 || values.size() == static_cast<size_t>(channels),
             "mean and scale: expected one value or ", channels, ", got ", values.size());
  }
  MN_CHECK(is_float(dtype) || dtype == DType::uint8, "a picture becomes a floating-point or uint8 tensor, not ",
           to_string(dtype), "; give the input as .npy");
  return {};
}

// Sample c of a pixel in the contract's colour order; gray by BT.601's weights.
float sample(const uint8_t* pixel, const std::string& color, int64_t c) {
  if (color == "GRAY") return 0.299f * pixel[0] + 0.587f * pixel[1] + 0.114f * pixel[2];
  return pixel[color == "BGR" ? 2 - c : c];
}

float of_channel(const std::vector<float>& values, int64_t c) {
  return values.size() == 1 ? values[0] : values[static_cast<size_t>(c)];
}

}  // namespace

Status check_picture_size(int64_t width, int64_t height, const PictureLimits& limits) {
  MN_CHECK(width > 0 && height > 0, "the picture is ", width, " x ", height, " pixels");
  if (width > limits.pixels / height) {
    return over_limit(
        {"the picture is ", width, " x ", height, " pixels, the limit is ", limits.pixels, " pixels; shrink it first"});
  }
  return {};
}

Result<Picture> decode_picture(const Bytes& bytes, std::string_view name, const PictureLimits& limits) {
  Result<Picture> picture = guarded([&]() -> Result<Picture> {
    const std::string_view text = bytes.text();
    if (starts_with(text, "\x89PNG")) return decode_png(bytes, limits);
    if (starts_with(text, "\xFF\xD8\xFF")) return decode_jpeg(bytes, limits);
    if (starts_with(text, "BM")) return decode_bmp(bytes, limits);
    return bad_input({"not a PNG, JPEG or BMP picture"});
  });
  if (!picture.ok()) return std::move(picture.error()).in(printable(name));
  return picture;
}

Picture resize_picture(const Picture& picture, int64_t width, int64_t height) {
  if (width == picture.width && height == picture.height) return picture;
  const std::vector<Tap> columns = bilinear_taps(picture.width, width), rows = bilinear_taps(picture.height, height);
  Picture out{width, height, std::vector<uint8_t>(static_cast<size_t>(width * height * 3))};
  for (int64_t y = 0; y < height; ++y) {
    const Tap row = rows[static_cast<size_t>(y)];
    const uint8_t* upper = picture.rgb.data() + row.low * picture.width * 3;
    const uint8_t* lower = picture.rgb.data() + row.high * picture.width * 3;
    for (int64_t x = 0; x < width; ++x) {
      const Tap column = columns[static_cast<size_t>(x)];
      for (int64_t c = 0; c < 3; ++c) {
        const float top = static_cast<float>(upper[column.low * 3 + c]) * (1 - column.weight) +
                          static_cast<float>(upper[column.high * 3 + c]) * column.weight;
        const float bottom = static_cast<float>(lower[column.low * 3 + c]) * (1 - column.weight) +
                             static_cast<float>(lower[column.high * 3 + c]) * column.weight;
        out.rgb[static_cast<size_t>((y * width + x) * 3 + c)] =
            static_cast<uint8_t>(std::lround(top * (1 - row.weight) + bottom * row.weight));
      }
    }
  }
  return out;
}

Result<Tensor> picture_tensor(const Picture& picture, const InputContract& contract, DType dtype) {
  return guarded([&]() -> Result<Tensor> {
    const int64_t channels = contract.color == "GRAY" ? 1 : 3;
    MN_TRY(check_contract(contract, channels, dtype));
    const auto [height, width] = target_size(picture, contract);
    MN_TRY(check_picture_size(width, height, {}));
    const Picture sized = resize_picture(picture, width, height);
    const bool channels_first = contract.layout == "NCHW";
    MN_ASSIGN(Tensor out, Tensor::allocate(DType::float32, channels_first ? Dims{1, channels, height, width}
                                                                          : Dims{1, height, width, channels}));
    float* data = out.mutable_data<float>();
    for (int64_t c = 0; c < channels; ++c) {
      const float mean = of_channel(contract.mean, c), scale = of_channel(contract.scale, c);
      for (int64_t i = 0; i < height * width; ++i) {
        data[channels_first ? c * height * width + i : i * channels + c] =
            (sample(sized.rgb.data() + 3 * i, contract.color, c) - mean) * scale;
      }
    }
    if (dtype == DType::float32) return out;
    return convert_dtype(out, dtype);
  });
}

}  // namespace minnow
