// The C interface: the application's own operators.
#include "api/c_api.h"
#include "base/text.h"

using namespace minnow;
using namespace minnow::c_api;

struct mn_call {
  const NodeView* node = nullptr;
  InferContext* infer = nullptr;  // one of the two
  EvalContext* evaluate = nullptr;
  Error error;
  std::deque<std::vector<mn_string>> strings;  // behind views that were given out
};

namespace {

int32_t output_count(const mn_call& call) {
  return call.infer != nullptr ? call.infer->output_count() : call.evaluate->output_count();
}

Status check_call_index(int32_t index, int32_t count, std::string_view what) {
  MN_CHECK(index >= 0 && index < count, what, " index: the node has ", count, ", got ", index);
  return {};
}

class CustomCallbacks : public CustomOp {
 public:
  explicit CustomCallbacks(const mn_operator& definition)
      : infer_(definition.infer), evaluate_(definition.evaluate), user_(definition.user) {}
  ~CustomCallbacks() override {
    if (destroy_ != nullptr) destroy_(user_);
  }
  CustomCallbacks(const CustomCallbacks&) = delete;
  CustomCallbacks& operator=(const CustomCallbacks&) = delete;
  void own(void (*destroy)(void*)) { destroy_ = destroy; }

  Status infer(InferContext& context) const override {
    mn_call call;
    call.node = &context;
    call.infer = &context;
    return invoke(infer_, call);
  }
  Status evaluate(EvalContext& context) const override {
    mn_call call;
    call.node = &context;
    call.evaluate = &context;
    return invoke(evaluate_, call);
  }

 private:
  Status invoke(mn_operator_callback callback, mn_call& call) const {
    const mn_status status = callback(&call, user_);
    if (status == MN_OK) return {};
    if (!call.error.message.empty()) return std::move(call.error);
    return internal_error(
        {"the operator's callback returned ", mn_status_name(status), " without a message (mn_call_fail)"});
  }

  mn_operator_callback infer_;
  mn_operator_callback evaluate_;
  void* user_;
  void (*destroy_)(void*) = nullptr;
};

Result<AttributeKind> attribute_kind(mn_attribute_kind kind) {
  switch (kind) {
    case MN_ATTRIBUTE_INT: return AttributeKind::integer;
    case MN_ATTRIBUTE_FLOAT: return AttributeKind::real;
    case MN_ATTRIBUTE_STRING: return AttributeKind::text;
    case MN_ATTRIBUTE_INTS: return AttributeKind::integers;
    case MN_ATTRIBUTE_FLOATS: return AttributeKind::reals;
  }
  return bad_input({"attribute kind: expected 1 to 5, got ", static_cast<int>(kind)});
}

Status check_definition(const mn_operator& d) {
  MN_CHECK(d.struct_size == sizeof(mn_operator), "struct_size: expected ", sizeof(mn_operator), ", got ",
           d.struct_size);
  MN_CHECK(d.domain != nullptr && *d.domain != '\0' && d.name != nullptr && *d.name != '\0',
           "domain and name must be given");
  MN_CHECK(d.infer != nullptr && d.evaluate != nullptr, "infer and evaluate must be given");
  MN_CHECK(d.min_inputs >= 0 && d.max_inputs >= d.min_inputs && d.min_outputs >= 0 &&
               d.max_outputs >= std::max(d.min_outputs, 1),
           "inputs and outputs: expected 0 <= min <= max, and at least one output");
  MN_CHECK(d.first_version >= 0 && (d.last_version == 0 || d.last_version >= d.first_version),
           "versions: expected first <= last, or last 0");
  MN_CHECK(d.attributes != nullptr || d.attribute_count == 0, "attributes is null");
  return {};
}

Status add_operator(OperatorSet& set, const mn_operator& d) {
  MN_TRY(check_definition(d));
  const auto keep = [&](std::string text) -> std::string_view { return set.texts.emplace_back(std::move(text)); };
  OpDef op;
  op.name = keep(concat({d.domain, ".", d.name}));
  op.doc = "An operator of the application.";
  op.inputs = {d.min_inputs, d.max_inputs};
  op.outputs = {d.min_outputs, d.max_outputs};
  op.narrow_floats = NarrowFloats::native;
  op.pure = false;  // it may count, draw or log: not for passes to fold or merge
  for (size_t i = 0; i < d.attribute_count; ++i) {
    MN_CHECK(d.attributes[i].name != nullptr && *d.attributes[i].name != '\0', "attribute ", i, " has no name");
    MN_ASSIGN(const AttributeKind kind, attribute_kind(d.attributes[i].kind));
    op.attributes.emplace_back(std::string(d.attributes[i].name), kind, d.attributes[i].required != 0);
  }
  ImportRow row;
  row.domain = keep(d.domain);
  row.name = keep(d.name);
  row.first = d.first_version;
  if (d.last_version != 0) row.last = d.last_version;
  op.imports = {row};
  const auto callbacks = std::make_shared<CustomCallbacks>(d);
  op.custom = callbacks;
  MN_TRY(set.registry.add(std::move(op)));
  callbacks->own(d.destroy);
  return {};
}

const Attribute* find_attribute(const mn_call* call, const char* name) {
  if (call == nullptr || name == nullptr) return nullptr;
  return &call->node->find(name);
}

Status give_output(mn_call& call, Tensor& tensor, mn_tensor* view) {
  if (tensor.dtype() == DType::string) return unsupported({"own operators do not make strings"});
  return fill_view(tensor, call.strings.emplace_back(), view);
}

}  // namespace

