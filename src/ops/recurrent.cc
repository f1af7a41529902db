#include "ops/recurrent.h"

#include <cmath>

#include "base/checked.h"
#include "base/text.h"

namespace minnow::ops {
namespace {

struct FunctionRow {
  std::string_view name;  // lower case
  CellActivation kind;
  bool takes_alpha, takes_beta;
  double alpha, beta;  // ONNX's defaults for the operator of that name
};

constexpr FunctionRow kFunctions[] = {
    {"relu", CellActivation::relu, false, false, 0, 0},
    {"tanh", CellActivation::tanh, false, false, 0, 0},
    {"sigmoid", CellActivation::sigmoid, false, false, 0, 0},
    {"affine", CellActivation::affine, true, true, 1, 0},
    {"leakyrelu", CellActivation::leaky_relu, true, false, 0.01, 0},
    {"thresholdedrelu", CellActivation::thresholded_relu, true, false, 1, 0},
    {"scaledtanh", CellActivation::scaled_tanh, true, true, 1, 1},
    {"hardsigmoid", CellActivation::hard_sigmoid, true, true, 0.2, 0.5},
    {"elu", CellActivation::elu, true, false, 1, 0},
    {"softsign", CellActivation::softsign, false, false, 0, 0},
    {"softplus", CellActivation::softplus, false, false, 0, 0},
};

const FunctionRow* find_function(std::string_view name) {
  const std::string lower = lower_ascii(name);
  for (const FunctionRow& row : kFunctions) {
    if (row.name == lower) return &row;
  }
  return nullptr;
}

std::vector<std::string> default_functions(Cell cell) {
  if (cell == Cell::rnn) return {"Tanh"};
  if (cell == Cell::gru) return {"Sigmoid", "Tanh"};
  return {"Sigmoid", "Tanh", "Tanh"};
}

// A list with one value per function is positional; a shorter one is consumed by the functions that take the parameter.
double next_parameter(const Floats& values, size_t functions, size_t position, bool takes, double fallback,
                      size_t* used) {
  if (values.size() == functions && values.size() > 0) return takes ? values[position] : fallback;
  if (!takes || *used >= values.size()) return fallback;
  return values[(*used)++];
}

Status expect_dims(const InferContext& c, int i, std::string_view what, std::initializer_list<int64_t> expected) {
  if (!c.has_input(i) || !c.shape(i).ranked) return {};
  MN_TRY(c.expect_rank(i, static_cast<int64_t>(expected.size()), what));
  size_t axis = 0;
  for (const int64_t size : expected) {
    const Dim& dim = c.shape(i).dims[axis];
    MN_CHECK(size < 0 || !dim.known() || dim.value == size, "expected ", what, " of shape ",
             to_string(Shape(Dims(expected))), ", got ", to_string(c.shape(i)), ": dimension ", axis, " must be ",
             size);
    ++axis;
  }
  return {};
}

Dim dim_or_unknown(const InferContext& c, int i, int64_t axis) {
  if (!c.has_input(i) || !c.shape(i).ranked || axis >= c.shape(i).rank()) return Dim();
  return c.shape(i).dims[static_cast<size_t>(axis)];
}

Result<int64_t> hidden_size(const InferContext& c) {
  const Dim from_weights = dim_or_unknown(c, kInputR, 2);
  const int64_t declared = c.has_attribute("hidden_size") ? c.int_attribute("hidden_size") : -1;
  MN_CHECK(!c.has_attribute("hidden_size") || declared > 0, "hidden_size must be positive, got ", declared);
  if (!from_weights.known()) return declared;
  MN_CHECK(from_weights.value > 0, "the recurrence weight R has a hidden size of 0: ", to_string(c.shape(kInputR)));
  MN_CHECK(declared < 0 || declared == from_weights.value, "hidden_size is ", declared,
           " but the recurrence weight R has shape ", to_string(c.shape(kInputR)));
  return from_weights.value;
}

Status check_operands(const InferContext& c, Cell cell, int64_t directions, int64_t hidden) {
  const int64_t gates = gate_count(cell);
  int64_t rows = -1, bias = -1, peepholes = -1;
  if (hidden >= 0) {
    MN_CHECK(checked_mul(hidden, 8, &bias), "hidden_size ", hidden, " is too large");
    rows = gates * hidden;
    bias = 2 * rows;
    peepholes = 3 * hidden;
  }
  const bool batch_first = c.int_attribute("layout") == 1;
  const Dim batch = dim_or_unknown(c, kInputX, batch_first ? 0 : 1);
  MN_TRY(expect_dims(c, kInputX, "input X", {-1, -1, -1}));
  MN_TRY(expect_dims(c, kInputW, "weight W", {directions, rows, dim_or_unknown(c, kInputX, 2).value}));
  MN_TRY(expect_dims(c, kInputR, "recurrence weight R", {directions, rows, hidden}));
  MN_TRY(expect_dims(c, kInputB, "bias B", {directions, bias}));
  MN_TRY(expect_dims(c, kInputLengths, "sequence_lens", {batch.value}));
  for (const int i : {kInputHidden, kInputCell}) {
    const std::string_view what = i == kInputHidden ? "initial_h" : "initial_c";
    if (batch_first) MN_TRY(expect_dims(c, i, what, {batch.value, directions, hidden}));
    else MN_TRY(expect_dims(c, i, what, {directions, batch.value, hidden}));
  }
  MN_TRY(expect_dims(c, kInputPeepholes, "peephole weight P", {directions, peepholes}));
  for (const int i : {kInputW, kInputR, kInputB, kInputHidden, kInputCell, kInputPeepholes}) {
    if (c.has_input(i)) MN_TRY(c.expect_same_dtype(kInputX, i));
  }
  MN_CHECK(
      !c.has_input(kInputLengths) || c.dtype(kInputLengths) == DType::undefined || is_integer(c.dtype(kInputLengths)),
      "sequence_lens must be integers, got ", to_string(c.dtype(kInputLengths)));
  return {};
}

}  // namespace

Result<int64_t> direction_count(const NodeView& node) {
  const std::string& direction = node.string_attribute("direction");
  if (direction == "forward" || direction == "reverse") return 1;
  MN_CHECK(direction == "bidirectional", "direction must be forward, reverse or bidirectional, got '",
           printable(direction), "'");
  return 2;
}

Result<std::vector<CellFunction>> cell_functions(const NodeView& node, Cell cell) {
  MN_ASSIGN(const int64_t directions, direction_count(node));
  std::vector<std::string> names = node.strings_attribute("activations");
  if (names.empty()) {
    for (int64_t d = 0; d < directions; ++d) {
      for (std::string& name : default_functions(cell)) names.push_back(std::move(name));
    }
  }
  const int64_t expected = directions * activation_count(cell);
  MN_CHECK(static_cast<int64_t>(names.size()) == expected, "expected ", expected, " activations, got ", names.size());
  const Floats& alphas = node.floats_attribute("activation_alpha");
  const Floats& betas = node.floats_attribute("activation_beta");
  std::vector<CellFunction> functions;
  size_t used_alphas = 0, used_betas = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    const FunctionRow* row = find_function(names[i]);
    MN_CHECK(row != nullptr, "unknown activation '", printable(names[i]),
             "'; known are Relu, Tanh, Sigmoid, Affine, LeakyRelu, ThresholdedRelu, ScaledTanh, HardSigmoid, Elu, "
             "Softsign, Softplus");
    functions.push_back({row->kind, next_parameter(alphas, names.size(), i, row->takes_alpha, row->alpha, &used_alphas),
                         next_parameter(betas, names.size(), i, row->takes_beta, row->beta, &used_betas)});
  }
  return functions;
}

