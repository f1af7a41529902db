// Products of 8-bit integers, compiled once for each instruction set (simd/integer.cc, simd/integer_depthwise.cc). Sums
// are int32 and wrap; all instruction sets give the same bits. C headers only.
#pragma once

#include <stdint.h>

namespace minnow::simd {

// What becomes of the sums of one row or pixel, column by column. Arrays can be read for a whole tile's columns.
struct IntegerFinish {
  const int32_t* offsets;  // added to the sums
  // Subtracted, times the sum of A's row: B's zero points. Null: none.
  const int32_t* zero_points;
  const float* scales;  // null: the sums are stored as they are
  const float* shifts;  // added after scaling; null: none
  // Whether codes are stored: round(x) + zero, ties to even, limited to [low, high], low where x is no number. Else x.
  bool to_codes;
  bool is_signed;  // of the codes
  int32_t zero, low, high;
};

// C[rows, cols] = finish((A[rows, depth] + shift) B[depth, cols]), rows <= tile_rows, cols <= tile_cols.
struct IntegerTile {
  int64_t groups;         // of the depth
  const void* a;          // in the table's form
  int64_t a_row;          // elements: a multiple of a group, as every row's length
  const int32_t* a_sums;  // of each row of A + shift; read with finish.zero_points alone
  const int8_t* b;        // [groups, tile_cols, group], then the columns' sums [tile_cols] where shift is not always 0
  int32_t shift;
  void* c;
  int64_t c_row;  // elements
  const IntegerFinish* finish;
};

// Rows of A from an image [H, W, C]: the patches under a window, channel by channel within each tap.
struct IntegerPatches {
  const uint8_t* x;
  const uint8_t* end;  // of what may be read
  bool is_signed;
  int32_t zero;  // what stands in the padding
  int64_t h, w, pixel_bytes, channels;
  int64_t kh, kw, stride_h, stride_w, dilation_h, dilation_w, top, left;
  int64_t oh, ow;
};

// One row of output pixels, channel by channel, `block` of them at a time: the table's channel_block, or half of it
// where there are fewer.
struct IntegerDepthwise {
  int64_t cols, channels, pairs, block;
  bool is_signed;
  const uint8_t* const* taps;  // [cols, 2 pairs]: where each tap's channels begin
  const int16_t* weights;      // [blocks, pairs, block, 2]; the last block ends with the last channel
  void* out;                   // [cols, channels]
  const IntegerFinish* finish;
};

// A's form is either int16, codes less the zero point, in [-255, 255], as instructions on pairs of words take them; or
// bytes, as those on groups of four or eight do: codes moved so that the lowest becomes `lowest`. The shift makes up
// for the rest.
struct IntegerProducts {
  int group;          // elements along the depth that lie together in B's panels
  int element_bytes;  // of A
  int lowest;         // of A's bytes: -128 where they are multiplied as signed ones, 0 as unsigned ones
  void (*tile)(int rows, int cols, const IntegerTile* tile);
  int tile_rows;
  int tile_cols;
  // Codes in A's form.
  void (*widen)(int64_t count, const uint8_t* in, bool is_signed, int32_t zero, void* out);
  int32_t (*sum)(int64_t count, const void* in);
  // Patches of output pixels [first, first + count), a row each; `row` elements from one to the next. Behind a patch up
  // to 15 elements may be written, which are 0 after all.
  void (*patches)(const IntegerPatches* image, int64_t first, int64_t count, int64_t row, void* out);
};

struct IntegerTable : IntegerProducts {
  void (*depthwise)(const IntegerDepthwise* row);
  int channel_block;
  // out[j * out_row + i] = in[i * in_row + j], i < rows, j < cols
  void (*transpose_bytes)(int64_t rows, int64_t cols, const uint8_t* in, int64_t in_row, uint8_t* out, int64_t out_row);
  // codes = round(x / scale) + zero, limited to [low, high] before the zero point; low where x / scale is no number.
  void (*quantize)(int64_t count, const float* in, float scale, float low, float high, int32_t zero, uint8_t* out);
  void (*dequantize)(int64_t count, const uint8_t* in, bool is_signed, int32_t zero, float scale, float* out);
};

// What these have instead of the set before them (simd/dot).
namespace avx_vnni {
extern const IntegerProducts kIntegerProducts;
}
namespace avx512vnni {
extern const IntegerProducts kIntegerProducts;
}
namespace dotprod {
extern const IntegerProducts kIntegerProducts;
}
namespace i8mm {
extern const IntegerProducts kIntegerProducts;
}

}  // namespace minnow::simd
