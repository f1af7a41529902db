#include "base/cpu.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/log.h"
#include "base/text.h"

#if defined(__x86_64__) || defined(__i386__)
#define MINNOW_X86 1
#include <cpuid.h>
#elif (defined(__aarch64__) || defined(__arm__)) && defined(__linux__)
#include <sys/auxv.h>
#endif

namespace minnow {

namespace {

#if defined(MINNOW_X86)

struct Registers {
  uint32_t a = 0, b = 0, c = 0, d = 0;
};

// All zero where the processor lacks the leaf.
Registers cpuid(uint32_t leaf, uint32_t subleaf) {
  Registers r;
  if (__get_cpuid_count(leaf, subleaf, &r.a, &r.b, &r.c, &r.d) == 0) return {};
  return r;
}

// XCR0 tells which registers the operating system saves. Bytes in place of the mnemonic: that needs -mxsave.
uint64_t enabled_states() {
  uint32_t low = 0, high = 0;
  __asm__ volatile(".byte 0x0f, 0x01, 0xd0" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

bool bit(uint32_t value, int index) { return value >> index & 1; }

// Bit numbers: Intel Software Developer's Manual, volume 2A, CPUID.
CpuFeatures detect() {
  CpuFeatures f;
  const Registers leaf1 = cpuid(1, 0);
  const Registers leaf7 = cpuid(7, 0);
  f.sse42 = bit(leaf1.c, 20);
  f.sha = bit(leaf1.c, 19) && bit(leaf7.b, 29);
  const bool osxsave = bit(leaf1.c, 27);
  const uint64_t states = osxsave ? enabled_states() : 0;
  constexpr uint64_t kYmm = 0x6;   // xmm and the upper halves of ymm
  constexpr uint64_t kZmm = 0xE6;  // with mask registers, upper halves of zmm0-15, zmm16-31
  if ((states & kYmm) != kYmm || !bit(leaf1.c, 28)) return f;
  f.avx = true;
  f.avx2 = bit(leaf7.b, 5);
  f.fma = bit(leaf1.c, 12);
  f.f16c = bit(leaf1.c, 29);
  if (leaf7.a >= 1) f.avx_vnni = bit(cpuid(7, 1).a, 4);
  if ((states & kZmm) != kZmm || !bit(leaf7.b, 16)) return f;
  f.avx512f = true;
  f.avx512dq = bit(leaf7.b, 17);
  f.avx512bw = bit(leaf7.b, 30);
  f.avx512vl = bit(leaf7.b, 31);
  f.avx512vnni = bit(leaf7.c, 11);
  return f;
}

// Leaves 0x80000002 to 0x80000004 hold 16 characters each.
std::string brand() {
  char text[49] = {};
  for (uint32_t i = 0; i < 3; ++i) {
    const Registers r = cpuid(0x80000002u + i, 0);
    std::memcpy(text + 16 * i, &r, sizeof r);
  }
  return std::string(trim(printable(text)));
}

constexpr const char* kArchitecture = "x86";

#else

#if defined(__linux__) && defined(__aarch64__)
// Bit numbers: Linux, arch/arm64/include/uapi/asm/hwcap.h. Spelled out, because the headers of older systems lack some
// names.
CpuFeatures detect() {
  const unsigned long hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
  CpuFeatures f;
  f.neon = hwcap >> 1 & 1;
  f.fp16 = hwcap >> 10 & 1;
  f.dotprod = hwcap >> 20 & 1;
  f.i8mm = hwcap2 >> 13 & 1;
  f.bf16 = hwcap2 >> 14 & 1;
  return f;
}
#elif defined(__linux__) && defined(__arm__)
// Linux, arch/arm/include/uapi/asm/hwcap.h.
CpuFeatures detect() {
  const unsigned long hwcap = getauxval(AT_HWCAP);
  CpuFeatures f;
  f.neon = hwcap >> 12 & 1;
  f.fp16 = hwcap >> 23 & 1;
  f.dotprod = hwcap >> 24 & 1;
  f.bf16 = hwcap >> 26 & 1;
  f.i8mm = hwcap >> 27 & 1;
  return f;
}
#else
CpuFeatures detect() {
  CpuFeatures f;
#if defined(__ARM_NEON)
  f.neon = true;
#endif
#if defined(__ARM_FEATURE_DOTPROD)
  f.dotprod = true;
#endif
#if defined(__ARM_FEATURE_MATMUL_INT8)
  f.i8mm = true;
#endif
  return f;
}
#endif

std::string brand() { return {}; }

#if defined(__aarch64__)
constexpr const char* kArchitecture = "aarch64";
#elif defined(__arm__)
constexpr const char* kArchitecture = "arm";
#elif defined(__wasm__)
constexpr const char* kArchitecture = "wasm";
#else
constexpr const char* kArchitecture = "unknown";
#endif

#endif

CpuFeatures features_of_this_process() {
  CpuFeatures features = detect();
  const char* isa = std::getenv("MINNOW_ISA");
  if (isa != nullptr && *isa != '\0' && !lower_cpu_features(isa, &features)) {
    log_warning({"MINNOW_ISA=", printable(isa),
                 " is ignored: expected generic, avx2, avx_vnni, avx512, avx512vnni, neon, dotprod or i8mm"});
  }
  return features;
}

}  // namespace

CpuFeatures detect_cpu_features() { return detect(); }

bool lower_cpu_features(std::string_view isa, CpuFeatures* features) {
  if (isa == "avx512vnni") return true;
  if (isa == "avx512") {
    features->avx512vnni = false;
    return true;
  }
  if (isa == "generic") {
    *features = CpuFeatures();
    return true;
  }
  if (isa == "avx_vnni" || isa == "avx2") {
    if (isa == "avx2") features->avx_vnni = false;
    features->avx512f = features->avx512bw = features->avx512dq = features->avx512vl = features->avx512vnni = false;
    return true;
  }
  if (isa != "neon" && isa != "dotprod" && isa != "i8mm") return false;
  if (isa != "i8mm") features->i8mm = features->bf16 = false;
  if (isa == "neon") features->dotprod = features->fp16 = false;
  return true;
}

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = features_of_this_process();
  return features;
}

std::vector<std::string_view> isa_names(const CpuFeatures& f) {
  const std::pair<bool, std::string_view> rows[] = {{f.sse42, "sse4.2"},
                                                    {f.sha, "sha"},
                                                    {f.avx, "avx"},
                                                    {f.f16c, "f16c"},
                                                    {f.avx2, "avx2"},
                                                    {f.fma, "fma"},
                                                    {f.avx512f, "avx512f"},
                                                    {f.avx512bw, "avx512bw"},
                                                    {f.avx512dq, "avx512dq"},
                                                    {f.avx512vl, "avx512vl"},
                                                    {f.avx512vnni, "avx512vnni"},
                                                    {f.avx_vnni, "avx_vnni"},
                                                    {f.neon, "neon"},
                                                    {f.fp16, "fp16"},
                                                    {f.dotprod, "dotprod"},
                                                    {f.i8mm, "i8mm"},
                                                    {f.bf16, "bf16"}};
  std::vector<std::string_view> names;
  for (const auto& [present, name] : rows) {
    if (present) names.push_back(name);
  }
  return names;
}

std::string cpu_brand() {
  const std::string text = brand();
  return text.empty() ? kArchitecture : text;
}

}  // namespace minnow
