#include <limits>

#include "base/text.h"
#include "graph/text_element.h"
#include "graph/text_parser.h"

namespace minnow {
namespace {

constexpr std::string_view kAttributeForms =
    "an attribute value: a number, a string, a tensor, [a list], integers[], graph {...} or none";

// Moves a one-element attribute to the end of a list of its kind, which the first element decides.
template <class T>
bool append(Attribute::Storage& list, Attribute& element) {
  const T* value = element.get<T>();
  if (value == nullptr) return false;
  if (std::holds_alternative<std::monostate>(list)) list = std::vector<T>();
  auto* values = std::get_if<std::vector<T>>(&list);
  if (values == nullptr) return false;
  values->push_back(*value);
  return true;
}

Attribute from_storage(Attribute::Storage&& list) {
  if (auto* ints = std::get_if<Ints>(&list)) return std::move(*ints);
  if (auto* floats = std::get_if<Floats>(&list)) return std::move(*floats);
  if (auto* strings = std::get_if<Strings>(&list)) return std::move(*strings);
  if (auto* tensors = std::get_if<std::vector<Tensor>>(&list)) return std::move(*tensors);
  if (auto* graphs = std::get_if<std::vector<GraphRef>>(&list)) return std::move(*graphs);
  return {};
}

bool is_whole_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789", text[0] == '-' ? 1 : 0) == std::string_view::npos;
}

}  // namespace

Status TextParser::parse_attributes(Scope& scope, Node& node) {
  MN_TRY(expect('{'));
  while (!token().is('}')) {
    if (!node.attributes.empty()) MN_TRY(expect(','));
    const size_t start = token().offset;
    MN_ASSIGN(std::string name, expect_name("the name of an attribute"));
    if (node.attributes.find(name) != nullptr) {
      return lexer_.error_at(start, bad_input({"attribute '", printable(name), "' is given twice"}));
    }
    MN_TRY(expect('='));
    MN_ASSIGN(Attribute value, parse_attribute(scope));
    node.attributes.set(std::move(name), std::move(value));
  }
  return lexer_.advance();
}

Result<Attribute> TextParser::parse_number_attribute() {
  const Token start = token();
  if (start.kind == TokenKind::number && is_whole_number(start.text)) {
    const std::optional<int64_t> value = parse_int(start.text);
    if (!value) return lexer_.error_here(bad_input({Lexer::shown(start), " does not fit a 64-bit integer"}));
    MN_TRY(lexer_.advance());
    return Attribute(*value);
  }
  float value = 0;
  MN_TRY(parse_one_number(DType::float32, reinterpret_cast<std::byte*>(&value)));
  return Attribute(value);
}

Result<Attribute> TextParser::parse_attribute(Scope& scope) {
  const Token& next = token();
  if (next.kind == TokenKind::text) {
    MN_ASSIGN(std::string text, expect_text("a string"));
    return Attribute(std::move(text));
  }
  if (next.is('[')) return parse_attribute_list(scope);
  if (next.is_name("graph")) {
    MN_ASSIGN(GraphRef graph, parse_subgraph(scope));
    return Attribute(std::move(graph));
  }
  if (next.is_name("none")) {
    MN_TRY(lexer_.advance());
    return Attribute();
  }
  if (next.kind == TokenKind::number || next.is_name("inf") || next.is_name("nan") || next.is_name("bits")) {
    return parse_number_attribute();
  }
  if (next.kind != TokenKind::name) return expected(kAttributeForms);
  if (dtype_from_name(next.text) != DType::undefined || next.text == "undefined") {
    MN_ASSIGN(Tensor tensor, parse_tensor());
    return Attribute(std::move(tensor));
  }
  return parse_empty_list();
}

Result<Attribute> TextParser::parse_empty_list() {
  Attribute empty;
  if (token().text == to_string(AttributeKind::integers)) empty = Ints();
  else if (token().text == to_string(AttributeKind::reals)) empty = Floats();
  else if (token().text == to_string(AttributeKind::texts)) empty = Strings();
  else if (token().text == to_string(AttributeKind::tensors)) empty = std::vector<Tensor>();
  else if (token().text == to_string(AttributeKind::graphs)) empty = std::vector<GraphRef>();
  else return expected(kAttributeForms);
  MN_TRY(lexer_.advance());
  MN_TRY(expect('['));
  MN_TRY(expect(']'));
  return empty;
}

Result<Attribute> TextParser::parse_attribute_list(Scope& scope) {
  MN_TRY(expect('['));
  if (token().is(']')) {
    return expected("an element; an empty list is written integers[], reals[], texts[], tensors[] or graphs[]");
  }
  Attribute::Storage list;
  while (true) {
    const Token start = token();
    if (start.is('[')) return expected("an element that is not itself a list");
    MN_ASSIGN(Attribute element, parse_attribute(scope));
    const bool appended = append<int64_t>(list, element) || append<float>(list, element) ||
                          append<std::string>(list, element) || append<Tensor>(list, element) ||
                          append<GraphRef>(list, element);
    if (!appended) {
      return lexer_.error_at(start.offset,
                             bad_input({"a list holds elements of one kind, and this ", to_string(element.kind()),
                                        " differs from those before it (1.0 is a real, 1 an integer)"}));
    }
    MN_ASSIGN(const bool more, accept(','));
    if (!more) break;
  }
  MN_TRY(expect(']'));
  return from_storage(std::move(list));
}

Result<GraphRef> TextParser::parse_subgraph(Scope& scope) {
  if (scope.depth + 1 > limits_.depth) {
    return lexer_.error_here(over_limit({"subgraphs are nested deeper than ", limits_.depth, " levels"}));
  }
  MN_TRY(lexer_.advance());
  MN_TRY(count_node());
  MN_TRY(expect('{'));
  Scope inner;
  inner.depth = scope.depth + 1;
  MN_TRY(parse_statements(inner));
  MN_TRY(expect('}'));
  return GraphRef(std::make_shared<const Graph>(std::move(inner.graph)));
}

}  // namespace minnow
