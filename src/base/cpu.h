// What this processor can do, as far as the operating system lets programs use it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace minnow {

struct CpuFeatures {
  // x86
  bool sse42 = false;
  bool sha = false;  // rounds and schedule of SHA-256; with SSE4.1
  bool avx = false;
  bool avx2 = false;
  bool fma = false;
  bool f16c = false;
  bool avx_vnni = false;  // vpdpbusd on 256-bit registers without AVX-512
  bool avx512f = false;
  bool avx512bw = false;
  bool avx512dq = false;
  bool avx512vl = false;
  bool avx512vnni = false;
  // ARM
  bool neon = false;
  bool fp16 = false;     // half-precision arithmetic
  bool dotprod = false;  // sdot, udot
  bool i8mm = false;     // smmla, usdot
  bool bf16 = false;     // bfmmla

  // What kernels are compiled for: "avx2" needs AVX2, FMA and F16C; "avx512" needs F, BW, DQ and VL on top; "avx_vnni"
  // and "avx512vnni" one more than these two.
  bool has_avx2_kernels() const { return avx2 && fma && f16c; }
  bool has_avx512_kernels() const { return has_avx2_kernels() && avx512f && avx512bw && avx512dq && avx512vl; }
  bool has_avx_vnni_kernels() const { return has_avx2_kernels() && avx_vnni; }
  bool has_avx512vnni_kernels() const { return has_avx512_kernels() && avx512vnni; }
  // "dotprod" and "i8mm" need what comes before them in the list generic, neon, dotprod, i8mm.
  bool has_dotprod_kernels() const { return neon && dotprod; }
  bool has_i8mm_kernels() const { return has_dotprod_kernels() && i8mm; }
};

// What the processor and the operating system offer.
CpuFeatures detect_cpu_features();
// `features` without what goes beyond `isa` ("generic", "avx2", "avx_vnni", "avx512", "avx512vnni"; "neon", "dotprod",
// "i8mm"): never adds any. False when the name is not known.
bool lower_cpu_features(std::string_view isa, CpuFeatures* features);
// Detected once, lowered by the environment variable MINNOW_ISA when it is set.
const CpuFeatures& cpu_features();

// Names of the features present ("avx2", "fma", ...), from the oldest to the newest.
std::vector<std::string_view> isa_names(const CpuFeatures& features);
// "Intel(R) Xeon(R) Platinum 8488C", or the architecture's name where the processor does not tell.
std::string cpu_brand();

}  // namespace minnow
