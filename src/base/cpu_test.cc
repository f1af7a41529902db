#include "base/cpu.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "base/text.h"

namespace minnow {
namespace {

std::string joined(const CpuFeatures& features) {
  std::string text;
  for (std::string_view name : isa_names(features)) text += std::string(name) + " ";
  return text;
}

#if defined(__x86_64__) && defined(__linux__)
// Linux asks the processor on its own, and hides what it does not save the registers of.
TEST(Cpu, AgreesWithTheKernel) {
  std::ifstream file("/proc/cpuinfo");
  std::string flags;
  for (std::string line; std::getline(file, line) && flags.empty();) {
    if (line.compare(0, 5, "flags") == 0) flags = line + " ";
  }
  if (flags.empty()) GTEST_SKIP() << "no flags in /proc/cpuinfo";
  const auto has = [&](const char* name) { return flags.find(" " + std::string(name) + " ") != std::string::npos; };
  const CpuFeatures f = detect_cpu_features();
  EXPECT_EQ(f.sse42, has("sse4_2"));
  EXPECT_EQ(f.sha, has("sha_ni"));
  EXPECT_EQ(f.avx, has("avx"));
  EXPECT_EQ(f.avx2, has("avx2"));
  EXPECT_EQ(f.fma, has("fma"));
  EXPECT_EQ(f.f16c, has("f16c"));
  EXPECT_EQ(f.avx512f, has("avx512f"));
  EXPECT_EQ(f.avx512bw, has("avx512bw"));
  EXPECT_EQ(f.avx512dq, has("avx512dq"));
  EXPECT_EQ(f.avx512vl, has("avx512vl"));
  EXPECT_EQ(f.avx512vnni, has("avx512_vnni"));
}
#endif

TEST(Cpu, LoweringOnlyRemoves) {
  CpuFeatures all;
  all.sse42 = all.avx = all.avx2 = all.fma = all.f16c = all.avx_vnni = true;
  all.avx512f = all.avx512bw = all.avx512dq = all.avx512vl = all.avx512vnni = true;
  CpuFeatures f = all;
  EXPECT_TRUE(lower_cpu_features("avx512vnni", &f));
  EXPECT_TRUE(f.has_avx512vnni_kernels());
  EXPECT_TRUE(lower_cpu_features("avx512", &f));
  EXPECT_TRUE(f.has_avx512_kernels());
  EXPECT_FALSE(f.has_avx512vnni_kernels());
  EXPECT_TRUE(f.avx_vnni);
  EXPECT_TRUE(lower_cpu_features("avx_vnni", &f));
  EXPECT_EQ(joined(f), "sse4.2 avx f16c avx2 fma avx_vnni ");
  EXPECT_TRUE(f.has_avx_vnni_kernels());
  EXPECT_FALSE(f.has_avx512_kernels());
  EXPECT_TRUE(lower_cpu_features("avx2", &f));
  EXPECT_EQ(joined(f), "sse4.2 avx f16c avx2 fma ");
  EXPECT_TRUE(f.has_avx2_kernels());
  EXPECT_FALSE(f.has_avx_vnni_kernels());
  EXPECT_TRUE(lower_cpu_features("generic", &f));
  EXPECT_EQ(joined(f), "");
  EXPECT_TRUE(lower_cpu_features("avx512", &f));
  EXPECT_EQ(joined(f), "");
  EXPECT_FALSE(lower_cpu_features("avx3", &all));
  EXPECT_TRUE(all.avx512vnni);
}

TEST(Cpu, LoweringOnArm) {
  CpuFeatures f;
  f.neon = f.fp16 = f.dotprod = f.i8mm = f.bf16 = true;
  EXPECT_TRUE(lower_cpu_features("avx2", &f));
  EXPECT_TRUE(lower_cpu_features("i8mm", &f));
  EXPECT_EQ(joined(f), "neon fp16 dotprod i8mm bf16 ");
  EXPECT_TRUE(f.has_i8mm_kernels());
  EXPECT_TRUE(lower_cpu_features("dotprod", &f));
  EXPECT_EQ(joined(f), "neon fp16 dotprod ");
  EXPECT_TRUE(f.has_dotprod_kernels());
  EXPECT_FALSE(f.has_i8mm_kernels());
  EXPECT_TRUE(lower_cpu_features("neon", &f));
  EXPECT_EQ(joined(f), "neon ");
  EXPECT_FALSE(f.has_dotprod_kernels());
  EXPECT_TRUE(lower_cpu_features("i8mm", &f));
  EXPECT_EQ(joined(f), "neon ");
}

TEST(Cpu, KernelsNeedTheirWholeSet) {
  CpuFeatures f;
  f.avx2 = f.fma = true;
  EXPECT_FALSE(f.has_avx2_kernels());
  f.f16c = f.avx512f = f.avx512bw = f.avx512dq = true;
  EXPECT_TRUE(f.has_avx2_kernels());
  EXPECT_FALSE(f.has_avx512_kernels());
  f.avx_vnni = f.avx512vnni = true;
  EXPECT_TRUE(f.has_avx_vnni_kernels());
  EXPECT_FALSE(f.has_avx512vnni_kernels());
}

// Features are detected once a process, hence fresh processes.
TEST(CpuDeathTest, EnvironmentLowers) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto print_features_with = [](const char* isa) {
    ::setenv("MINNOW_ISA", isa, 1);
    std::fprintf(stderr, "features: %s.\n", joined(cpu_features()).c_str());
    std::exit(0);
  };
  EXPECT_EXIT(print_features_with("generic"), testing::ExitedWithCode(0), "features: \\.");
  EXPECT_EXIT(print_features_with("turbo"), testing::ExitedWithCode(0), "MINNOW_ISA=turbo is ignored");
  EXPECT_EXIT(print_features_with("turbo"), testing::ExitedWithCode(0),
              "features: " + joined(detect_cpu_features()) + "\\.");
}

TEST(Cpu, HasABrand) {
  const std::string brand = cpu_brand();
  EXPECT_FALSE(brand.empty());
  EXPECT_TRUE(std::all_of(brand.begin(), brand.end(), [](char c) { return c >= ' '; })) << brand;
}

#if defined(__linux__) && defined(__x86_64__)
TEST(Cpu, BrandIsTheOneThatTheKernelReads) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    EXPECT_EQ(cpu_brand(), trim(line.substr(line.find(':') + 1)));
    return;
  }
  GTEST_SKIP() << "/proc/cpuinfo names no model";
}
#endif

}  // namespace
}  // namespace minnow