std::vector<AttributeSpec> recurrent_attributes(std::initializer_list<AttributeSpec> own) {
  std::vector<AttributeSpec> specs = {
      {"direction", "forward"},
      {"layout", 0},
      {"hidden_size", AttributeKind::integer},
      {"clip", AttributeKind::real},
      {"activations", AttributeKind::texts},
      {"activation_alpha", AttributeKind::reals},
      {"activation_beta", AttributeKind::reals},
  };
  specs.insert(specs.end(), own.begin(), own.end());
  return specs;
}

Status recurrent_infer(InferContext& c, Cell cell) {
  MN_ASSIGN(const int64_t directions, direction_count(c));
  if (auto functions = cell_functions(c, cell); !functions.ok()) return std::move(functions.error());
  const int64_t layout = c.int_attribute("layout");
  MN_CHECK(layout == 0 || layout == 1, "layout must be 0 or 1, got ", layout);
  MN_CHECK(!c.has_attribute("clip") || c.float_attribute("clip") >= 0, "clip must not be negative, got ",
           static_cast<double>(c.float_attribute("clip")));
  MN_ASSIGN(const int64_t hidden, hidden_size(c));
  MN_TRY(check_operands(c, cell, directions, hidden));
  const Dim steps = dim_or_unknown(c, kInputX, layout == 1 ? 1 : 0),
            batch = dim_or_unknown(c, kInputX, layout == 1 ? 0 : 1);
  const Dim width = hidden >= 0 ? Dim(hidden) : Dim();
  const DType dtype = c.dtype(kInputX);
  const Shape state = layout == 1 ? Shape{batch, Dim(directions), width} : Shape{Dim(directions), batch, width};
  c.set_output(0, dtype,
               layout == 1 ? Shape{batch, steps, Dim(directions), width} : Shape{steps, Dim(directions), batch, width});
  if (c.output_count() > 1) c.set_output(1, dtype, state);
  if (c.output_count() > 2) c.set_output(2, dtype, state);
  return {};
}

Status recurrent_export(ExportContext& c) {
  Attributes attributes = c.node().attributes;
  const Shape& r = c.graph.value(c.node().inputs[kInputR]).type.shape;  // [directions, gates hidden, hidden]
  if (r.ranked && r.rank() == 3 && r.dims[2].known()) attributes.set("hidden_size", r.dims[2].value);
  std::vector<std::string> inputs, outputs;
  for (size_t i = 0; i < c.node().inputs.size(); ++i) inputs.push_back(c.input_name(static_cast<int>(i)));
  for (size_t i = 0; i < c.node().outputs.size(); ++i) outputs.push_back(c.output_name(static_cast<int>(i)));
  c.add("ai.onnx", c.op().exports[0].name, std::move(inputs), std::move(outputs), attributes);
  return {};
}

Cost recurrent_cost(const InferContext& c, Cell cell) {
  const Dims x = c.shape(kInputX).to_dims(), r = c.shape(kInputR).to_dims();
  Cost cost;
  cost.multiply_adds = x[0] * x[1] * r[0] * r[2] * gate_count(cell) * (x[2] + r[2]);
  int64_t elements = 0;
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.has_input(i)) elements += element_count(c.shape(i).to_dims());
  }
  elements += x[0] * x[1] * r[0] * r[2];
  cost.bytes = elements * static_cast<int64_t>(element_bytes(c.dtype(kInputX)));
  return cost;
}

}  // namespace minnow::ops
