// Arithmetic on graph values, so that gradients read like the formulas they are: `g * (1.0 - y * y)`. A number takes
// the dtype of the value beside it.
#pragma once

#include <string_view>

#include "ops/builder.h"

namespace minnow {

struct Expression {
  Builder* b = nullptr;
  ValueId id = kNoValue;
  Expression apply(std::string_view op, const Attributes& attributes = {}) const {
    return {b, b->add(op, {id}, attributes)};
  }
  Expression apply(std::string_view op, const Expression& other, const Attributes& attributes = {}) const {
    return {b, b->add(op, {id, other.id}, attributes)};
  }
  Expression number(double value) const { return {b, b->scalar_like(value, id)}; }
  Expression zeros() const { return apply("mul", number(0)); }
  Expression cast_like(const Expression& like) const { return apply("cast_like", like); }
};

inline Expression operator+(const Expression& x, const Expression& y) { return x.apply("add", y); }
inline Expression operator-(const Expression& x, const Expression& y) { return x.apply("sub", y); }
inline Expression operator*(const Expression& x, const Expression& y) { return x.apply("mul", y); }
inline Expression operator/(const Expression& x, const Expression& y) { return x.apply("div", y); }
inline Expression operator+(const Expression& x, double y) { return x + x.number(y); }
inline Expression operator-(const Expression& x, double y) { return x - x.number(y); }
inline Expression operator*(const Expression& x, double y) { return x * x.number(y); }
inline Expression operator/(const Expression& x, double y) { return x / x.number(y); }
inline Expression operator+(double x, const Expression& y) { return y.number(x) + y; }
inline Expression operator-(double x, const Expression& y) { return y.number(x) - y; }
inline Expression operator*(double x, const Expression& y) { return y * x; }
inline Expression operator/(double x, const Expression& y) { return y.number(x) / y; }
inline Expression operator-(const Expression& x) { return x.apply("neg"); }
inline Expression exp(const Expression& x) { return x.apply("exp"); }
inline Expression log(const Expression& x) { return x.apply("log"); }
inline Expression sqrt(const Expression& x) { return x.apply("sqrt"); }
inline Expression sigmoid(const Expression& x) { return x.apply("sigmoid"); }
// x > y as zeros and ones of x's dtype.
inline Expression step_above(const Expression& x, const Expression& y) { return x.apply("greater", y).cast_like(x); }
inline Expression select(const Expression& condition, const Expression& yes, const Expression& no) {
  return {condition.b, condition.b->add("where", {condition.id, yes.id, no.id})};
}

// `gradient` summed to the shape of `like`, whose broadcasting gave the gradient its shape.
inline Expression undo_broadcast(const Expression& gradient, const Expression& like) {
  const Shape& from = gradient.b->type(gradient.id).shape;
  const Shape& to = gradient.b->type(like.id).shape;
  if (from.static_dims() && from == to) return gradient;
  return gradient.apply("sum_to_shape", like.apply("shape"));
}

}  // namespace minnow
