#include "insight/profile.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "insight/chrome_trace.h"
#include "insight/integer_speedup.h"
#include "insight/kinds.h"
#include "report/speedscope.h"

namespace minnow {
namespace {

TraceEvent event(std::string_view name, std::string_view op, std::string_view kernel, int64_t start, int64_t end,
                 int64_t bytes = 0, int64_t multiply_adds = 0, int32_t depth = 0) {
  return {name, op, kernel, start, end, bytes, multiply_adds, 0, depth};
}

// Lines of folded text, sorted.
std::vector<std::string> lines(const Folded& folded) {
  std::vector<std::string> all;
  std::string text = write_folded(folded);
  for (size_t begin = 0, end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    all.push_back(text.substr(begin, end - begin));
  std::sort(all.begin(), all.end());
  return all;
}

Profile profile_of(const std::vector<TraceEvent>& events, int64_t run_ns) {
  Profiler profiler("net");
  profiler.add_run(events, 0, run_ns);
  return profiler.finish();
}

TEST(Profile, ScopesOfNames) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(name_scopes("/encoder/layer.0/query/MatMul"), (Names{"encoder", "layer.0", "query", "MatMul"}));
  EXPECT_EQ(name_scopes("encoder.layer0.query"), (Names{"encoder", "layer0", "query"}));
  EXPECT_EQ(name_scopes("a/b;c/d"), (Names{"a", "b"}));
  EXPECT_EQ(name_scopes("Conv_0"), (Names{"Conv_0"}));
  EXPECT_EQ(name_scopes("///"), (Names{"///"}));
  EXPECT_EQ(name_scopes(""), (Names{""}));
  std::string deep;
  for (int i = 0; i < 1000; ++i) deep += "s/";
  EXPECT_EQ(name_scopes(deep).size(), 32u);
}

TEST(Profile, StacksAreModelStageLayerOperatorKernel) {
  const Profile profile = profile_of({event("/stage1/conv1/Conv", "conv", "avx2", 0, 60, 10, 100),
                                      event("/stage1/act/Relu_2", "relu", "reference", 60, 90, 20)},
                                     100);
  EXPECT_EQ(lines(profile_stacks(profile, ProfileBy::time)),
            (std::vector<std::string>{"net;(between nodes) 10", "net;stage1;act;Relu_2;relu;reference 30",
                                      "net;stage1;conv1;conv;avx2 60"}));
  EXPECT_EQ(lines(profile_stacks(profile, ProfileBy::bytes)),
            (std::vector<std::string>{"net;stage1;act;Relu_2;relu;reference 20", "net;stage1;conv1;conv;avx2 10"}));
  EXPECT_EQ(lines(profile_stacks(profile, ProfileBy::multiply_adds)),
            (std::vector<std::string>{"net;stage1;conv1;conv;avx2 100"}));
  ASSERT_EQ(profile.layers.size(), 2u);
  EXPECT_EQ(profile.layers[0].name, "/stage1/conv1/Conv");
  EXPECT_EQ(profile.layers[0].amounts.time_ns, 60);
  EXPECT_EQ(profile.outside_ns, 10);
}

// 80 % in products that would run twice as fast: 1 / (0.2 + 0.4).
TEST(Profile, IntegersArePromisedWhatAmdahlAllows) {
  const Profile profile =
      profile_of({event("a", "conv", "avx2", 0, 80, 10, 100), event("b", "relu", "avx2", 80, 100, 20)}, 100);
  EXPECT_NE(integer_finding(profile, 2).find("about 1.7 x"), std::string::npos) << integer_finding(profile, 2);
  EXPECT_EQ(integer_finding(profile, 1.1), "");
  const Profile integers = profile_of({event("a", "conv_integer", "avx2", 0, 100, 10, 100)}, 100);
  EXPECT_EQ(integer_finding(integers, 4), "");
}

TEST(Profile, IntegerSpeedupIsMeasured) {
  const Result<double> speedup = measure_integer_speedup(1);
  ASSERT_TRUE(speedup.ok()) << speedup.error().message;
  EXPECT_GT(*speedup, 0);
}

// What is inside an event is taken off it, and counts once.
TEST(Profile, PartsOfComposedOperators) {
  const Profile profile =
      profile_of({event("", "mul", "avx2", 10, 30, 4, 0, 1), event("", "matmul", "avx2", 30, 80, 6, 50, 1),
                  event("norm", "layer_normalization", "composed", 0, 100, 8)},
                 100);
  EXPECT_EQ(lines(profile_stacks(profile, ProfileBy::time)),
            (std::vector<std::string>{"net;norm;layer_normalization 30", "net;norm;layer_normalization;matmul;avx2 50",
                                      "net;norm;layer_normalization;mul;avx2 20"}));
  ASSERT_EQ(profile.layers.size(), 1u);
  EXPECT_EQ(profile.layers[0].amounts.time_ns, 100);
  EXPECT_EQ(profile.layers[0].amounts.multiply_adds, 50);
  EXPECT_EQ(profile.outside_ns, 0);
}

TEST(Profile, BodiesOfLoopsKeepTheirNames) {
  std::vector<TraceEvent> events;
  for (int i = 0; i < 3; ++i) events.push_back(event("body/step", "tanh", "reference", 10 * i, 10 * i + 10, 0, 0, 1));
  events.push_back(event("loop", "loop", "reference", 0, 40));
  const Profile profile = profile_of(events, 40);
  EXPECT_EQ(lines(profile_stacks(profile, ProfileBy::time)),
            (std::vector<std::string>{"net;loop;loop 10", "net;loop;loop;step;tanh;reference 30"}));
}

TEST(Profile, TimesAreMediansAndAmountsAreOfOneRun) {
  Profiler profiler("net");
  for (int64_t time : {10, 1000, 20}) {
    const std::vector<TraceEvent> events{event("a", "relu", "avx2", 0, time, 8, 0)};
    profiler.add_run(events, 0, time + 5);
  }
  const Profile profile = profiler.finish();
  EXPECT_EQ(profile.runs, 3);
  EXPECT_EQ(profile.run_ns, 25);
  EXPECT_EQ(profile.layers[0].amounts.time_ns, 20);
  EXPECT_EQ(profile.layers[0].amounts.calls, 1);
  EXPECT_EQ(profile.layers[0].amounts.bytes, 8);
  EXPECT_EQ(Profiler("net").finish().runs, 0);
}

TEST(Profile, SharesOfTheBest) {
  Machine machine;
  machine.flops_per_second = 1e9;
  machine.bytes_per_second = 1e9;
  // 100 multiply-adds need 200 ns, 50 bytes 50 ns; the second is limited by memory, the third counts at most as itself.
  const Profile profile =
      profile_of({event("a", "conv", "avx2", 0, 400, 50, 100), event("b", "relu", "avx2", 400, 500, 80),
                  event("c", "add", "avx2", 500, 510, 80)},
                 510);
  EXPECT_EQ(profile.layers[0].amounts.best_ns(machine), 200);
  EXPECT_DOUBLE_EQ(profile.layers[0].amounts.flops_per_second(), 0.5e9);
  const Folded folded = profile_stacks(profile, ProfileBy::time, &machine);
  EXPECT_TRUE(folded.pairs);
  EXPECT_EQ(lines(folded),
            (std::vector<std::string>{"net;a;conv;avx2 200 400", "net;b;relu;avx2 80 100", "net;c;add;avx2 10 10"}));
}

TEST(Profile, FindingsSayOnlyWhatIsWorthActingOn) {
  std::vector<TraceEvent> even;
  for (int i = 0; i < 20; ++i) even.push_back(event(i % 2 ? "odd" : "even", "conv", "avx2", i, i + 1));
  EXPECT_TRUE(profile_findings(profile_of(even, 20)).empty());
  const Profile uneven = profile_of({event("a", "conv", "avx2", 0, 50), event("b", "conv", "avx2", 50, 60),
                                     event("c", "erf", "reference", 60, 70), event("d", "conv", "avx2", 70, 75)},
                                    100);
  const std::vector<std::string> findings = profile_findings(uneven);
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0], "70 % of the time is in 3 of 4 layers: a, b, c");
  EXPECT_EQ(findings[1], "10 % of the time is in operators without a kernel for their problem, most of it in erf");
  EXPECT_EQ(findings[2], "25 % of the time is between the nodes: checks, allocation, copies");
  Profile incomplete = uneven;
  incomplete.dropped = 1;
  EXPECT_TRUE(profile_findings(incomplete).empty());
}

