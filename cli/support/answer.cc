#include "cli/support/answer.h"

#include <algorithm>
#include <numeric>

#include "base/text.h"
#include "cli/support/terminal.h"

namespace minnow::cli {
namespace {

constexpr size_t kBestClasses = 3;

int64_t best_index(const float* row, int64_t count) { return std::max_element(row, row + count) - row; }

std::string classes_in_words(const std::vector<std::string>& labels, const Tensor& output) {
  const float* scores = output.data<float>();
  std::vector<size_t> order(static_cast<size_t>(output.size()));
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  std::string text;
  for (size_t i = 0; i < std::min(kBestClasses, order.size()); ++i) {
    const std::string label = order[i] < labels.size() ? labels[order[i]] : concat({"class ", order[i]});
    text += concat({i ? ", " : "", printable(label), " (", fixed(scores[order[i]], 4), ")"});
  }
  return text;
}

// Greedy decoding (Graves et al. 2006): the best class of each step, repeats merged, blanks (class 0) dropped. PP-OCR's
// list lacks the blank in front and the space at the end.
Result<std::string> ctc_in_words(const Graph& graph, const std::string& key, const Tensor& output) {
  std::string_view list;
  for (const auto& [name, value] : graph.metadata) {
    if (name == key) list = value;
  }
  MN_CHECK(!list.empty(), "the model's metadata has no '", key, "': its classes have no names");
  std::vector<std::string_view> labels = split(list, '\n');
  if (!labels.empty() && labels.back().empty()) labels.pop_back();
  MN_CHECK(output.rank() == 3, "expected scores [batch, steps, classes], got ", to_string(output.dims()));
  const int64_t steps = output.dim(1), classes = output.dim(2);
  std::string text;
  int64_t previous = 0;
  for (int64_t step = 0; step < steps && classes > 0; ++step) {
    const int64_t best = best_index(output.data<float>() + step * classes, classes);
    if (best != 0 && best != previous) {
      text +=
          static_cast<size_t>(best) <= labels.size() ? labels[static_cast<size_t>(best - 1)] : std::string_view(" ");
    }
    previous = best;
  }
  return text;
}

}  // namespace

Result<std::string> answer_in_words(const OutputContract& contract, const Graph& graph, const Tensor& output) {
  if (contract.kind == OutputContract::Kind::none || output.dtype() != DType::float32 || output.size() == 0)
    return std::string();
  if (contract.kind == OutputContract::Kind::ctc) return ctc_in_words(graph, contract.labels_metadata, output);
  return classes_in_words(contract.labels, output);
}

}  // namespace minnow::cli
