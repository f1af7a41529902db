// minnow embed MODEL TEXT…: sentence embeddings and how similar they are.
#include <sys/stat.h>

#include <cmath>
#include <cstdio>

#include "api/catalogue.h"
#include "base/text.h"
#include "cli/support/json.h"
#include "cli/support/model_flags.h"
#include "cli/support/standard_input.h"
#include "cli/support/terminal.h"
#include "export/onnx.h"
#include "import/npy.h"
#include "import/safetensors.h"
#include "report/heat_map.h"
#include "zoo/bert.h"
#include "zoo/word_piece.h"

namespace minnow::cli {
namespace {

constexpr int64_t kMaxTokens = 256;  // all-MiniLM-L6-v2 was trained with at most 256 pieces
constexpr size_t kTableTexts = 24;   // more do not fit on a screen

struct Embeddings {
  std::vector<std::string> texts;
  Tensor vectors;  // float32 [texts, hidden], each of length 1
  double similarity(size_t i, size_t j) const {
    const int64_t width = vectors.dim(1);
    const float* a = vectors.data<float>() + static_cast<int64_t>(i) * width;
    const float* b = vectors.data<float>() + static_cast<int64_t>(j) * width;
    double dot = 0;
    for (int64_t k = 0; k < width; ++k) dot += static_cast<double>(a[k]) * b[k];
    return dot;
  }
};

bool is_folder(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

class Embed : public Verb {
 public:
  const char* summary() const override { return "Sentence embeddings and their similarities"; }
  const char* example() const override {
    return "minnow embed minilm-l6-v2 \"A cat sleeps.\" \"A kitten naps.\" --html map.html";
  }

  void declare(Arguments& arguments) override {
    arguments.positional("MODEL", &model_,
                         "A sentence model of the catalogue, or a folder with model.safetensors and vocab.txt");
    arguments.positional("TEXT", &texts_, "Texts to embed", false);
    arguments.option("--in", "FILE", &input_, "One text a line; - reads standard input");
    arguments.option("--html", "FILE", &html_, "Write the similarities as a heat map");
    arguments.option("--npy", "FILE", &npy_, "Write the embeddings, float32 [texts, hidden]");
    arguments.option("--onnx", "FILE", &onnx_, "Write the network as an ONNX model and stop");
    flags_.declare_open(arguments);
  }

  Result<int> run() override {
    MN_TRY(find_files());
    MN_ASSIGN(const Bytes weights, read_file(weights_path_));
    MN_ASSIGN(NamedTensors tensors, read_safetensors(weights, weights_path_, common.limits));
    NamedWeights source(std::move(tensors));
    MN_ASSIGN(Graph graph, build_bert(BertConfig::mini_lm_l6(), source));
    if (!onnx_.empty()) {
      MN_ASSIGN(const std::string bytes, export_onnx(graph));
      MN_TRY(write_file_atomically(onnx_, bytes));
      return kExitOk;
    }
    MN_ASSIGN(Embeddings embeddings, embed(std::move(graph)));
    if (!npy_.empty()) MN_TRY(write_npy(npy_, embeddings.vectors));
    if (!html_.empty()) MN_TRY(write_heat_map(embeddings));
    MN_TRY(emit(common, json(embeddings), text(embeddings)));
    return kExitOk;
  }

 private:
  Status find_files() {
    if (is_folder(model_)) {
      weights_path_ = model_ + "/model.safetensors";
      vocabulary_path_ = model_ + "/vocab.txt";
      return {};
    }
    const CatalogueModel* known = builtin_catalogue().find(model_);
    MN_CHECK(known != nullptr, "'", printable(model_),
             "' is neither a folder nor a model of the catalogue; `minnow models list` shows them");
    MN_CHECK(known->input.kind == InputContract::Kind::text, "'", model_, "' is for ", known->task, ", not for text");
    for (const CatalogueFile& file : known->files) {
      MN_ASSIGN(const std::string path, find_model_file(*known, file));
      if (file.name == "vocab.txt") vocabulary_path_ = path;
      if (ends_with(file.name, ".safetensors")) weights_path_ = path;
    }
    return {};
  }

  Result<std::vector<std::string>> gather_texts() const {
    std::vector<std::string> texts = texts_;
    if (!input_.empty()) {
      MN_ASSIGN(const Bytes lines, read_file_or_stdin(input_, common.limits.bytes));
      for (std::string_view line : split(lines.text(), '\n')) {
        if (!trim(line).empty()) texts.emplace_back(trim(line));
      }
    }
    MN_CHECK(!texts.empty(), "nothing to embed: give TEXTs, or --in FILE with one text a line");
    return texts;
  }

  Result<Embeddings> embed(Graph graph) const {
    Embeddings result;
    MN_ASSIGN(result.texts, gather_texts());
    MN_ASSIGN(const Bytes vocabulary, read_file(vocabulary_path_, 64 << 20));
    MN_ASSIGN(const WordPiece tokenizer, WordPiece::create(vocabulary.text()));
    OpenOptions options;
    options.limits = common.limits;
    MN_ASSIGN(const std::shared_ptr<const Model> model, Model::from_graph(std::move(graph), model_, options));
    MN_ASSIGN(std::unique_ptr<Session> session, flags_.session(common, model));
    const Interruptible interruptible(*session);
    Progress progress(common, "embedding", static_cast<int64_t>(result.texts.size()));
    // One text a run: a short sentence costs what it contains.
    for (size_t i = 0; i < result.texts.size(); ++i) {
      const TokenRow row = tokenizer.encode(result.texts[i], kMaxTokens);
      const Dims dims{1, static_cast<int64_t>(row.ids.size())};
      const std::vector<Datum> inputs{Tensor::of<int64_t>(row.ids, dims), Tensor::of<int64_t>(row.mask, dims),
                                      Tensor::of<int64_t>(row.types, dims)};
      MN_ASSIGN(const std::vector<Datum> outputs, session->run(inputs));
      const Tensor& vector = outputs[0].tensor;
      if (i == 0) {
        MN_ASSIGN(result.vectors,
                  Tensor::allocate(DType::float32, {static_cast<int64_t>(result.texts.size()), vector.size()}));
      }
      std::copy_n(vector.data<float>(), vector.size(),
                  result.vectors.mutable_data<float>() + static_cast<int64_t>(i) * vector.size());
      progress.update(static_cast<int64_t>(i) + 1);
    }
    return result;
  }

  Status write_heat_map(const Embeddings& embeddings) const {
    std::vector<double> values;
    for (size_t i = 0; i < embeddings.texts.size(); ++i) {
      for (size_t j = 0; j < embeddings.texts.size(); ++j) values.push_back(embeddings.similarity(i, j));
    }
    return write_file_atomically(html_,
                                 heat_map_html("Sentence similarity (cosine)", embeddings.texts, values, 0.0, 1.0));
  }

  static Json json(const Embeddings& embeddings) {
    Json result{{"texts", embeddings.texts}, {"hidden", embeddings.vectors.dim(1)}};
    const int64_t width = embeddings.vectors.dim(1);
    for (size_t i = 0; i < embeddings.texts.size(); ++i) {
      const float* row = embeddings.vectors.data<float>() + static_cast<int64_t>(i) * width;
      result["embeddings"].push_back(std::vector<float>(row, row + width));
      Json similarities = Json::array();
      for (size_t j = 0; j < embeddings.texts.size(); ++j) similarities.push_back(embeddings.similarity(i, j));
      result["similarity"].push_back(std::move(similarities));
    }
    return result;
  }

  static std::string text(const Embeddings& embeddings) {
    const size_t shown = std::min(embeddings.texts.size(), kTableTexts);
    std::vector<std::vector<std::string>> rows{{"", "text"}};
    std::vector<bool> right{true, false};
    for (size_t j = 0; j < shown; ++j) {
      rows[0].push_back(concat({j + 1}));
      right.push_back(true);
    }
    for (size_t i = 0; i < shown; ++i) {
      std::vector<std::string> row{concat({i + 1}), printable(embeddings.texts[i], 48)};
      for (size_t j = 0; j < shown; ++j) row.push_back(fixed(embeddings.similarity(i, j), 2));
      rows.push_back(std::move(row));
    }
    std::string out = table(rows, right);
    if (shown < embeddings.texts.size())
      out += concat({"… and ", embeddings.texts.size() - shown, " more texts: --json and --npy have them all\n"});
    return out;
  }

  ModelFlags flags_;
  std::vector<std::string> texts_;
  std::string model_, input_, html_, npy_, onnx_;
  std::string weights_path_, vocabulary_path_;
};

}  // namespace

std::unique_ptr<Verb> make_embed() { return std::make_unique<Embed>(); }

}  // namespace minnow::cli