TEST(Kinds, OperatorsKernelsAndNeither) {
  const auto label = [](std::string_view name) {
    const int kind = operator_kind(name);
    return kind < 0 ? std::string_view("none") : operator_kinds()[static_cast<size_t>(kind)].label;
  };
  EXPECT_EQ(label("conv"), "convolution");
  EXPECT_EQ(label("qlinear_conv"), "convolution");
  EXPECT_EQ(label("matmul"), "matrix product");
  EXPECT_EQ(label("transpose"), "move data");
  EXPECT_EQ(label("add"), "elementwise");
  EXPECT_EQ(label("if"), "control");
  EXPECT_EQ(label("avx2"), "kernel");
  EXPECT_EQ(label("reference"), "no kernel");
  EXPECT_EQ(label("layer1"), "none");
  EXPECT_EQ(label(""), "none");
}

TEST(Formats, SpeedscopeAndChrome) {
  const std::vector<TraceEvent> events{event("a\"b\\\n", "conv", "avx2", 1500, 3000, 8, 9)};
  const Folded folded = profile_stacks(profile_of(events, 1500), ProfileBy::time);
  const std::string speedscope = speedscope_json(folded, "net", "nanoseconds");
  EXPECT_NE(speedscope.find("\"unit\":\"nanoseconds\""), std::string::npos);
  EXPECT_NE(speedscope.find("\"weights\":[1500]"), std::string::npos);
  EXPECT_NE(speedscope.find("[0,1,2,3]"), std::string::npos);
  const std::string chrome = chrome_trace_json(events, "net");
  EXPECT_NE(chrome.find("\"ph\":\"X\",\"ts\":0.000,\"dur\":1.500"), std::string::npos);
  EXPECT_NE(chrome.find("a\\\"b\\\\"), std::string::npos);
}

TEST(MachineProbe, MeasuresSomethingPlausible) {
  const Machine machine = measure_machine(1);
  EXPECT_GT(machine.flops_per_second, 1e8);   // a microcontroller does more
  EXPECT_LT(machine.flops_per_second, 1e13);  // 2^5 lanes, 2 units, 10 GHz: less than 2e12
  EXPECT_GT(machine.bytes_per_second, 1e7);
  EXPECT_LT(machine.bytes_per_second, 1e13);
}

}  // namespace
}  // namespace minnow
