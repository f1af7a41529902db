// tf_idf_vectorizer: counts n-grams of a pool in every row (with up to max_skip_count tokens skipped between
// neighbours).
#include <algorithm>
#include <map>
#include <unordered_map>

#include "ops/cases.h"
#include "ops/op.h"

namespace minnow::ops {
namespace {

constexpr int64_t kMaxGram = 1024;  // longer n-grams come from a broken file

Status check_pool(const NodeView& c) {
  const Ints &starts = c.ints_attribute("ngram_counts"), &indexes = c.ints_attribute("ngram_indexes");
  const bool has_ints = !c.ints_attribute("pool_int64s").empty();
  MN_CHECK(has_ints != !c.strings_attribute("pool_strings").empty(),
           "exactly one of pool_int64s and pool_strings must be given");
  const int64_t size = static_cast<int64_t>(has_ints ? c.ints_attribute("pool_int64s").size()
                                                     : c.strings_attribute("pool_strings").size());
  const int64_t min = c.int_attribute("min_gram_length"), max = c.int_attribute("max_gram_length");
  MN_CHECK(min >= 1 && min <= max && max <= kMaxGram, "gram lengths must satisfy 1 <= min <= max <= ", kMaxGram,
           ", got ", min, " and ", max);
  MN_CHECK(max <= static_cast<int64_t>(starts.size()), "max_gram_length ", max, " exceeds the ", starts.size(),
           " entries of ngram_counts");
  MN_CHECK(c.int_attribute("max_skip_count") >= 0, "max_skip_count must not be negative");
  int64_t grams = 0;
  for (size_t n = 0; n < starts.size(); ++n) {
    const int64_t end = n + 1 < starts.size() ? starts[n + 1] : size;
    MN_CHECK(starts[n] >= 0 && starts[n] <= end && end <= size, "ngram_counts ", to_string(starts),
             " do not ascend within the pool of ", size);
    MN_CHECK((end - starts[n]) % static_cast<int64_t>(n + 1) == 0, "the pool of ", n + 1, "-grams has ",
             end - starts[n], " entries");
    grams += (end - starts[n]) / static_cast<int64_t>(n + 1);
  }
  MN_CHECK(grams == static_cast<int64_t>(indexes.size()), "the pool has ", grams, " n-grams, but ngram_indexes has ",
           indexes.size());
  for (int64_t index : indexes) MN_CHECK(index >= 0, "ngram_indexes must not be negative");
  const Floats& weights = c.floats_attribute("weights");
  MN_CHECK(weights.empty() || weights.size() == indexes.size(), "weights has ", weights.size(), " entries for ",
           indexes.size(), " n-grams");
  return {};
}

Status tf_idf_infer(InferContext& c) {
  const std::string& mode = c.string_attribute("mode");
  MN_CHECK(mode == "TF" || mode == "IDF" || mode == "TFIDF", "mode '", mode, "' is not TF, IDF or TFIDF");
  MN_TRY(check_pool(c));
  const bool strings = !c.strings_attribute("pool_strings").empty();
  MN_CHECK(c.dtype(0) == DType::undefined || (strings ? c.dtype(0) == DType::string : is_integer(c.dtype(0))),
           "expected ", strings ? "strings" : "integers", " as in the pool, got ", to_string(c.dtype(0)));
  const Ints& indexes = c.ints_attribute("ngram_indexes");
  int64_t size = 0;
  for (int64_t index : indexes) size = std::max(size, index);
  MN_CHECK(size < INT64_MAX, "an n-gram index is too large");
  const Shape& in = c.shape(0);
  Shape out;
  if (in.ranked) {
    MN_CHECK(in.rank() == 1 || in.rank() == 2, "expected [C] or [N, C], got ", to_string(in));
    out = in.rank() == 1 ? Shape{Dim(size + 1)} : Shape{in.dims[0], Dim(size + 1)};
  }
  c.set_output(0, DType::float32, out);
  return {};
}

// Tokens as numbers, the same for equal texts; -1 for texts that the pool does not have.
class Tokens {
 public:
  explicit Tokens(const NodeView& c) : ints_(c.ints_attribute("pool_int64s")) {
    for (const std::string& text : c.strings_attribute("pool_strings")) {
      ints_.push_back(ids_.emplace(text, static_cast<int64_t>(ids_.size())).first->second);
    }
  }
  const Ints& pool() const { return ints_; }
  Ints of(const Tensor& tensor) const {
    if (tensor.dtype() != DType::string) return to_ints(tensor);
    Ints out;
    for (const std::string& text : tensor.strings()) {
      const auto found = ids_.find(text);
      out.push_back(found == ids_.end() ? -1 : found->second);
    }
    return out;
  }

