// Which dimensions of a graph's values are surely equal, where inference alone knows no number: exporters compute the
// shapes that they reshape to from other shapes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace minnow {

class SizeClasses {
 public:
  // A known size, or (below kFirstName) the name of one that is not known. Equal classes: equal sizes.
  using Class = int64_t;
  explicit SizeClasses(const Graph& graph);

  static bool is_number(Class size) { return size >= 0; }
  // The classes of a value's dimensions; null where its rank is not known.
  const std::vector<Class>* dims(ValueId id) const;
  // Both ranks and all classes are the same.
  bool same_dims(ValueId a, ValueId b) const;
  // Of an integer vector or scalar: its elements, a name where one is not known.
  const std::vector<Class>* elements(ValueId id) const;

 private:
  static constexpr Class kFirstName = -1000;  // above it: what shapes say besides sizes, as -1
  using Row = std::optional<std::vector<Class>>;
  Class fresh() { return next_name_--; }
  Class broadcast(Class a, Class b);
  void set_from_type(ValueId id);
  Row dims_after(const Node& node);
  Row elements_after(const Node& node);
  Row broadcast_rows(const std::vector<Class>& a, const std::vector<Class>& b);
  Row matmul(const std::vector<Class>& a, const std::vector<Class>& b);
  Row gather(const Node& node, const std::vector<Class>& data, const std::vector<Class>& indices) const;
  Row reshape(const Node& node, const std::vector<Class>& from);
  Row shape(const Node& node, const std::vector<Class>& from) const;
  Row sliced(const Node& node, const std::vector<Class>& from) const;
  const Row& row(const std::vector<Row>& rows, ValueId id) const;

  const Graph& graph_;
  Class next_name_ = kFirstName;
  std::vector<Row> dims_, elements_;
  std::unordered_map<std::string, Class> symbols_;
};

}  // namespace minnow
