// The installed C++ interface: outputs by name, and an exception that says what is wrong.
#include <minnow/minnow.hpp>

#include <cstdio>
#include <string>
#include <vector>

int main() {
  const std::string network = "minnow graph 1\ninput %x: float32[n]\n%y = relu(%x)\noutput %y\n";
  minnow::Model model(network.data(), network.size(), "net.mng");
  minnow::Session session(model);
  const std::vector<float> x{-1, 2, -3};
  session.set_input("x", x.data(), {3});
  session.run();
  const minnow::View y = session.output("y");
  if (y.dims() != std::vector<int64_t>{3} || y.data<float>()[1] != 2.0f || y.data<float>()[2] != 0.0f) return 1;
  try {
    session.set_input("z", x.data(), {3});
  } catch (const minnow::Exception& error) {
    std::printf("%s\n", error.what());
    return error.status() == MN_BAD_INPUT ? 0 : 1;
  }
  return 1;
}