 private:
  Ints ints_;
  std::unordered_map<std::string, int64_t> ids_;
};

using Grams = std::map<Ints, size_t>;  // n-gram to its number in the pool

Grams grams_of(const NodeView& c, const Ints& pool) {
  const Ints& starts = c.ints_attribute("ngram_counts");
  Grams grams;
  size_t number = 0;
  for (size_t n = 0; n < starts.size(); ++n) {
    const int64_t length = static_cast<int64_t>(n + 1),
                  end = n + 1 < starts.size() ? starts[n + 1] : static_cast<int64_t>(pool.size());
    for (int64_t at = starts[n]; at < end; at += length)
      grams.emplace(Ints(pool.begin() + at, pool.begin() + at + length), number++);
  }
  return grams;
}

Status count_row(const NodeView& c, std::span<const int64_t> row, const Grams& grams, std::span<int64_t> counts,
                 Budget& budget) {
  const int64_t width = static_cast<int64_t>(row.size());
  for (int64_t n = c.int_attribute("min_gram_length"); n <= c.int_attribute("max_gram_length"); ++n) {
    // Skipping means nothing to single tokens.
    const int64_t skips = n == 1 ? 0 : std::min(c.int_attribute("max_skip_count"), width);
    for (int64_t skip = 0; skip <= skips && (n - 1) * (skip + 1) < width; ++skip) {
      for (int64_t at = 0; at + (n - 1) * (skip + 1) < width; ++at) {
        Ints gram;
        for (int64_t k = 0; k < n; ++k) gram.push_back(row[static_cast<size_t>(at + k * (skip + 1))]);
        const auto found = grams.find(gram);
        if (found != grams.end()) ++counts[found->second];
      }
      MN_TRY(budget.step(0));
    }
  }
  return {};
}

Status tf_idf_reference(EvalContext& c) {
  const Tokens tokens(c);
  const Grams grams = grams_of(c, tokens.pool());
  const Ints values = tokens.of(c.input(0)), &indexes = c.ints_attribute("ngram_indexes");
  const Floats& weights = c.floats_attribute("weights");
  const std::string& mode = c.string_attribute("mode");
  const int64_t rows = c.input(0).rank() == 1 ? 1 : c.input(0).dim(0);
  const int64_t width = c.output(0).dims().back(), length = c.input(0).dims().back();
  float* out = c.output(0).mutable_data<float>();
  std::fill(out, out + c.output(0).size(), 0.0f);
  for (int64_t r = 0; r < rows; ++r, out += width) {
    Ints counts(indexes.size(), 0);
    MN_TRY(count_row(c, std::span(values).subspan(static_cast<size_t>(r * length), static_cast<size_t>(length)), grams,
                     counts, *c.budget()));
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      const float weight = weights.empty() ? 1.0f : weights[i], count = static_cast<float>(counts[i]);
      out[indexes[i]] += mode == "TF" ? count : mode == "IDF" ? weight : count * weight;
    }
  }
  return {};
}

std::vector<Case> tf_idf_cases() {
  Attributes a = {{"mode", "TF"},
                  {"min_gram_length", 2},
                  {"max_gram_length", 2},
                  {"max_skip_count", 0},
                  {"ngram_counts", Ints{0, 4}},
                  {"ngram_indexes", Ints{0, 1, 2, 3, 4, 5, 6}},
                  {"pool_int64s", Ints{2, 3, 5, 4, 5, 6, 7, 8, 6, 7}}};
  Attributes skipping = a;
  skipping.set("max_skip_count", 5);
  skipping.set("min_gram_length", 1);
  const Tensor x = Tensor::of<int32_t>({1, 1, 3, 3, 3, 7, 8, 6, 7, 5, 6, 8}, {12});
  const Attributes words = {{"mode", "TFIDF"},
                            {"min_gram_length", 1},
                            {"max_gram_length", 1},
                            {"max_skip_count", 0},
                            {"ngram_counts", Ints{0}},
                            {"ngram_indexes", Ints{1, 0}},
                            {"pool_strings", Strings{"a", "b"}},
                            {"weights", Floats{2, 3}}};
  return {
      {.inputs = {x}, .attributes = a, .expected = {Tensor::of<float>({0, 0, 0, 0, 1, 1, 1}, {7})}},
      {.inputs = {x}, .attributes = skipping, .expected = {Tensor::of<float>({0, 3, 1, 0, 1, 3, 1}, {7})}},
      {.inputs = {Tensor::of_strings({"a", "a", "c", "b"}, {2, 2})},
       .attributes = words,
       .expected = {Tensor::of<float>({0, 4, 3, 0}, {2, 2})}},
  };
}

}  // namespace

[[gnu::cold]] std::vector<OpDef> tf_idf_vectorizer() {
  constexpr AttributeKind kInteger = AttributeKind::integer, kIntegers = AttributeKind::integers;
  return {{
      .name = "tf_idf_vectorizer",
      .doc = "Counts of n-grams, optionally weighted.",
      .attributes = {required("mode", AttributeKind::text),
                     required("min_gram_length", kInteger),
                     required("max_gram_length", kInteger),
                     required("max_skip_count", kInteger),
                     required("ngram_counts", kIntegers),
                     required("ngram_indexes", kIntegers),
                     {"pool_int64s", kIntegers},
                     {"pool_strings", AttributeKind::texts},
                     {"weights", AttributeKind::reals}},
      .infer = tf_idf_infer,
      .reference = tf_idf_reference,
      .imports = {{"ai.onnx", "TfIdfVectorizer"}},
      .exports = {{"ai.onnx", "TfIdfVectorizer", 9}},
      .cases = tf_idf_cases,
  }};
}

}  // namespace minnow::ops
