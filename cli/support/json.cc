#include "cli/support/json.h"

#include <cmath>

#include "cli/support/terminal.h"

namespace minnow::cli {

Json value_json(const Value& value) {
  Json json{{"name", value.name}, {"type", to_string(value.type)}};
  if (!value.type.is_tensor()) return json;
  json["dtype"] = std::string(to_string(value.type.dtype));
  if (!value.type.shape.ranked) return json;
  Json shape = Json::array();
  for (const Dim& dim : value.type.shape.dims) shape.push_back(dim.value);
  json["shape"] = shape;
  return json;
}

Json dims_json(const Dims& dims) {
  Json json = Json::array();
  for (int64_t dim : dims) json.push_back(dim);
  return json;
}

Json number_json(double value) {
  if (std::isfinite(value)) return value;
  if (std::isnan(value)) return "nan";
  return value > 0 ? "inf" : "-inf";
}

Status emit(const CommonFlags& common, const Json& json, const std::string& text) {
  if (!common.json) return emit_text(common, text);
  return emit_text(common, json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
}

}  // namespace minnow::cli
