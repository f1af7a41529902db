#include "base/text.h"
#include "graph/text.h"
#include "graph/text_parser.h"

namespace minnow {

Error TextParser::expected(std::string_view what) const {
  return lexer_.error_here(bad_input({"expected ", what, ", got ", Lexer::shown(token())}));
}

Status TextParser::expect(char symbol) {
  if (!token().is(symbol)) return expected(std::string{'\'', symbol, '\''});
  return lexer_.advance();
}

Result<bool> TextParser::accept(char symbol) {
  if (!token().is(symbol)) return false;
  MN_TRY(lexer_.advance());
  return true;
}

Result<std::string> TextParser::expect_text(std::string_view what) {
  if (token().kind != TokenKind::text) return expected(concat({what, " in quotes"}));
  std::string text = Lexer::plain(token());
  MN_TRY(lexer_.advance());
  return text;
}

Result<std::string> TextParser::expect_name(std::string_view what) {
  if (token().kind != TokenKind::name && token().kind != TokenKind::text) return expected(what);
  std::string text = Lexer::plain(token());
  MN_TRY(lexer_.advance());
  return text;
}

Status TextParser::count_node() {
  if (++nodes_ <= limits_.nodes) return {};
  return lexer_.error_here(over_limit({"the graph has more than the limit of ", limits_.nodes, " nodes"}));
}

Status TextParser::parse_header() {
  MN_TRY(lexer_.advance());
  if (!token().is_name("minnow")) return expected("the first line 'minnow graph 1'");
  MN_TRY(lexer_.advance());
  if (!token().is_name("graph")) return expected("the first line 'minnow graph 1'");
  MN_TRY(lexer_.advance());
  if (token().kind != TokenKind::number || token().text != "1") {
    return lexer_.error_here(
        unsupported({"version ", Lexer::shown(token()), " of the text form; this program reads version 1"}));
  }
  return lexer_.advance();
}

Result<Graph> TextParser::parse_file() {
  MN_TRY(parse_header());
  Scope scope;
  MN_TRY(parse_statements(scope));
  if (token().kind != TokenKind::end) return expected("a statement");
  return std::move(scope.graph);
}

Status TextParser::parse_statements(Scope& scope) {
  while (token().kind != TokenKind::end && !token().is('}')) MN_TRY(parse_statement(scope));
  for (const State& state : scope.graph.states) {
    if (state.out == kNoValue) {
      return lexer_.error_here(bad_input({"state '", printable(state.name), "' has no update: write update \"",
                                          printable(state.name), "\" = %value"}));
    }
  }
  return {};
}

Status TextParser::parse_statement(Scope& scope) {
  if (token().kind != TokenKind::name || token().text == "_") return parse_node(scope);
  const std::string_view keyword = token().text;
  if (keyword == "input" || keyword == "output") {
    MN_TRY(lexer_.advance());
    MN_ASSIGN(const ValueId id, keyword == "input" ? parse_typed_value(scope, false) : parse_known_value(scope, false));
    (keyword == "input" ? scope.graph.inputs : scope.graph.outputs).push_back(id);
    return {};
  }
  if (keyword == "const") return parse_constant(scope);
  if (keyword == "state") return parse_state(scope);
  if (keyword == "update") return parse_update(scope);
  if (keyword == "name") return parse_name(scope);
  if (keyword == "metadata") return parse_metadata(scope);
  return expected("a statement (name, metadata, input, const, state, update, output, or %result = operator(...))");
}

Status TextParser::parse_name(Scope& scope) {
  MN_TRY(lexer_.advance());
  MN_ASSIGN(scope.graph.name, expect_text("the name of the graph"));
  return {};
}

Status TextParser::parse_metadata(Scope& scope) {
  MN_TRY(lexer_.advance());
  MN_ASSIGN(std::string key, expect_text("a key"));
  MN_TRY(expect('='));
  MN_ASSIGN(std::string value, expect_text("a value"));
  scope.graph.metadata.emplace_back(std::move(key), std::move(value));
  return {};
}

Result<ValueId> TextParser::parse_new_value(Scope& scope, bool absent_allowed) {
  if (absent_allowed && token().is_name("_")) {
    MN_TRY(lexer_.advance());
    return kNoValue;
  }
  if (token().kind != TokenKind::value) return expected("a value such as %x");
  const size_t start = token().offset;
  std::string name = Lexer::plain(token());
  if (name.empty()) return lexer_.error_here(bad_input({"the name of a value is empty"}));
  MN_TRY(lexer_.advance());
  const auto id = static_cast<ValueId>(scope.graph.values.size());
  if (!scope.values.emplace(name, id).second) {
    return lexer_.error_at(start, bad_input({"value '", printable(name), "' is defined twice"}));
  }
  Value value;
  value.name = std::move(name);
  scope.graph.values.push_back(std::move(value));
  return id;
}

Result<bool> TextParser::parse_declared_type(Scope& scope, ValueId id) {
  if (id == kNoValue || !token().is(':')) return false;
  MN_TRY(lexer_.advance());
  MN_ASSIGN(scope.graph.value(id).type, parse_type(0));
  return true;
}

Result<ValueId> TextParser::parse_typed_value(Scope& scope, bool absent_allowed) {
  MN_ASSIGN(const ValueId id, parse_new_value(scope, absent_allowed));
  MN_TRY(parse_declared_type(scope, id));
  return id;
}

Result<ValueId> TextParser::parse_known_value(Scope& scope, bool absent_allowed) {
  if (absent_allowed && token().is_name("_")) {
    MN_TRY(lexer_.advance());
    return kNoValue;
  }
  if (token().kind != TokenKind::value) return expected("a value such as %x");
  const std::string name = Lexer::plain(token());
  const auto found = scope.values.find(name);
  if (found == scope.values.end()) {
    const std::string_view advice =
        scope.depth > 0 ? "; a subgraph sees only its own values: pass it in as an input" : "";
    return lexer_.error_here(bad_input({"value '", printable(name), "' is not defined above", advice}));
  }
  MN_TRY(lexer_.advance());
  return found->second;
}

Status TextParser::parse_initialised_value(Scope& scope, ValueId id, Tensor& tensor) {
  MN_ASSIGN(const bool declared, parse_declared_type(scope, id));
  MN_TRY(expect('='));
  const size_t start = token().offset;
  MN_ASSIGN(tensor, parse_tensor());
  if (!tensor.valid()) return lexer_.error_at(start, bad_input({"a constant or state cannot be undefined"}));
  if (!declared) scope.graph.value(id).type = Type::of(tensor);
  return {};
}

Status TextParser::parse_constant(Scope& scope) {
  MN_TRY(lexer_.advance());
  MN_ASSIGN(const ValueId id, parse_new_value(scope, false));
  Tensor tensor;
  MN_TRY(parse_initialised_value(scope, id, tensor));
  scope.graph.value(id).constant = std::move(tensor);
  return {};
}

Status TextParser::parse_state(Scope& scope) {
  MN_TRY(lexer_.advance());
  State state;
  const size_t start = token().offset;
  MN_ASSIGN(state.name, expect_text("the name of a state"));
  if (!scope.states.emplace(state.name, scope.graph.states.size()).second) {
    return lexer_.error_at(start, bad_input({"state '", printable(state.name), "' is defined twice"}));
  }
  MN_ASSIGN(state.in, parse_new_value(scope, false));
  MN_TRY(parse_initialised_value(scope, state.in, state.initial));
  scope.graph.states.push_back(std::move(state));
  return {};
}

Status TextParser::parse_update(Scope& scope) {
  MN_TRY(lexer_.advance());
  const size_t start = token().offset;
  MN_ASSIGN(const std::string name, expect_text("the name of a state"));
  const auto found = scope.states.find(name);
  if (found == scope.states.end()) {
    return lexer_.error_at(start, bad_input({"state '", printable(name), "' is not defined above"}));
  }
  State& state = scope.graph.states[found->second];
  if (state.out != kNoValue) {
    return lexer_.error_at(start, bad_input({"state '", printable(name), "' is updated twice"}));
  }
  MN_TRY(expect('='));
  MN_ASSIGN(state.out, parse_known_value(scope, false));
  return {};
}

Status TextParser::parse_node(Scope& scope) {
  MN_TRY(count_node());
  Node node;
  MN_ASSIGN(const bool several, accept('('));
  if (several) {
    while (!token().is(')')) {
      if (!node.outputs.empty()) MN_TRY(expect(','));
      MN_ASSIGN(const ValueId id, parse_typed_value(scope, true));
      node.outputs.push_back(id);
    }
    MN_TRY(lexer_.advance());
  } else {
    MN_ASSIGN(const ValueId id, parse_typed_value(scope, true));
    node.outputs.push_back(id);
  }
  // A node does not see its own outputs, but the parser does: the graph verifier rejects such a use.
  MN_TRY(expect('='));
  MN_ASSIGN(node.op, expect_name("the name of an operator"));
  MN_TRY(parse_node_inputs(scope, node));
  if (token().is('{')) MN_TRY(parse_attributes(scope, node));
  MN_ASSIGN(const bool named, accept('@'));
  if (named) {
    MN_ASSIGN(node.name, expect_text("the name of a node"));
  }
  scope.graph.nodes.push_back(std::move(node));
  return {};
}

Status TextParser::parse_node_inputs(Scope& scope, Node& node) {
  MN_TRY(expect('('));
  while (!token().is(')')) {
    if (!node.inputs.empty()) MN_TRY(expect(','));
    MN_ASSIGN(const ValueId id, parse_known_value(scope, true));
    node.inputs.push_back(id);
  }
  return lexer_.advance();
}

Result<Graph> parse_graph(std::string_view text, std::string_view name, const Limits& limits,
                          std::span<const Tensor> externals) {
  MN_ASSIGN(Graph graph, TextParser(text, name, limits, externals).parse_file());
  if (Status status = verify_graph(graph, limits); !status.ok()) return std::move(status.error()).in(printable(name));
  return graph;
}

}  // namespace minnow
