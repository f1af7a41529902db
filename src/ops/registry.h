// The operators a library knows: the built-in ones, collected by the build, plus the user's own.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ops/op.h"

namespace minnow {

class Registry {
 public:
  // All operators under src/ops; built once, never changed.
  static const Registry& builtin();
  // An empty registry that falls back to `parent`.
  explicit Registry(const Registry* parent = nullptr);
  ~Registry();
  Registry(Registry&&) noexcept;

  Status add(OpDef op);
  const OpDef* find(std::string_view name) const;
  struct Match {
    const OpDef* op = nullptr;
    const ImportRow* row = nullptr;
    explicit operator bool() const { return op != nullptr; }
  };
  // The operator and row for a file's operator: the row of that domain and name whose version range holds `version`.
  Match find_import(std::string_view domain, std::string_view name, int64_t version) const;
  // Every operator, sorted by name; parents included.
  std::vector<const OpDef*> all() const;
  // Names of all import rows of a domain, for "did you mean".
  std::vector<std::string_view> import_names(std::string_view domain) const;

 private:
  struct Tables;
  std::unique_ptr<Tables> tables_;
  const Registry* parent_;
};

// "Conv" for conv: the operator's name in ONNX when it has one, for messages that users compare with their file.
std::string_view title(const OpDef& op);
// "node 'conv_3' (Conv)", the name made printable.
std::string describe(const Node& node, const OpDef& op);

}  // namespace minnow
