#include "zoo/bert.h"

#include "ops/builder.h"
#include "zoo/layers.h"

namespace minnow {
namespace {

class Bert {
 public:
  Bert(const BertConfig& config, Graph& graph, WeightSource& weights)
      : config_(config), b_(graph), layers_(b_, weights) {}

  Status build() {
    const Type type = Type::tensor(DType::int64, Shape{Dim("batch"), Dim("length")});
    ids_ = b_.input("input_ids", type);
    mask_ = b_.input("attention_mask", type);
    types_ = b_.input("token_type_ids", type);
    ValueId x = embeddings();
    // [batch, 1, 1, length]: true where a key may be seen.
    // [batch, 1, length, length]: ONNX Runtime does not broadcast attention's mask along the queries.
    const ValueId keys = b_.add("unsqueeze", {b_.add("cast", {mask_}, {{"to", DType::boolean}}), b_.ints({1, 2})});
    const ValueId length = b_.add("shape", {ids_}, {{"start", 1}, {"end", 2}});
    const ValueId square = b_.add("concat", {b_.ints({1, 1}), length, b_.ints({1})}, {{"axis", 0}});
    seen_ = b_.add("expand", {keys, square}, {}, "attention_mask/seen");
    for (int64_t i = 0; i < config_.layers; ++i) x = encoder_layer(concat({"encoder.layer.", i, "."}), x);
    b_.output(pooled(x));
    return b_.status();
  }

 private:
  ValueId embeddings() {
    const auto table = [&](std::string_view name, int64_t rows) {
      return layers_.weight(concat({"embeddings.", name, ".weight"}), {rows, config_.hidden}, Initial::small_normal);
    };
    const ValueId words =
        b_.add("gather", {table("word_embeddings", config_.vocabulary), ids_}, {{"axis", 0}}, "embeddings/words");
    const ValueId types =
        b_.add("gather", {table("token_type_embeddings", config_.types), types_}, {{"axis", 0}}, "embeddings/types");
    const ValueId length =
        b_.add("gather", {b_.add("shape", {ids_}), b_.constant(Tensor::scalar<int64_t>(1))}, {{"axis", 0}}, "length");
    const ValueId places =
        b_.add("range", {b_.constant(Tensor::scalar<int64_t>(0)), length, b_.constant(Tensor::scalar<int64_t>(1))});
    const ValueId positions = b_.add("gather", {table("position_embeddings", config_.positions), places}, {{"axis", 0}},
                                     "embeddings/positions");
    const ValueId sum = b_.add("add", {b_.add("add", {words, types}), positions}, {}, "embeddings/sum");
    return layers_.layer_norm("embeddings.LayerNorm", sum, config_.hidden, config_.epsilon);
  }

  ValueId encoder_layer(const std::string& scope, ValueId x) {
    const auto linear = [&](std::string_view name, ValueId in, int64_t from, int64_t to) {
      return layers_.linear(scope + std::string(name), in, from, to, Initial::small_normal);
    };
    const int64_t hidden = config_.hidden;
    const ValueId q = linear("attention.self.query", x, hidden, hidden);
    const ValueId k = linear("attention.self.key", x, hidden, hidden);
    const ValueId v = linear("attention.self.value", x, hidden, hidden);
    const ValueId attended =
        b_.add("attention", {q, k, v, seen_}, {{"q_num_heads", config_.heads}, {"kv_num_heads", config_.heads}},
               scope + "attention");
    const ValueId projected = linear("attention.output.dense", attended, hidden, hidden);
    x = layers_.layer_norm(scope + "attention.output.LayerNorm", b_.add("add", {projected, x}), hidden,
                           config_.epsilon);
    const ValueId inner = b_.add("gelu", {linear("intermediate.dense", x, hidden, config_.intermediate)}, {},
                                 scope + "intermediate.gelu");
    const ValueId outer = linear("output.dense", inner, config_.intermediate, hidden);
    return layers_.layer_norm(scope + "output.LayerNorm", b_.add("add", {outer, x}), hidden, config_.epsilon);
  }

  ValueId pooled(ValueId x) {
    if (config_.pooling == BertConfig::Pooling::none) return b_.add("identity", {x}, {}, "hidden_states");
    ValueId sentence;
    if (config_.pooling == BertConfig::Pooling::first) {
      sentence = b_.add("gather", {x, b_.constant(Tensor::scalar<int64_t>(0))}, {{"axis", 1}});
    } else {
      // The floor keeps a text without tokens from dividing by zero.
      const ValueId mask = b_.add("unsqueeze", {b_.add("cast", {mask_}, {{"to", DType::float32}}), b_.ints({2})});
      const ValueId sum = b_.add("reduce_sum", {b_.add("mul", {x, mask}), b_.ints({1})}, {{"keepdims", 0}});
      const ValueId count =
          b_.add("max", {b_.add("reduce_sum", {mask, b_.ints({1})}, {{"keepdims", 0}}), b_.constant(1e-9f)});
      sentence = b_.add("div", {sum, count}, {}, "mean");
    }
    if (!config_.normalize) return b_.add("identity", {sentence}, {}, "sentence_embedding");
    const ValueId norm =
        b_.add("max", {b_.add("reduce_l2", {sentence, b_.ints({1})}, {{"keepdims", 1}}), b_.constant(1e-12f)});
    return b_.add("div", {sentence, norm}, {}, "sentence_embedding");
  }

  const BertConfig& config_;
  Builder b_;
  Layers layers_;
  ValueId ids_ = kNoValue, mask_ = kNoValue, types_ = kNoValue, seen_ = kNoValue;
};

}  // namespace

Result<Graph> build_bert(const BertConfig& config, WeightSource& weights) {
  MN_CHECK(config.heads > 0 && config.hidden > 0 && config.hidden % config.heads == 0, "hidden size ", config.hidden,
           " does not split into ", config.heads, " heads");
  Graph graph;
  graph.name = "bert";
  Bert bert(config, graph, weights);
  MN_TRY(bert.build());
  return graph;
}

}  // namespace minnow
