// Recursive descent over the text form. One class in three files: values and types (parse_value.cc), attributes
// (parse_attribute.cc), statements (parse.cc).
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/limits.h"
#include "graph/graph.h"
#include "graph/text_lexer.h"

namespace minnow {

class TextParser {
 public:
  TextParser(std::string_view text, std::string_view name, const Limits& limits,
             std::span<const Tensor> externals)
      : lexer_(text, name), limits_(limits), externals_(externals) {}
  Result<Graph> parse_file();

 private:
  // The graph whose statements are being read.
  struct Scope {
    Graph graph;
    std::unordered_map<std::string, ValueId> values;
    std::unordered_map<std::string, size_t> states;
    int64_t depth = 0;
  };

  // Statements (parse.cc).
  Status parse_header();
  Status parse_statements(Scope& scope);
  Status parse_statement(Scope& scope);
  Status parse_name(Scope& scope);
  Status parse_metadata(Scope& scope);
  Status parse_constant(Scope& scope);
  Status parse_state(Scope& scope);
  Status parse_update(Scope& scope);
  Status parse_node(Scope& scope);
  Status parse_node_inputs(Scope& scope, Node& node);
  // "%name" of a value that is new in its graph; the typed form takes ": type", too.
  Result<ValueId> parse_new_value(Scope& scope, bool absent_allowed);
  Result<ValueId> parse_typed_value(Scope& scope, bool absent_allowed);
  // ": type", if it is there.
  Result<bool> parse_declared_type(Scope& scope, ValueId id);
  // "%name" of a value that is defined before.
  Result<ValueId> parse_known_value(Scope& scope, bool absent_allowed);
  // The optional ": type", then "= tensor", of a constant or a state.
  Status parse_initialised_value(Scope& scope, ValueId id, Tensor& tensor);

  // Types and tensors (parse_value.cc).
  Result<Type> parse_type(int64_t depth);
  Result<Type> parse_container_type(Type::Kind kind, int64_t depth);
  Result<Shape> parse_shape();
  Result<Dim> parse_dimension();
  Result<Tensor> parse_tensor();
  Result<Tensor> parse_numbers(DType dtype, Dims dims, int64_t count);
  Result<Tensor> parse_strings(Dims dims, int64_t count);
  Result<Tensor> parse_external(DType dtype, const Dims& dims);
  Result<Tensor> parse_base64(DType dtype, Dims dims, int64_t count);
  Status parse_one_number(DType dtype, std::byte* number);
  Status take_bytes(int64_t bytes);

  // Attributes (parse_attribute.cc).
  Status parse_attributes(Scope& scope, Node& node);
  Result<Attribute> parse_attribute(Scope& scope);
  Result<Attribute> parse_attribute_list(Scope& scope);
  Result<Attribute> parse_empty_list();
  Result<Attribute> parse_number_attribute();
  Result<GraphRef> parse_subgraph(Scope& scope);

  // Tokens.
  const Token& token() const { return lexer_.token(); }
  Error expected(std::string_view what) const;
  Status expect(char symbol);
  // Consumes the symbol if it is next.
  Result<bool> accept(char symbol);
  Result<std::string> expect_text(std::string_view what);
  // A plain name or a quoted one.
  Result<std::string> expect_name(std::string_view what);
  Status count_node();

  Lexer lexer_;
  const Limits& limits_;
  std::span<const Tensor> externals_;
  int64_t nodes_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace minnow
