#include <csetjmp>
#include <cstdio>  // jpeglib.h needs FILE

#include <jpeglib.h>

#include "api/picture_codecs.h"

namespace minnow {
namespace {

struct Failure {
  jpeg_error_mgr manager;  // first: libjpeg hands back a pointer to it
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void fail(j_common_ptr info) {
  Failure* failure = reinterpret_cast<Failure*>(info->err);
  failure->manager.format_message(info, failure->message);
  std::longjmp(failure->jump, 1);
}

// Level -1 is a warning: the data are damaged or end early, and the rest would be gray.
void on_message(j_common_ptr info, int level) {
  if (level < 0) fail(info);
}

// EXIF: APP1 with "Exif\0\0" and a TIFF header; orientation is tag 0x0112 of the first directory. 1 when there is none.
int exif_orientation(const unsigned char* data, size_t size) {
  if (size < 14 || std::string_view(reinterpret_cast<const char*>(data), 6) != std::string_view("Exif\0\0", 6))
    return 1;
  data += 6;
  size -= 6;
  const bool little = data[0] == 'I';
  const auto read = [&](size_t at, int count) -> uint32_t {
    if (at > size || size - at < static_cast<size_t>(count)) return 0;
    uint32_t value = 0;
    for (int i = 0; i < count; ++i) value = value << 8 | data[at + static_cast<size_t>(little ? count - 1 - i : i)];
    return value;
  };
  const size_t directory = read(4, 4);
  const uint32_t entries = read(directory, 2);
  for (uint32_t i = 0; i < entries && directory + 2 + 12 * i + 12 <= size; ++i) {
    const size_t entry = directory + 2 + 12 * static_cast<size_t>(i);
    if (read(entry, 2) == 0x0112) return static_cast<int>(read(entry + 8, 2));
  }
  return 1;
}

// Orientations 2 to 8 are mirror images and quarter turns: where the stored pixel (x, y) is shown.
Picture oriented(Picture stored, int orientation) {
  if (orientation < 2 || orientation > 8) return stored;
  const int64_t w = stored.width, h = stored.height;
  const bool turned = orientation >= 5;
  Picture shown{turned ? h : w, turned ? w : h, std::vector<uint8_t>(stored.rgb.size())};
  for (int64_t y = 0; y < h; ++y) {
    for (int64_t x = 0; x < w; ++x) {
      int64_t to_x = x, to_y = y;
      switch (orientation) {
        case 2: to_x = w - 1 - x; break;
        case 3:
          to_x = w - 1 - x;
          to_y = h - 1 - y;
          break;
        case 4: to_y = h - 1 - y; break;
        case 5:
          to_x = y;
          to_y = x;
          break;
        case 6:
          to_x = h - 1 - y;
          to_y = x;
          break;
        case 7:
          to_x = h - 1 - y;
          to_y = w - 1 - x;
          break;
        default:
          to_x = y;
          to_y = w - 1 - x;
          break;
      }
      for (int64_t c = 0; c < 3; ++c) {
        shown.rgb[static_cast<size_t>((to_y * shown.width + to_x) * 3 + c)] =
            stored.rgb[static_cast<size_t>((y * w + x) * 3 + c)];
      }
    }
  }
  return shown;
}

// Adobe stores CMYK inverted: 255 means no ink.
void cmyk_row_to_rgb(const std::vector<uint8_t>& cmyk, bool inverted, uint8_t* rgb) {
  for (size_t x = 0; x < cmyk.size() / 4; ++x) {
    const unsigned black = inverted ? cmyk[4 * x + 3] : 255u - cmyk[4 * x + 3];
    for (size_t c = 0; c < 3; ++c) {
      const unsigned ink = inverted ? cmyk[4 * x + c] : 255u - cmyk[4 * x + c];
      rgb[3 * x + c] = static_cast<uint8_t>((ink * black + 127) / 255);
    }
  }
}

struct Decoder {
  jpeg_decompress_struct info{};
  Failure failure{};
  Picture picture;
  std::vector<uint8_t> row;
  Status size_status;
  int orientation = 1;
};

// Everything that may longjmp. Objects with destructors live in `decoder`, outside this frame: a jump skips no
// destructor.
bool decode(const Bytes& bytes, const PictureLimits& limits, Decoder& decoder) {
  jpeg_decompress_struct& info = decoder.info;
  if (setjmp(decoder.failure.jump) != 0) return false;
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<unsigned long>(bytes.size()));
  jpeg_save_markers(&info, JPEG_APP0 + 1, 0xFFFF);
  jpeg_read_header(&info, TRUE);
  decoder.size_status = check_picture_size(info.image_width, info.image_height, limits);
  if (!decoder.size_status.ok()) return true;
  for (jpeg_saved_marker_ptr marker = info.marker_list; marker != nullptr; marker = marker->next) {
    const int found = exif_orientation(marker->data, marker->data_length);
    if (found != 1) decoder.orientation = found;
  }
  const bool cmyk = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  info.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(&info);
  decoder.picture.width = info.output_width;
  decoder.picture.height = info.output_height;
  decoder.picture.rgb.resize(static_cast<size_t>(info.output_width) * info.output_height * 3);
  decoder.row.resize(static_cast<size_t>(info.output_width) * 4);
  while (info.output_scanline < info.output_height) {
    uint8_t* out = decoder.picture.rgb.data() + static_cast<size_t>(info.output_scanline) * info.output_width * 3;
    JSAMPROW line = cmyk ? decoder.row.data() : out;
    jpeg_read_scanlines(&info, &line, 1);
    if (cmyk) cmyk_row_to_rgb(decoder.row, info.saw_Adobe_marker != 0, out);
  }
  jpeg_finish_decompress(&info);
  return true;
}

}  // namespace

Result<Picture> decode_jpeg(const Bytes& bytes, const PictureLimits& limits) {
  Decoder decoder;
  decoder.info.err = jpeg_std_error(&decoder.failure.manager);
  decoder.failure.manager.error_exit = fail;
  decoder.failure.manager.emit_message = on_message;
  struct Cleanup {
    jpeg_decompress_struct* info;
    ~Cleanup() { jpeg_destroy_decompress(info); }
  } cleanup{&decoder.info};
  if (!decode(bytes, limits, decoder)) return bad_input({"JPEG: ", std::string(decoder.failure.message)});
  MN_TRY(std::move(decoder.size_status));
  return oriented(std::move(decoder.picture), decoder.orientation);
}

}  // namespace minnow
