#include "insight/machine.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "base/clock.h"
#include "base/cpu.h"
#include "base/threads.h"

#if defined(__unix__)
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

namespace minnow {
namespace {

// Independent sums in flight: two units that take 4 to 5 cycles each need 10, and 16 vector registers hold no more
// than 14 next to the factors.
constexpr int kSums = 12;
// Rounds of one call: about 10 us, far above the clock's resolution and far below a time slice.
constexpr int64_t kRounds = 4000;
constexpr int64_t kProbeNs = 30'000'000;

// kRounds · kSums multiply-adds of whole vectors; returns the multiply-adds done. `sink` keeps the compiler from
// leaving the work out.
using Probe = int64_t (*)(float* sink);

#if defined(__x86_64__)
__attribute__((target("avx512f"))) int64_t probe_avx512(float* sink) {
  __m512 sum[kSums];
  const __m512 a = _mm512_set1_ps(sink[0]), b = _mm512_set1_ps(0.5f);
  for (__m512& s : sum) s = a;
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sum[i] = _mm512_fmadd_ps(sum[i], b, a);
  }
  __m512 all = sum[0];
  for (int i = 1; i < kSums; ++i) all = _mm512_add_ps(all, sum[i]);
  _mm512_storeu_ps(sink, all);
  return kRounds * kSums * 16;
}

__attribute__((target("avx2,fma"))) int64_t probe_avx2(float* sink) {
  __m256 sum[kSums];
  const __m256 a = _mm256_set1_ps(sink[0]), b = _mm256_set1_ps(0.5f);
  for (__m256& s : sum) s = a;
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sum[i] = _mm256_fmadd_ps(sum[i], b, a);
  }
  __m256 all = sum[0];
  for (int i = 1; i < kSums; ++i) all = _mm256_add_ps(all, sum[i]);
  _mm256_storeu_ps(sink, all);
  return kRounds * kSums * 8;
}
#endif

#if defined(__aarch64__)
int64_t probe_baseline(float* sink) {
  float32x4_t sum[kSums];
  const float32x4_t a = vdupq_n_f32(sink[0]), b = vdupq_n_f32(0.5f);
  for (float32x4_t& s : sum) s = a;
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sum[i] = vfmaq_f32(a, sum[i], b);
  }
  float32x4_t all = sum[0];
  for (int i = 1; i < kSums; ++i) all = vaddq_f32(all, sum[i]);
  vst1q_f32(sink, all);
  return kRounds * kSums * 4;
}
#else
int64_t probe_baseline(float* sink) {
  using Vector = float __attribute__((vector_size(16)));
  Vector sum[kSums];
  const float x = sink[0];
  const Vector a{x, x, x, x}, b{0.5f, 0.5f, 0.5f, 0.5f};
  for (Vector& s : sum) s = a;
  for (int64_t round = 0; round < kRounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sum[i] = sum[i] * b + a;
  }
  Vector all = sum[0];
  for (int i = 1; i < kSums; ++i) all += sum[i];
  for (int i = 0; i < 4; ++i) sink[i] = all[i];
  return kRounds * kSums * 4;
}
#endif

std::vector<Probe> probes() {
  std::vector<Probe> list{probe_baseline};
#if defined(__x86_64__)
  const CpuFeatures features = detect_cpu_features();  // the machine's, whatever MINNOW_ISA says
  if (features.has_avx2_kernels()) list.push_back(probe_avx2);
  if (features.avx512f) list.push_back(probe_avx512);
#endif
  return list;
}

// The best rate of many short calls: what is slower was disturbed.
double best_rate(Probe probe) {
  alignas(64) float sink[16] = {1};
  double best = 0;
  const Stopwatch total;
  do {
    const Stopwatch watch;
    const int64_t done = probe(sink);
    sink[0] = 1;
    best = std::max(best, 2.0 * static_cast<double>(done) / std::max(watch.elapsed_seconds(), 1e-9));
  } while (total.elapsed_ns() < kProbeNs);
  return best;
}

// Twice the last cache, so that little of it is still there on the next pass. Bounded: on servers whose last cache is
// larger, its own rate is what a network's tensors see, too.
int64_t probe_bytes() {
  int64_t cache = 0;
#if defined(_SC_LEVEL3_CACHE_SIZE)
  cache = std::max<int64_t>(sysconf(_SC_LEVEL3_CACHE_SIZE), 0);
#endif
  return std::clamp<int64_t>(2 * cache, int64_t{32} << 20, int64_t{128} << 20);
}

// Bytes a second of reading `data` in order, by the median over parts that take some 100 us each: a part that was
// interrupted does not count.
double read_rate(std::span<const uint64_t> data, std::atomic<uint64_t>& sink) {
  using Vector = uint64_t __attribute__((vector_size(16)));
  constexpr size_t kLanes = 4, kStep = kLanes * sizeof(Vector) / sizeof(uint64_t), kPart = (1 << 20) / sizeof(uint64_t);
  std::vector<double> rates;
  for (int pass = 0; pass < 2; ++pass) {
    for (size_t begin = 0; begin + kPart <= data.size(); begin += kPart) {
      const Stopwatch watch;
      Vector sum[kLanes] = {};
      for (size_t i = begin; i < begin + kPart; i += kStep) {
        Vector part[kLanes];
        std::memcpy(part, data.data() + i, sizeof part);
#pragma GCC unroll 4
        for (size_t lane = 0; lane < kLanes; ++lane) sum[lane] += part[lane];
      }
      for (const Vector& part : sum) sink.fetch_add(part[0] + part[1], std::memory_order_relaxed);
      rates.push_back(static_cast<double>(kPart * sizeof(uint64_t)) / std::max(watch.elapsed_seconds(), 1e-9));
    }
  }
  if (rates.empty()) return 0;
  std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2), rates.end());
  return rates[rates.size() / 2];
}

// All threads at once, each on a part of its own.
double read_rate(ThreadPool& pool) {
  const std::vector<uint64_t> data(static_cast<size_t>(probe_bytes()) / sizeof(uint64_t), 1);
  const size_t threads = static_cast<size_t>(pool.thread_count()), share = data.size() / threads;
  std::atomic<uint64_t> sink{0};
  std::vector<double> rates(threads, 0);
  pool.for_each(pool.thread_count(), [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      rates[i] = read_rate(std::span(data).subspan(i * share, share), sink);
  });
  double sum = 0;
  for (double rate : rates) sum += rate;
  return sum;
}

}  // namespace

Machine measure_machine(int threads) {
  threads = std::max(threads, 1);
  Machine machine;
  ThreadPool pool(threads);
  for (Probe probe : probes()) {
    std::vector<double> rates(static_cast<size_t>(threads), 0);
    pool.for_each(threads, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) rates[static_cast<size_t>(i)] = best_rate(probe);
    });
    double sum = 0;
    for (double rate : rates) sum += rate;
    machine.flops_per_second = std::max(machine.flops_per_second, sum);
  }
  machine.bytes_per_second = read_rate(pool);
  return machine;
}

}  // namespace minnow