mn_status mn_operators_create(mn_operators** operators) {
  return enter([&]() -> Status {
    MN_CHECK(operators != nullptr, "null argument");
    *operators = nullptr;
    *operators = new mn_operators();
    return {};
  });
}

mn_status mn_operators_add(mn_operators* operators, const mn_operator* definition) {
  return enter([&]() -> Status {
    MN_CHECK(operators != nullptr && definition != nullptr, "null argument");
    return add_operator(*operators->set, *definition);
  });
}

void mn_operators_release(mn_operators* operators) { release(operators); }

int32_t mn_call_input_count(const mn_call* call) {
  return call != nullptr ? static_cast<int32_t>(call->node->node().inputs.size()) : 0;
}
int32_t mn_call_output_count(const mn_call* call) { return call != nullptr ? output_count(*call) : 0; }

mn_status mn_call_input_type(const mn_call* call, int32_t index, mn_port* type) {
  return enter([&]() -> Status {
    MN_CHECK(call != nullptr && type != nullptr, "null argument");
    MN_TRY(check_call_index(index, mn_call_input_count(call), "input"));
    const bool given = call->infer != nullptr ? call->infer->has_input(index) : call->evaluate->has_input(index);
    MN_TRY(fill_port({}, call->infer != nullptr ? call->infer->type(index) : Type::of(call->evaluate->datum(index)),
                     type));
    if (!given) type->kind = MN_NONE;
    return {};
  });
}

mn_status mn_call_set_output_type(mn_call* call, int32_t index, mn_dtype dtype, int32_t rank, const int64_t* dims) {
  return enter([&]() -> Status {
    MN_CHECK(call != nullptr, "null argument");
    MN_CHECK(call->infer != nullptr, "output types are set by infer");
    MN_TRY(check_call_index(index, output_count(*call), "output"));
    MN_ASSIGN(const DType element, take_dtype(dtype));
    Shape shape;
    if (rank >= 0) {
      MN_ASSIGN(const Dims taken, take_dims(rank, dims, true));
      shape = Shape(taken);
    }
    call->infer->set_output(index, element, std::move(shape));
    return {};
  });
}

mn_status mn_call_input(const mn_call* call, int32_t index, mn_tensor* view) {
  return enter([&]() -> Status {
    MN_CHECK(call != nullptr && view != nullptr, "null argument");
    *view = {};
    MN_TRY(check_call_index(index, mn_call_input_count(call), "input"));
    const Tensor* tensor = call->infer != nullptr ? call->infer->value(index) : &call->evaluate->input(index);
    if (tensor == nullptr || !tensor->valid()) return {};
    return fill_view(*tensor, const_cast<mn_call*>(call)->strings.emplace_back(), view);
  });
}

