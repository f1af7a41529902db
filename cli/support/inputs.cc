#include "cli/support/inputs.h"

#include <algorithm>
#include <filesystem>

#include "api/picture.h"
#include "base/bytes.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/text.h"
#include "import/npy.h"
#include "import/onnx/value.h"

namespace minnow::cli {
namespace {

namespace fs = std::filesystem;

std::string input_list(const Graph& graph) {
  std::vector<std::string> parts;
  for (ValueId id : graph.inputs)
    parts.push_back(concat({"'", printable(graph.value(id).name), "' ", to_string(graph.value(id).type)}));
  return parts.empty() ? "none" : join(parts, ", ");
}

Result<std::vector<float>> parse_floats(std::string_view flag, std::string_view text) {
  std::vector<float> values;
  for (std::string_view part : split(text, ',')) {
    const auto value = parse_double(trim(part));
    MN_CHECK(value.has_value(), flag, ": expected numbers such as 0.5 or 123.7,116.3,103.5, got '", printable(text),
             "'");
    values.push_back(static_cast<float>(*value));
  }
  return values;
}

Result<InputContract> merge_contract(const InputFlags& flags, InputContract contract, const Type& type) {
  if (!flags.size.empty()) {
    const auto parts = split(flags.size, ',');
    const auto height = parse_int(trim(parts[0])), width = parse_int(trim(parts.back()));
    MN_CHECK(parts.size() <= 2 && height.has_value() && width.has_value(), "--size: expected HEIGHT,WIDTH, got '",
             printable(flags.size), "'");
    contract.height = *height;
    contract.width = *width;
  }
  if (!flags.mean.empty()) {
    MN_ASSIGN(contract.mean, parse_floats("--mean", flags.mean));
  }
  if (!flags.scale.empty()) {
    MN_ASSIGN(contract.scale, parse_floats("--scale", flags.scale));
  }
  if (!flags.layout.empty()) contract.layout = flags.layout;
  std::string color = flags.color.empty() ? contract.color : flags.color;
  std::transform(color.begin(), color.end(), color.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  contract.color = color;
  // What the network declares stands in for what nobody said.
  if (type.is_tensor() && type.shape.rank() == 4) {
    const auto& dims = type.shape.dims;
    const bool channels_last = dims[3].known() && dims[3].value <= 4 && !(dims[1].known() && dims[1].value <= 4);
    if (flags.layout.empty() && channels_last) contract.layout = "NHWC";
    const size_t y = contract.layout == "NHWC" ? 1 : 2, channel = contract.layout == "NHWC" ? 3 : 1;
    if (contract.height == 0 && dims[y].known()) contract.height = dims[y].value;
    if (contract.width == 0 && dims[y + 1].known()) contract.width = dims[y + 1].value;
    if (flags.color.empty() && dims[channel] == Dim(1)) contract.color = "GRAY";
  }
  return contract;
}

// "1,2,3" or plain text as a tensor of the declared type: unknown dims are 1, the last takes all values.
Result<Datum> literal(std::string_view text, const Value& value) {
  const Type& type = value.type;
  const std::string where = concat({"--in ", printable(value.name)});
  if (type.dtype == DType::string) {
    Dims dims(static_cast<size_t>(type.shape.ranked ? type.shape.rank() : 0), 1);
    return Datum(Tensor::of_strings({std::string(text)}, std::move(dims)));
  }
  std::vector<double> numbers;
  for (std::string_view part : split(text, ',')) {
    const auto number = parse_double(trim(part));
    MN_CHECK(number.has_value(), where, "=", printable(text), ": neither a file that exists nor numbers such as 1,2,3");
    numbers.push_back(*number);
  }
  const int64_t count = static_cast<int64_t>(numbers.size());
  Dims dims{count};
  if (type.shape.static_dims() && element_count(type.shape.to_dims()) == count) {
    dims = type.shape.to_dims();
  } else if (type.shape.ranked) {
    dims.assign(static_cast<size_t>(type.shape.rank()), 1);
    MN_CHECK(!dims.empty() || count == 1, where, ": one number expected, got ", count);
    if (!dims.empty()) dims.back() = count;
  }
  return [&]() -> Result<Datum> {
    MN_ASSIGN(Tensor tensor, convert_dtype(Tensor::of<double>(numbers, dims),
                                           type.dtype == DType::undefined ? DType::float32 : type.dtype));
    return Datum(std::move(tensor));
  }();
}

Result<Datum> read_value(const std::string& text, const Value& value, const InputFlags& flags,
                         const CommonFlags& common, const InputContract& contract) {
  std::error_code error;
  const std::string ending = lower_ascii(fs::path(text).extension().string());
  const bool is_file_name = ending == ".npy" || ending == ".pb" || ending == ".png" || ending == ".jpg" ||
                            ending == ".jpeg" || ending == ".bmp";
  if (!is_file_name && !fs::exists(text, error)) return literal(text, value);
  MN_ASSIGN(const Bytes bytes, read_file(text, common.limits.bytes));
  if (ending == ".pb") return read_onnx_value(bytes, text, value.type, common.limits);
  if (ending == ".npy") {
    MN_ASSIGN(Tensor tensor, read_npy(bytes, text, common.limits));
    return Datum(std::move(tensor));
  }
  if (ending == ".txt") return literal(trim(bytes.text()), value);
  MN_ASSIGN(const Picture picture, decode_picture(bytes, text));
  MN_ASSIGN(const InputContract merged, merge_contract(flags, contract, value.type));
  const DType dtype = value.type.dtype == DType::undefined ? DType::float32 : value.type.dtype;
  Result<Tensor> tensor = picture_tensor(picture, merged, dtype);
  if (!tensor.ok()) return std::move(tensor.error()).in(printable(text));
  return Datum(std::move(tensor).value());
}

Status read_folder(const std::string& folder, const Graph& graph, std::vector<Datum>& inputs,
                   const CommonFlags& common) {
  for (size_t i = 0; i < inputs.size(); ++i) {
    std::error_code error;
    const std::string path = (fs::path(folder) / concat({i, ".npy"})).string();
    MN_CHECK(fs::exists(path, error), printable(path), ": missing; the model's inputs are ", input_list(graph),
             ", one .npy each, in this order");
    MN_ASSIGN(const Bytes bytes, read_file(path, common.limits.bytes));
    MN_ASSIGN(inputs[i].tensor, read_npy(bytes, path, common.limits));
    inputs[i].kind = Datum::Kind::tensor;
  }
  return {};
}

// Random values for every input: floats in [0, 1), integers 0 or 1, so that they are valid indices more often than not.
// What a file declares is nobody's promise: each is counted against the limits before it is made.
Result<std::vector<Datum>> random_inputs(const Graph& graph, const std::vector<NamedShape>& shapes,
                                         const CommonFlags& common) {
  MN_ASSIGN(const std::vector<Dims> dims, input_dims(graph, shapes));
  Random random(common.seed);
  const auto budget = std::make_shared<Budget>(common.limits);
  std::vector<Datum> inputs;
  for (size_t i = 0; i < dims.size(); ++i) {
    const Value& value = graph.value(graph.inputs[i]);
    if (value.type.kind == Type::Kind::optional) {
      inputs.emplace_back();
      continue;
    }
    if (value.type.kind == Type::Kind::sequence)
      return unsupported({"input '", printable(value.name), "' is a sequence: give it with --in NAME=FILE.pb"});
    const DType dtype = value.type.dtype == DType::undefined ? DType::float32 : value.type.dtype;
    Result<Tensor> made = Tensor::allocate(dtype == DType::string ? dtype : DType::float32, dims[i], budget);
    if (!made.ok()) return std::move(made.error()).in(concat({"random input '", printable(value.name), "'"}));
    Tensor values = std::move(made).value();
    if (dtype == DType::string) {
      inputs.emplace_back(std::move(values));
      continue;
    }
    float* data = values.mutable_data<float>();
    for (int64_t k = 0; k < values.size(); ++k)
      data[k] = is_float(dtype) ? random.uniform_float() : static_cast<float>(random.below(2));
    MN_ASSIGN(Tensor tensor, convert_dtype(values, dtype));
    inputs.emplace_back(std::move(tensor));
  }
  return inputs;
}

}  // namespace

void InputFlags::declare(Arguments& arguments) {
  arguments.option("--in", "NAME=FILE", &in,
                   "An input: .npy, .pb, .png, .jpg, .bmp or literal values (ids=1,2,3); a folder holds 0.npy, 1.npy, "
                   "… (repeatable)");
  arguments.flag("--random-inputs", &random, "Fill the inputs that --in does not give with random values");
  arguments.option("--shape", "NAME=DIMS", &shapes, "Dims of a random input: x=1,3,224,224 (repeatable)");
  arguments.option("--size", "H,W", &size, "Pictures: size; 0 keeps the aspect ratio");
  arguments.option("--mean", "M[,M,M]", &mean, "Pictures: subtracted from samples in [0, 255]");
  arguments.option("--scale", "S[,S,S]", &scale, "Pictures: multiplied after the mean is subtracted");
  arguments.option("--color", "ORDER", &color, "Pictures: rgb, bgr or gray");
  arguments.option("--layout", "LAYOUT", &layout, "Pictures: NCHW or NHWC");
}

Result<std::vector<Datum>> InputFlags::read(const Graph& graph, const CommonFlags& common,
                                            const InputContract& contract) const {
  std::vector<Datum> inputs(graph.inputs.size());
  for (const std::string& text : in) {
    std::error_code error;
    if (fs::is_directory(text, error)) {
      MN_TRY(read_folder(text, graph, inputs, common));
      continue;
    }
    // Names may hold '=': the longest input name that the text starts with counts.
    size_t index = inputs.size(), length = 0;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const std::string& name = graph.value(graph.inputs[i]).name;
      if (starts_with(text, name + "=") && name.size() >= length) {
        index = i;
        length = name.size() + 1;
      }
    }
    if (index == inputs.size() && inputs.size() == 1 &&
        (text.find('=') == std::string::npos || fs::exists(text, error)))
      index = 0;
    MN_CHECK(index < inputs.size(), "--in ", printable(text), ": no such input; the model has ", input_list(graph));
    MN_ASSIGN(inputs[index],
              read_value(text.substr(length), graph.value(graph.inputs[index]), *this, common, contract));
  }
  std::vector<std::string> missing;
  std::vector<Datum> generated;
  if (random) {
    MN_ASSIGN(const std::vector<NamedShape> named, parse_shapes(shapes, graph));
    MN_ASSIGN(generated, random_inputs(graph, named, common));
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (inputs[i].present()) continue;
    if (random) inputs[i] = generated[i];
    if (!random && graph.value(graph.inputs[i]).type.kind != Type::Kind::optional)
      missing.push_back(printable(graph.value(graph.inputs[i]).name));
  }
  MN_CHECK(missing.empty(), "no value for ", join(missing, ", "),
           "; give --in NAME=FILE for each, or --random-inputs. The model's inputs: ", input_list(graph));
  return inputs;
}

const CatalogueModel* catalogue_model_of(const std::string& path) {
  // Most files are told apart by their size alone: a second reading would count in memory and time.
  std::error_code error;
  const auto size = static_cast<int64_t>(std::filesystem::file_size(path, error));
  const auto has_size = [size](const CatalogueModel& model) {
    return std::any_of(model.files.begin(), model.files.end(),
                       [size](const CatalogueFile& file) { return file.bytes == size; });
  };
  const auto& models = builtin_catalogue().models;
  if (error || std::none_of(models.begin(), models.end(), has_size)) return nullptr;
  const Result<Bytes> bytes = read_file(path);
  return bytes.ok() ? builtin_catalogue().find_by_sha256(sha256_hex(bytes->view())) : nullptr;
}

InputContract contract_of_file(const std::string& path) {
  const CatalogueModel* model = catalogue_model_of(path);
  return model != nullptr ? model->input : InputContract{};
}

}  // namespace minnow::cli
