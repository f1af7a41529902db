#include "api/catalogue.h"

#include <cassert>

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace minnow {
namespace {

using Json = nlohmann::json;
constexpr int kMaxDepth = 16;
constexpr size_t kMaxBytes = 4 << 20;
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 40;

// One JSON object with checked access: every error says where.
struct Reader {
  const Json& json;
  std::string where;

  Result<std::string> text(const char* key, bool needed = true) const {
    const auto found = json.find(key);
    if (found == json.end()) {
      MN_CHECK(!needed, where, ": '", key, "' is missing");
      return std::string();
    }
    MN_CHECK(found->is_string(), where, ": '", key, "' must be a text");
    return found->get<std::string>();
  }
  Result<std::vector<double>> numbers(const char* key) const {
    std::vector<double> out;
    const auto found = json.find(key);
    if (found == json.end()) return out;
    MN_CHECK(found->is_array() && found->size() <= 16, where, ": '", key, "' must be a list of at most 16 numbers");
    for (const Json& item : *found) {
      MN_CHECK(item.is_number(), where, ": '", key, "' must hold numbers");
      out.push_back(item.get<double>());
    }
    return out;
  }
};

Result<InputContract> parse_input(const Json& json, const std::string& where) {
  InputContract input;
  MN_CHECK(json.is_object(), where, " must be an object");
  const Reader reader{json, where};
  MN_ASSIGN(const std::string kind, reader.text("kind"));
  if (kind == "text") {
    input.kind = InputContract::Kind::text;
    const auto tokens = json.find("max_tokens");
    MN_CHECK(tokens != json.end() && tokens->is_number_unsigned(), where, ": 'max_tokens' must be a positive number");
    input.max_tokens = tokens->get<int64_t>();
    return input;
  }
  MN_CHECK(kind == "picture", where, ": kind must be 'picture' or 'text', got '", printable(kind), "'");
  input.kind = InputContract::Kind::picture;
  MN_ASSIGN(const std::vector<double> size, reader.numbers("size"));
  MN_CHECK(
      size.size() == 2 && size[0] >= 0 && size[1] >= 0 && size[0] <= 65535 && size[1] <= 65535 && size[0] + size[1] > 0,
      where, ": 'size' must be [height, width] below 65536, one of which may be 0");
  input.height = static_cast<int64_t>(size[0]);
  input.width = static_cast<int64_t>(size[1]);
  MN_ASSIGN(input.layout, reader.text("layout"));
  MN_CHECK(input.layout == "NCHW" || input.layout == "NHWC", where, ": layout must be NCHW or NHWC");
  MN_ASSIGN(input.color, reader.text("color"));
  MN_CHECK(input.color == "RGB" || input.color == "BGR" || input.color == "GRAY", where,
           ": color must be RGB, BGR or GRAY");
  for (const auto& [key, target] : {std::pair{"mean", &input.mean}, std::pair{"scale", &input.scale}}) {
    MN_ASSIGN(const std::vector<double> values, reader.numbers(key));
    MN_CHECK(values.size() == 1 || values.size() == 3, where, ": '", key, "' must hold one number or three");
    target->assign(values.begin(), values.end());
  }
  return input;
}

Result<OutputContract> parse_output(const Json& json, const std::string& where) {
  OutputContract output;
  MN_CHECK(json.is_object(), where, " must be an object");
  MN_ASSIGN(const std::string kind, (Reader{json, where}.text("kind")));
  MN_CHECK(kind == "classes" || kind == "ctc", where, ": kind must be 'classes' or 'ctc', got '", printable(kind), "'");
  output.kind = kind == "ctc" ? OutputContract::Kind::ctc : OutputContract::Kind::classes;
  const auto labels = json.find("labels");
  MN_CHECK(labels != json.end(), where, ": 'labels' is missing");
  if (labels->is_string()) {
    const std::string text = labels->get<std::string>();
    MN_CHECK(starts_with(text, "metadata:"), where, ": 'labels' must be a list or \"metadata:KEY\"");
    output.labels_metadata = text.substr(9);
    return output;
  }
  MN_CHECK(labels->is_array(), where, ": 'labels' must be a list or \"metadata:KEY\"");
  for (const Json& label : *labels) {
    MN_CHECK(label.is_string(), where, ": labels must be texts");
    output.labels.push_back(label.get<std::string>());
  }
  return output;
}

Result<CatalogueFile> parse_file(const Json& json, const std::string& where) {
  MN_CHECK(json.is_object(), where, " must be an object");
  const Reader reader{json, where};
  CatalogueFile file;
  MN_ASSIGN(file.name, reader.text("name"));
  MN_CHECK(!file.name.empty() && file.name.find('/') == std::string::npos && file.name != "." && file.name != "..",
           where, ": '", printable(file.name), "' is not a plain file name");
  MN_ASSIGN(file.member, reader.text("member", false));
  MN_ASSIGN(file.mirror, reader.text("mirror", false));
  MN_ASSIGN(file.sha256, reader.text("sha256"));
  MN_CHECK(file.sha256.size() == 64 && file.sha256.find_first_not_of("0123456789abcdef") == std::string::npos, where,
           ": 'sha256' must be 64 lower-case hexadecimal digits");
  const auto bytes = json.find("bytes");
  MN_CHECK(bytes != json.end() && bytes->is_number_unsigned() && bytes->get<uint64_t>() <= kMaxFileBytes, where,
           ": 'bytes' must be a positive number of at most 2^40");
  file.bytes = bytes->get<int64_t>();
  if (const auto offset = json.find("offset"); offset != json.end()) {
    MN_CHECK(offset->is_number_unsigned() && offset->get<uint64_t>() <= kMaxFileBytes, where,
             ": 'offset' must be a number of at most 2^40");
    MN_CHECK(!file.member.empty(), where, ": 'offset' says where in the 'member' the file begins, which is missing");
    file.offset = offset->get<int64_t>();
  }
  return file;
}

Result<CatalogueModel> parse_model(const Json& json, const std::string& where) {
  MN_CHECK(json.is_object(), where, " must be an object");
  const Reader reader{json, where};
  CatalogueModel model;
  MN_ASSIGN(model.name, reader.text("name"));
  MN_CHECK(!model.name.empty() &&
               model.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos &&
               model.name[0] != '.',
           where, ": name '", printable(model.name), "' must be made of a-z, 0-9, '-' and '.'");
  MN_ASSIGN(model.task, reader.text("task"));
  MN_ASSIGN(model.licence, reader.text("licence"));
  const auto source = json.find("source");
  MN_CHECK(source != json.end() && source->is_object(), where, ": 'source' must be an object");
  const Reader source_reader{*source, where + ".source"};
  MN_ASSIGN(model.source_kind, source_reader.text("kind"));
  MN_CHECK(model.source_kind == "pypi" || model.source_kind == "npm" || model.source_kind == "url", where,
           ": source kind must be pypi, npm or url");
  const bool by_url = model.source_kind == "url";
  MN_ASSIGN(model.package, source_reader.text("package", !by_url));
  MN_ASSIGN(model.version, source_reader.text("version"));
  MN_ASSIGN(model.url, source_reader.text("url", by_url));
  MN_CHECK(model.package.empty() || model.package[0] != '-', where, ": a package name may not begin with '-'");
  MN_CHECK(!by_url || starts_with(model.url, "https://"), where, ": the url must begin with https://");
  const auto files = json.find("files");
  MN_CHECK(files != json.end() && files->is_array() && !files->empty(), where,
           ": 'files' must be a list that is not empty");
  for (size_t i = 0; i < files->size(); ++i) {
    MN_ASSIGN(CatalogueFile file, parse_file((*files)[i], concat({where, ".files[", i, "]"})));
    model.files.push_back(std::move(file));
  }
  if (const auto input = json.find("input"); input != json.end()) {
    MN_ASSIGN(model.input, parse_input(*input, where + ".input"));
  }
  if (const auto output = json.find("output"); output != json.end()) {
    MN_ASSIGN(model.output, parse_output(*output, where + ".output"));
  }
  return model;
}

}  // namespace

const CatalogueModel* Catalogue::find(std::string_view name) const {
  for (const CatalogueModel& model : models) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

const CatalogueModel* Catalogue::find_by_sha256(std::string_view sha256) const {
  for (const CatalogueModel& model : models) {
    for (const CatalogueFile& file : model.files) {
      if (file.sha256 == sha256) return &model;
    }
  }
  return nullptr;
}

Result<Catalogue> parse_catalogue(std::string_view text, std::string_view name) {
  MN_CHECK(text.size() <= kMaxBytes, name, ": ", text.size(), " bytes, a catalogue has at most ", kMaxBytes);
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  const Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (too_deep) return over_limit({name, ": nested deeper than ", kMaxDepth});
  MN_CHECK(!json.is_discarded() && json.is_object(), name, ": not a JSON object");
  const auto version = json.find("version");
  MN_CHECK(version != json.end() && version->is_number_integer(), name, ": 'version' is missing");
  if (version->get<int64_t>() != 1)
    return unsupported({name, ": catalogue version ", version->get<int64_t>(), ", this minnow reads version 1"});
  const auto models = json.find("models");
  MN_CHECK(models != json.end() && models->is_array(), name, ": 'models' must be a list");
  Catalogue catalogue;
  for (size_t i = 0; i < models->size(); ++i) {
    MN_ASSIGN(CatalogueModel model, parse_model((*models)[i], concat({name, ": models[", i, "]"})));
    MN_CHECK(catalogue.find(model.name) == nullptr, name, ": two models are named '", model.name, "'");
    catalogue.models.push_back(std::move(model));
  }
  return catalogue;
}

std::string_view builtin_catalogue_json() {
  // A byte array, because a raw string literal may hold only 64 KiB on some compilers.
  static constexpr char text[] = {
#include "catalogue.inc"
  };
  return {text, sizeof text};
}

const Catalogue& builtin_catalogue() {
  static const Catalogue catalogue = [] {
    Result<Catalogue> parsed = parse_catalogue(builtin_catalogue_json(), "catalogue.json");
    assert(parsed.ok());
    return parsed.ok() ? std::move(parsed).value() : Catalogue();
  }();
  return catalogue;
}

}  // namespace minnow
