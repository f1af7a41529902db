// TensorFlow Lite's recurrent layers: their states are variables, which become states of the graph.
#pragma once

#include "ops/op.h"

namespace minnow::tflite {

Status import_lstm(ImportContext& c);  // LSTM and UNIDIRECTIONAL_SEQUENCE_LSTM
Status import_rnn(ImportContext& c);   // RNN and UNIDIRECTIONAL_SEQUENCE_RNN
Status import_svdf(ImportContext& c);

}  // namespace minnow::tflite
