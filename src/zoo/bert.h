// BERT encoders (Devlin et al. 2018) and the sentence embeddings made of them (Reimers and Gurevych 2019), from weights
// with HuggingFace's names.
#pragma once

#include "graph/graph.h"
#include "zoo/weights.h"

namespace minnow {

struct BertConfig {
  int64_t vocabulary = 30522;
  int64_t positions = 512;
  int64_t types = 2;
  int64_t hidden = 384;
  int64_t layers = 6;
  int64_t heads = 12;
  int64_t intermediate = 1536;
  double epsilon = 1e-12;  // of layer normalization
  // What comes out: hidden states [batch, length, hidden], or one vector a text: the mean over real tokens or the first
  // token's.
  enum class Pooling : uint8_t { none, mean, first } pooling = Pooling::mean;
  bool normalize = true;  // vectors of length 1, so that a dot product is the cosine

  // sentence-transformers/all-MiniLM-L6-v2.
  static BertConfig mini_lm_l6() { return {}; }
};

// Inputs: input_ids, attention_mask, token_type_ids, int64 [batch, length]. Output: hidden_states or
// sentence_embedding.
Result<Graph> build_bert(const BertConfig& config, WeightSource& weights);

}  // namespace minnow
