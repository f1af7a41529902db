// The C interface and the C++ one over it, on small .mng models.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "minnow/minnow.hpp"

namespace {

using minnow::v0::Exception;

struct Fixture {
  minnow::v0::Model model;
  minnow::v0::Session session;
  explicit Fixture(const std::string& text, const minnow::v0::Options& options = {})
      : model(text.data(), text.size(), "test.mng", options), session(model, options) {}
};

const char kMatmul[] =
    "minnow graph 1\n"
    "input %a: float32[n, 2]\n"
    "input %b: float32[2, 2]\n"
    "%c = matmul(%a, %b)\n"
    "output %c\n";

template <class F>
mn_status status_of(F&& body) {
  try {
    body();
  } catch (const Exception& error) {
    EXPECT_STRNE(error.what(), "");
    return error.status();
  }
  return MN_OK;
}

TEST(CApi, RunsOnTheCallersBuffers) {
  Fixture f(kMatmul);
  float a[] = {1, 2, 3, 4, 5, 6}, b[] = {1, 0, 0, 2}, c[6] = {};
  f.session.set_input("a", a, {3, 2});
  f.session.set_input("b", b, {2, 2});
  f.session.set_output("c", c, sizeof c);
  f.session.run();
  const float expected[] = {1, 4, 3, 8, 5, 12};
  EXPECT_EQ(0, std::memcmp(c, expected, sizeof c));
  a[0] = 10;  // borrowed: the next run sees it
  f.session.run();
  EXPECT_EQ(c[0], 10.0f);
  EXPECT_EQ(f.session.output("c").data<float>()[1], 4.0f);
  EXPECT_EQ(f.session.output("c").dims(), (std::vector<int64_t>{3, 2}));
}

TEST(CApi, DescribesPorts) {
  Fixture f(kMatmul);
  const auto inputs = f.model.inputs();
  ASSERT_EQ(inputs.size(), 2u);
  EXPECT_EQ(inputs[0].name, "a");
  EXPECT_EQ(inputs[0].dtype, MN_FLOAT32);
  EXPECT_EQ(inputs[0].dims, (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(f.model.outputs()[0].name, "c");
}

TEST(CApi, TellsWrongInputsApart) {
  Fixture f(kMatmul);
  const float values[8] = {};
  const double wide[4] = {};
  EXPECT_EQ(status_of([&] { f.session.set_input("x", values, {2, 2}); }), MN_BAD_INPUT);
  EXPECT_NE(std::strstr(mn_last_error(), "a, b"), nullptr) << mn_last_error();
  EXPECT_EQ(status_of([&] { f.session.set_input("a", values, {2, 2, 2}); }), MN_BAD_INPUT);
  EXPECT_EQ(status_of([&] { f.session.set_input("a", values, {2, 3}); }), MN_BAD_INPUT);
  EXPECT_EQ(status_of([&] { f.session.set_input("a", wide, {2, 2}); }), MN_BAD_INPUT);
  mn_tensor tensor = minnow::v0::make_tensor(MN_FLOAT32, values, 15, {2, 2});
  EXPECT_EQ(mn_session_set_input(f.session.get(), 0, &tensor), MN_BAD_INPUT);
  tensor.bytes = 16;
  tensor.data = reinterpret_cast<char*>(tensor.data) + 1;
  EXPECT_EQ(mn_session_set_input(f.session.get(), 0, &tensor), MN_BAD_INPUT);
  EXPECT_NE(std::strstr(mn_last_error(), "aligned"), nullptr) << mn_last_error();
  tensor.data = nullptr;
  EXPECT_EQ(mn_session_set_input(f.session.get(), 0, &tensor), MN_BAD_INPUT);
  tensor.rank = 9;
  EXPECT_EQ(mn_session_set_input(f.session.get(), 0, &tensor), MN_BAD_INPUT);
  tensor.dtype = static_cast<mn_dtype>(99);
  EXPECT_EQ(mn_session_set_input(f.session.get(), 0, &tensor), MN_BAD_INPUT);
  EXPECT_EQ(status_of([&] { f.session.run(); }), MN_BAD_INPUT);  // nothing bound
  f.session.set_input("a", values, {4, 2});
  f.session.set_input("b", values, {2, 2});
  float small[2];
  f.session.set_output("c", small, sizeof small);
  EXPECT_EQ(status_of([&] { f.session.run(); }), MN_BAD_INPUT);
}

TEST(CApi, NullPointersAreErrors) {
  EXPECT_EQ(mn_model_open(nullptr, nullptr, nullptr), MN_BAD_INPUT);
  mn_model* model = nullptr;
  EXPECT_EQ(mn_model_open("/nonexistent.onnx", nullptr, &model), MN_IO);
  EXPECT_EQ(model, nullptr);
  EXPECT_EQ(mn_model_open_memory(nullptr, 4, nullptr, nullptr, &model), MN_BAD_INPUT);
  EXPECT_EQ(mn_model_open_memory(nullptr, 0, nullptr, nullptr, &model), MN_BAD_INPUT);
  EXPECT_EQ(mn_model_input_count(nullptr), 0);
  EXPECT_EQ(mn_model_input(nullptr, 0, nullptr), MN_BAD_INPUT);
  EXPECT_EQ(mn_model_find_input(nullptr, nullptr), -1);
  EXPECT_EQ(mn_session_create(nullptr, nullptr, nullptr), MN_BAD_INPUT);
  EXPECT_EQ(mn_session_run(nullptr), MN_BAD_INPUT);
  EXPECT_EQ(mn_session_set_input(nullptr, 0, nullptr), MN_BAD_INPUT);
  EXPECT_EQ(mn_session_output(nullptr, 0, nullptr), MN_BAD_INPUT);
  EXPECT_EQ(mn_value_from_tensor(nullptr, nullptr), MN_BAD_INPUT);
  EXPECT_EQ(mn_value_kind(nullptr), MN_NONE);
  EXPECT_EQ(mn_operators_add(nullptr, nullptr), MN_BAD_INPUT);
  EXPECT_EQ(mn_call_fail(nullptr, MN_OK, nullptr), MN_INTERNAL);
  mn_model_release(nullptr);
  mn_session_release(nullptr);
  mn_session_cancel(nullptr);
  mn_value_release(nullptr);
  mn_operators_release(nullptr);
  mn_options_init(nullptr);
}

TEST(CApi, ThreadCountsAreChecked) {
  const minnow::v0::Model model(kMatmul, sizeof kMatmul - 1, "test.mng");
  for (int32_t threads : {-1, 257, 10000}) {
    minnow::v0::Options options;
    options.threads = threads;
    EXPECT_EQ(status_of([&] { minnow::v0::Session session(model, options); }), MN_BAD_INPUT) << threads;
  }
  minnow::v0::Options options;
  options.threads = 0;
  EXPECT_EQ(status_of([&] { minnow::v0::Session session(model, options); }), MN_OK);
  options.struct_size = 0;
  EXPECT_EQ(status_of([&] { minnow::v0::Session session(model, options); }), MN_BAD_INPUT);
}

TEST(CApi, ASecondThreadGetsAnError) {
  struct Meeting {
    std::atomic<bool> inside{false}, leave{false};
  } meeting;
  minnow::v0::Options options;
  options.progress_user = &meeting;
  options.progress = [](void* user, double, const char*) {
    Meeting& m = *static_cast<Meeting*>(user);
    m.inside = true;
    while (!m.leave) std::this_thread::yield();
    return 0;
  };
  Fixture f(kMatmul, options);
  const float values[4] = {1, 2, 3, 4};
  f.session.set_input("a", values, {2, 2});
  f.session.set_input("b", values, {2, 2});
  std::thread other([&] { f.session.run(); });
  while (!meeting.inside) std::this_thread::yield();
  EXPECT_EQ(status_of([&] { f.session.run(); }), MN_BAD_INPUT);
  EXPECT_EQ(status_of([&] { f.session.set_input("a", values, {2, 2}); }), MN_BAD_INPUT);
  meeting.leave = true;
  other.join();
  EXPECT_EQ(status_of([&] { f.session.run(); }), MN_OK);
}

TEST(CApi, ReleaseDuringARunCancelsIt) {
  struct Meeting {
    std::atomic<bool> inside{false}, leave{false};
  } meeting;
  minnow::v0::Options options;
  options.progress_user = &meeting;
  options.progress = [](void* user, double, const char*) {
    Meeting& m = *static_cast<Meeting*>(user);
    m.inside = true;
    while (!m.leave) std::this_thread::yield();
    return 0;
  };
  const std::string text =
      "minnow graph 1\ninput %a: float32[2, 2]\n%b = matmul(%a, %a)\n%c = matmul(%b, %a)\noutput %c\n";
  const minnow::v0::Model model(text.data(), text.size(), "test.mng");
  mn_session* session = nullptr;
  ASSERT_EQ(mn_session_create(model.get(), &options, &session), MN_OK);
  const float values[4] = {1, 2, 3, 4};
  const mn_tensor tensor = minnow::v0::make_tensor(MN_FLOAT32, values, sizeof values, {2, 2});
  ASSERT_EQ(mn_session_set_input(session, 0, &tensor), MN_OK);
  mn_status status = MN_OK;
  std::thread other([&] { status = mn_session_run(session); });
  while (!meeting.inside) std::this_thread::yield();
  mn_session_release(session);
  meeting.leave = true;
  other.join();
  EXPECT_EQ(status, MN_CANCELLED);
}

TEST(CApi, ProgressCancels) {
  minnow::v0::Options options;
  options.progress = [](void*, double fraction, const char*) { return fraction == 1.0 ? 7 : 0; };
  Fixture f(kMatmul, options);
  const float values[4] = {1, 2, 3, 4};
  f.session.set_input("a", values, {2, 2});
  f.session.set_input("b", values, {2, 2});
  EXPECT_EQ(status_of([&] { f.session.run(); }), MN_CANCELLED);
  EXPECT_EQ(status_of([&] { f.session.output("c"); }), MN_BAD_INPUT);
}

TEST(CApi, LimitsHold) {
  minnow::v0::Options options;
  options.max_bytes = 100;
  Fixture f(kMatmul, options);
  const std::vector<float> values(2000);
  f.session.set_input("a", values.data(), {1000, 2});
  f.session.set_input("b", values.data(), {2, 2});
  EXPECT_EQ(status_of([&] { f.session.run(); }), MN_LIMIT);
}

TEST(CApi, ValuesOfEveryKind) {
  const float numbers[] = {1, 2, 3};
  const auto tensor = minnow::v0::Value::tensor(numbers, {3});
  EXPECT_EQ(tensor.kind(), MN_TENSOR);
  EXPECT_EQ(tensor.view().data<float>()[2], 3.0f);
  mn_value* elements[] = {tensor.get(), tensor.get()};
  mn_value* sequence = nullptr;
  ASSERT_EQ(mn_value_from_sequence(elements, 2, &sequence), MN_OK);
  const minnow::v0::Value owner(sequence);
  EXPECT_EQ(owner.kind(), MN_SEQUENCE);
  EXPECT_EQ(owner.count(), 2u);
  EXPECT_EQ(owner.element(1).view().data<float>()[0], 1.0f);
  EXPECT_EQ(status_of([&] { owner.element(2); }), MN_BAD_INPUT);
  EXPECT_EQ(status_of([&] { owner.view(); }), MN_BAD_INPUT);
  EXPECT_EQ(minnow::v0::Value::none().kind(), MN_NONE);
  const mn_string texts[] = {{"ab\0c", 4}, {nullptr, 0}};
  mn_tensor strings = minnow::v0::make_tensor(MN_STRING, texts, sizeof texts, {2});
  mn_value* value = nullptr;
  ASSERT_EQ(mn_value_from_tensor(&strings, &value), MN_OK);
  EXPECT_EQ(minnow::v0::Value(value).view().strings(), (std::vector<std::string>{std::string("ab\0c", 4), ""}));
  const uint8_t not_bool[] = {2};
  const mn_tensor flags = minnow::v0::make_tensor(MN_BOOL, not_bool, 1, {1});
  EXPECT_EQ(mn_value_from_tensor(&flags, &value), MN_BAD_INPUT);
}

TEST(CApi, StatesPersistAndReset) {
  Fixture f(
      "minnow graph 1\ninput %x: float32[1, 1]\nstate \"total\" %before = float32[1, 1](2)\n"
      "%after = matmul(%before, %x)\nupdate \"total\" = %after\noutput %after\n");
  const float three = 3;
  f.session.set_input("x", &three, {1, 1});
  f.session.run();
  f.session.run();
  EXPECT_EQ(f.session.state("total").view().data<float>()[0], 18.0f);
  EXPECT_EQ(f.model.states(), std::vector<std::string>{"total"});
  const float five = 5;
  f.session.set_state("total", minnow::v0::make_tensor(MN_FLOAT32, &five, 4, {1, 1}));
  f.session.run();
  EXPECT_EQ(f.session.output("after").data<float>()[0], 15.0f);
  EXPECT_EQ(status_of([&] { f.session.set_state("total", minnow::v0::make_tensor(MN_FLOAT32, &five, 4, {1})); }),
            MN_BAD_INPUT);
  EXPECT_EQ(status_of([&] { f.session.state("other"); }), MN_BAD_INPUT);
  f.session.reset_states();
  f.session.run();
  EXPECT_EQ(f.session.output("after").data<float>()[0], 6.0f);
}

// y = x * factor, an operator of this test.
struct Scaling {
  int destroyed = 0;
};

mn_status scale_infer(mn_call* call, void*) {
  mn_port type;
  if (mn_call_input_type(call, 0, &type) != MN_OK) return mn_call_fail(call, MN_BAD_INPUT, mn_last_error());
  if (type.dtype != MN_FLOAT32) return mn_call_fail(call, MN_UNSUPPORTED, "scale takes float32");
  return mn_call_set_output_type(call, 0, type.dtype, type.rank, type.dims);
}

mn_status scale_evaluate(mn_call* call, void*) {
  mn_tensor in, out;
  if (mn_call_input(call, 0, &in) != MN_OK || mn_call_output(call, 0, &out) != MN_OK)
    return mn_call_fail(call, MN_INTERNAL, mn_last_error());
  const float factor = static_cast<float>(mn_call_float(call, "factor", 1.0));
  for (size_t i = 0; i < in.bytes / sizeof(float); ++i)
    static_cast<float*>(out.data)[i] = factor * static_cast<const float*>(in.data)[i];
  return MN_OK;
}

mn_operator scaling(Scaling* user) {
  static const mn_attribute attributes[] = {{"factor", MN_ATTRIBUTE_FLOAT, 1}};
  mn_operator definition{};
  definition.struct_size = sizeof definition;
  definition.domain = "test";
  definition.name = "Scale";
  definition.first_version = 1;
  definition.min_inputs = definition.max_inputs = definition.min_outputs = definition.max_outputs = 1;
  definition.attributes = attributes;
  definition.attribute_count = 1;
  definition.infer = scale_infer;
  definition.evaluate = scale_evaluate;
  definition.user = user;
  definition.destroy = [](void* s) { ++static_cast<Scaling*>(s)->destroyed; };
  return definition;
}

TEST(CApi, OwnOperators) {
  Scaling user;
  {
    minnow::v0::Operators operators;
    const mn_operator definition = scaling(&user);
    operators.add(definition);
    EXPECT_EQ(status_of([&] { operators.add(definition); }), MN_BAD_INPUT);  // twice
    EXPECT_EQ(user.destroyed, 0);
    minnow::v0::Options options;
    options.operators = operators.get();
    Fixture f("minnow graph 1\ninput %x: float32[2]\n%y = test.Scale(%x) {factor=2.5}\noutput %y\n", options);
    const float x[] = {2, -4};
    f.session.set_input("x", x, {2});
    f.session.run();
    EXPECT_EQ(f.session.output("y").data<float>()[0], 5.0f);
    EXPECT_EQ(f.session.output("y").data<float>()[1], -10.0f);
    const std::string wrong = "minnow graph 1\ninput %x: float64[2]\n%y = test.Scale(%x) {factor=2.5}\noutput %y\n";
    EXPECT_EQ(status_of([&] { minnow::v0::Model(wrong.data(), wrong.size(), "wrong.mng", options); }), MN_UNSUPPORTED);
    EXPECT_NE(std::strstr(mn_last_error(), "scale takes float32"), nullptr) << mn_last_error();
    const std::string missing = "minnow graph 1\ninput %x: float32[2]\n%y = test.Scale(%x)\noutput %y\n";
    EXPECT_EQ(status_of([&] { minnow::v0::Model(missing.data(), missing.size(), "missing.mng", options); }),
              MN_BAD_INPUT);
  }
  EXPECT_EQ(user.destroyed, 1);
}

}  // namespace
