// einsum: sums of products of operands whose dimensions are named by letters.
#include <algorithm>
#include <array>
#include <limits>

#include "base/checked.h"
#include "base/text.h"
#include "ops/cases.h"
#include "ops/elementwise.h"
#include "ops/expression.h"
#include "ops/wrapping.h"

namespace minnow::ops {
namespace {

// "...ij,jk->...ik" as {"*ij", "jk"} and "*ik": a star stands for the ellipsis.
struct Equation {
  std::vector<std::string> terms;
  std::string output;
};

Result<std::string> parse_term(std::string_view text) {
  std::string term;
  for (size_t i = 0; i < text.size(); ++i) {
    const char letter = text[i];
    if (letter == '.') {
      MN_CHECK(text.substr(i, 3) == "..." && term.find('*') == std::string::npos, "bad ellipsis in term '",
               printable(text, 60), "'");
      term += '*';
      i += 2;
    } else {
      MN_CHECK((letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z'), "term '", printable(text, 60),
               "' holds something other than letters");
      term += letter;
    }
  }
  return term;
}

Result<Equation> parse_equation(std::string_view given, int operands) {
  std::string text;
  for (const char c : given) {
    if (c != ' ') text += c;
  }
  Equation equation;
  const size_t arrow = text.find("->");
  for (const std::string_view part : split(std::string_view(text).substr(0, arrow), ',')) {
    MN_ASSIGN(std::string term, parse_term(part));
    equation.terms.push_back(std::move(term));
  }
  MN_CHECK(equation.terms.size() == static_cast<size_t>(operands), "equation '", printable(given, 60), "' has ",
           equation.terms.size(), " terms for ", operands, " operands");
  std::string all;
  for (const std::string& term : equation.terms) all += term;
  if (arrow == std::string::npos) {
    // Implicit output: the ellipsis, then every letter that occurs once, in ASCII order.
    for (const char letter : all) {
      if (letter != '*' && std::count(all.begin(), all.end(), letter) == 1) equation.output += letter;
    }
    std::sort(equation.output.begin(), equation.output.end());
    if (all.find('*') != std::string::npos) equation.output.insert(equation.output.begin(), '*');
    return equation;
  }
  MN_ASSIGN(equation.output, parse_term(std::string_view(text).substr(arrow + 2)));
  for (const char letter : equation.output) {
    MN_CHECK(letter == '*' || all.find(letter) != std::string::npos, "output letter '", std::string(1, letter),
             "' occurs in no term");
    MN_CHECK(std::count(equation.output.begin(), equation.output.end(), letter) == 1, "output letter '",
             std::string(1, letter), "' occurs twice");
  }
  return equation;
}

// Labels are numbers: letters by their code, the ellipsis's dimensions from kEllipsis on, counted from the last.
constexpr int kEllipsis = 128;

Result<int64_t> ellipsis_rank(const std::string& term, int64_t rank) {
  const int64_t letters =
      static_cast<int64_t>(std::count_if(term.begin(), term.end(), [](char c) { return c != '*'; }));
  const bool open = letters != static_cast<int64_t>(term.size());
  MN_CHECK(open ? rank >= letters : rank == letters, "a term of ", letters, " letters does not fit a ", rank,
           "-D operand");
  return rank - letters;
}

std::vector<int> labels_of(const std::string& term, int64_t ellipsis) {
  std::vector<int> labels;
  for (const char letter : term) {
    if (letter != '*') labels.push_back(letter);
    else
      for (int64_t k = ellipsis; k-- > 0;) labels.push_back(kEllipsis + static_cast<int>(k));
  }
  return labels;
}

// One size per label, 1 giving way to others.
struct Extents {
  std::vector<Dim> dims;
  Status merge(int label, const Dim& dim) {
    if (static_cast<size_t>(label) >= dims.size()) dims.resize(static_cast<size_t>(label) + 1, Dim(1));
    Dim& known = dims[static_cast<size_t>(label)];
    if (known.value == 1) known = dim;
    else if (dim.value == 1 || known.same(dim)) return {};
    else if (known.known() && dim.known())
      return bad_input({"a letter stands for sizes ", known.value, " and ", dim.value});
    else if (!known.known()) known = dim;
    return {};
  }
};

Status einsum_infer(InferContext& c) {
  MN_ASSIGN(const Equation equation, parse_equation(c.string_attribute("equation"), c.input_count()));
  Extents extents;
  bool ranked = true;
  int64_t widest = 0;
  DType dtype = DType::undefined;
  for (int i = 0; i < c.input_count(); ++i) {
    MN_CHECK(c.has_input(i), "input ", i, " is missing");
    MN_TRY(expect_dtype(c, i, is_real_number, "a numeric type"));
    MN_TRY(c.expect_same_dtype(0, i));
    if (dtype == DType::undefined) dtype = c.dtype(i);
    const std::string& term = equation.terms[static_cast<size_t>(i)];
    if (!c.shape(i).ranked) {
      ranked = ranked && term.find('*') == std::string::npos;
      for (const int label : labels_of(term, 0)) MN_TRY(extents.merge(label, Dim()));
      continue;
    }
    MN_ASSIGN(const int64_t ellipsis, ellipsis_rank(term, c.shape(i).rank()));
    widest = std::max(widest, ellipsis);
    const std::vector<int> labels = labels_of(term, ellipsis);
    for (size_t d = 0; d < labels.size(); ++d) MN_TRY(extents.merge(labels[d], c.shape(i).dims[d]));
  }
  if (!ranked && equation.output.find('*') != std::string::npos) {
    c.set_output(0, dtype, Shape());
    return {};
  }
  std::vector<Dim> dims;
  for (const int label : labels_of(equation.output, widest)) dims.push_back(extents.dims[static_cast<size_t>(label)]);
  c.set_output(0, dtype, Shape(std::move(dims)));
  return {};
}

// Loops over output labels, then over summed ones; each operand (and last, the output) has a stride for each.
struct Loops {
  Dims extents;
  std::vector<Dims> strides;
};

Loops plan_loops(const EvalContext& c, const Equation& equation) {
  int64_t widest = 0;
  std::vector<std::vector<int>> labels;
  std::array<int64_t, 2 * kEllipsis> extent{};
  extent.fill(1);
  std::vector<int> order;
  for (int i = 0; i < c.input_count(); ++i) {
    const int64_t ellipsis = ellipsis_rank(equation.terms[static_cast<size_t>(i)], c.input(i).rank()).value();
    widest = std::max(widest, ellipsis);
    labels.push_back(labels_of(equation.terms[static_cast<size_t>(i)], ellipsis));
    for (size_t d = 0; d < labels.back().size(); ++d) {
      int64_t& size = extent[static_cast<size_t>(labels.back()[d])];
      if (size == 1) size = c.input(i).dims()[d];
    }
  }
  labels.push_back(labels_of(equation.output, widest));
  order = labels.back();
  for (const auto& term : labels) {
    for (const int label : term) {
      if (std::find(order.begin(), order.end(), label) == order.end()) order.push_back(label);
    }
  }
  Loops loops;
  for (const int label : order) loops.extents.push_back(extent[static_cast<size_t>(label)]);
  for (size_t t = 0; t < labels.size(); ++t) {
    Dims dims;
    for (size_t d = 0; d < labels[t].size(); ++d) {
      dims.push_back(t + 1 < labels.size() ? c.input(static_cast<int>(t)).dims()[d]
                                           : extent[static_cast<size_t>(labels[t][d])]);
    }
    const Dims row_major = row_major_strides(dims);
    Dims strides(order.size(), 0);
    for (size_t d = 0; d < dims.size(); ++d) {
      const size_t at = static_cast<size_t>(std::find(order.begin(), order.end(), labels[t][d]) - order.begin());
      if (dims[d] != 1) strides[at] += row_major[d];  // a letter twice in a term walks the diagonal
    }
    loops.strides.push_back(std::move(strides));
  }
  return loops;
}

template <class T>
Status sum_products(EvalContext& c, const Loops& loops) {
  const size_t operands = static_cast<size_t>(c.input_count()), depth = loops.extents.size();
  T* out = c.output(0).mutable_data<T>();
  std::fill(out, out + c.output(0).size(), T(0));
  const Result<int64_t> products = checked_element_count(loops.extents);
  if (!products.ok()) return over_limit({"the letters span more than 2^63 products"});
  const int64_t total = *products;
  if (total == 0) return {};
  const int64_t run = depth != 0 ? loops.extents.back() : 1;
  std::vector<const T*> in;
  for (size_t i = 0; i < operands; ++i) in.push_back(c.input(static_cast<int>(i)).data<T>());
  Dims offset(operands + 1, 0), counter(depth, 0), step(operands + 1, 0);
  for (size_t i = 0; i <= operands && depth != 0; ++i) step[i] = loops.strides[i].back();
  Pace pace(c.budget());
  for (int64_t done = 0; done < total; done += run) {
    MN_TRY(pace.work(run * static_cast<int64_t>(operands)));
    for (int64_t k = 0; k < run; ++k) {
      T product = in[0][offset[0] + k * step[0]];
      for (size_t i = 1; i < operands; ++i) product = wrapping_mul(product, in[i][offset[i] + k * step[i]]);
      T& sum = out[offset[operands] + k * step[operands]];
      sum = wrapping_add(sum, product);
    }
    for (size_t d = depth > 0 ? depth - 1 : 0; d-- > 0;) {
      for (size_t i = 0; i <= operands; ++i) offset[i] += loops.strides[i][d];
      if (++counter[d] < loops.extents[d]) break;
      counter[d] = 0;
      for (size_t i = 0; i <= operands; ++i) offset[i] -= loops.strides[i][d] * loops.extents[d];
    }
  }
  return {};
}

Status einsum_reference(EvalContext& c) {
  MN_ASSIGN(const Equation equation, parse_equation(c.string_attribute("equation"), c.input_count()));
  for (int i = 0; i < c.input_count(); ++i) {
    MN_CHECK(c.input(i).rank() < kEllipsis, "operand ", i, " has ", c.input(i).rank(), " dimensions; at most ",
             kEllipsis - 1, " are supported");
  }
  const Loops loops = plan_loops(c, equation);
  return dispatch<WrappingTypes>(unsigned_twin(c.input(0).dtype()),
                                 [&]<class T>() { return sum_products<T>(c, loops); });
}

std::string spelled(const std::string& term) {
  std::string text;
  for (const char letter : term) text += letter == '*' ? std::string("...") : std::string(1, letter);
  return text;
}

// The product of the output's gradient and the other operands, summed to the operand's letters. Letters that only this
// operand has come back through a factor of ones in its shape.
Status einsum_gradient(GradientContext& c) {
  MN_ASSIGN(const Equation equation, parse_equation(c.string_attribute("equation"), c.input_count()));
  for (int i = 0; i < c.input_count(); ++i) {
    if (c.wanted.size() > static_cast<size_t>(i) && !c.wanted[static_cast<size_t>(i)]) continue;
    const std::string& term = equation.terms[static_cast<size_t>(i)];
    for (const char letter : term) {
      if (std::count(term.begin(), term.end(), letter) > 1)
        return unsupported({"gradient of an einsum that takes a diagonal"});
    }
    std::vector<ValueId> operands{c.output_gradient(0)};
    std::string text = spelled(equation.output), others = equation.output;
    for (int j = 0; j < c.input_count(); ++j) {
      if (j == i) continue;
      operands.push_back(c.input(j));
      text += "," + spelled(equation.terms[static_cast<size_t>(j)]);
      others += equation.terms[static_cast<size_t>(j)];
    }
    const Expression x{&c.b, c.input(i)};
    if (std::any_of(term.begin(), term.end(), [&](char letter) { return others.find(letter) == std::string::npos; })) {
      operands.push_back((x.zeros() + 1.0).id);
      text += "," + spelled(term);
    }
    const Expression gradient{&c.b, c.b.add("einsum", operands, {{"equation", text + "->" + spelled(term)}})};
    c.set_input_gradient(i, undo_broadcast(gradient, x).id);
  }
  return {};
}

Cost einsum_cost(const InferContext& c) {
  const auto equation = parse_equation(c.string_attribute("equation"), c.input_count());
  Extents extents;
  int64_t bytes = element_count(c.outputs()[0].shape.to_dims()), products = 1;
  for (int i = 0; equation.ok() && i < c.input_count(); ++i) {
    const auto ellipsis = ellipsis_rank(equation->terms[static_cast<size_t>(i)], c.shape(i).rank());
    const std::vector<int> labels = labels_of(equation->terms[static_cast<size_t>(i)], ellipsis.ok() ? *ellipsis : 0);
    for (size_t d = 0; d < labels.size(); ++d) static_cast<void>(extents.merge(labels[d], c.shape(i).dims[d]));
    bytes += element_count(c.shape(i).to_dims());
  }
  // Names that only operands have may span more products than 64 bits count.
  const auto times = [&](int64_t count) {
    if (!checked_mul(products, count, &products)) products = std::numeric_limits<int64_t>::max();
  };
  for (const Dim& dim : extents.dims) times(dim.known() ? dim.value : 1);
  times(c.input_count() - 1);
  return {products, bytes * static_cast<int64_t>(element_bytes(c.dtype(0)))};
}

std::vector<Case> einsum_cases() {
  const auto f = [](Dims dims, uint64_t seed) { return random_tensor(DType::float32, std::move(dims), seed); };
  const Tensor square = Tensor::of<float>({1, 2, 3, 4}, {2, 2});
  return {{.inputs = {square, Tensor::of<float>({5, 6, 7, 8}, {2, 2})},
           .attributes = {{"equation", "ij, jk -> ik"}},
           .expected = {Tensor::of<float>({19, 22, 43, 50}, {2, 2})}},
          {.inputs = {square},
           .attributes = {{"equation", "ii->i"}},
           .expected = {Tensor::of<float>({1, 4}, {2})},
           .differentiable = false,
           .note = "diagonal"},
          {.inputs = {square},
           .attributes = {{"equation", "ba"}},
           .expected = {Tensor::of<float>({1, 3, 2, 4}, {2, 2})},
           .note = "implicit transpose"},
          {.inputs = {f({2, 3}, 1)}, .attributes = {{"equation", "ij->i"}}, .note = "sum of a letter that occurs once"},
          {.inputs = {f({2, 1, 3, 4}, 2), f({5, 4, 2}, 3)},
           .attributes = {{"equation", "...ij,...jk->...ik"}},
           .note = "broadcast batch"},
          {.inputs = {f({2, 3}, 4), f({3}, 5), f({2}, 6)},
           .attributes = {{"equation", "ij,j,i->"}},
           .note = "three operands"},
          {.inputs = {f({3}, 7), f({2}, 8)}, .attributes = {{"equation", "i,j->ji"}}, .note = "outer product"},
          {.inputs = {f({0, 3}, 9), f({3, 2}, 1)}, .attributes = {{"equation", "ij,jk"}}, .note = "empty"}};
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> einsum() {
  return {{
      .name = "einsum",
      .doc = "Sums of products over named dimensions.",
      .inputs = {1, Arity::kMany},
      .attributes = {required("equation", AttributeKind::text)},
      .infer = einsum_infer,
      .reference = einsum_reference,
      .gradient = einsum_gradient,
      .cost = einsum_cost,
      .imports = {{"ai.onnx", "Einsum"}},
      .exports = {{"ai.onnx", "Einsum", 12}},
      .cases = einsum_cases,
  }};
}

}  // namespace minnow::ops