mn_status mn_call_output(mn_call* call, int32_t index, mn_tensor* view) {
  return enter([&]() -> Status {
    MN_CHECK(call != nullptr && view != nullptr, "null argument");
    *view = {};
    MN_CHECK(call->evaluate != nullptr, "outputs are filled by evaluate");
    MN_TRY(check_call_index(index, output_count(*call), "output"));
    Tensor& tensor = call->evaluate->output(index);
    MN_CHECK(tensor.valid(), "infer gave output ", index, " no concrete shape: use mn_call_allocate_output");
    return give_output(*call, tensor, view);
  });
}

mn_status mn_call_allocate_output(mn_call* call, int32_t index, mn_dtype dtype, int32_t rank, const int64_t* dims,
                                  mn_tensor* view) {
  return enter([&]() -> Status {
    MN_CHECK(call != nullptr && view != nullptr, "null argument");
    *view = {};
    MN_CHECK(call->evaluate != nullptr, "outputs are filled by evaluate");
    MN_TRY(check_call_index(index, output_count(*call), "output"));
    MN_ASSIGN(const DType element, take_dtype(dtype));
    MN_ASSIGN(Dims taken, take_dims(rank, dims, false));
    MN_ASSIGN(Tensor * tensor, call->evaluate->allocate_output(index, std::move(taken), element));
    return give_output(*call, *tensor, view);
  });
}

int64_t mn_call_int(const mn_call* call, const char* name, int64_t fallback) {
  const Attribute* attribute = find_attribute(call, name);
  const int64_t* value = attribute != nullptr ? attribute->get<int64_t>() : nullptr;
  return value != nullptr ? *value : fallback;
}

double mn_call_float(const mn_call* call, const char* name, double fallback) {
  const Attribute* attribute = find_attribute(call, name);
  const float* value = attribute != nullptr ? attribute->get<float>() : nullptr;
  return value != nullptr ? *value : fallback;
}

const char* mn_call_string(const mn_call* call, const char* name, const char* fallback) {
  const Attribute* attribute = find_attribute(call, name);
  const std::string* value = attribute != nullptr ? attribute->get<std::string>() : nullptr;
  return value != nullptr ? value->c_str() : fallback;
}

const int64_t* mn_call_ints(const mn_call* call, const char* name, size_t* count) {
  const Attribute* attribute = find_attribute(call, name);
  const Ints* value = attribute != nullptr ? attribute->get<Ints>() : nullptr;
  if (count != nullptr) *count = value != nullptr ? value->size() : 0;
  return value != nullptr ? value->data() : nullptr;
}

const float* mn_call_floats(const mn_call* call, const char* name, size_t* count) {
  const Attribute* attribute = find_attribute(call, name);
  const Floats* value = attribute != nullptr ? attribute->get<Floats>() : nullptr;
  if (count != nullptr) *count = value != nullptr ? value->size() : 0;
  return value != nullptr ? value->data() : nullptr;
}

mn_status mn_call_fail(mn_call* call, mn_status status, const char* message) {
  if (call == nullptr) return MN_INTERNAL;
  constexpr ErrorCode kCodes[] = {ErrorCode::internal, ErrorCode::bad_input,     ErrorCode::unsupported,
                                  ErrorCode::limit,    ErrorCode::out_of_memory, ErrorCode::cancelled,
                                  ErrorCode::io,       ErrorCode::internal};
  const mn_status kept = status > MN_OK && status <= MN_INTERNAL ? status : MN_INTERNAL;
  const mn_status stored = enter([&]() -> Status {
    call->error = {kCodes[kept], message != nullptr && *message != '\0' ? message : "the operator failed"};
    return {};
  });
  return stored == MN_OK ? kept : stored;
}
