// One pool of worker threads with a static split of index ranges. Without threads (WASM) everything runs on the caller.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace minnow {

class ThreadPool {
 public:
  // thread_count counts the caller: 1 means no workers.
  explicit ThreadPool(int thread_count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  int thread_count() const;

  // Calls task(context, begin, end, thread) over a split of [0, count) into at most thread_count ranges, and waits.
  // Several callers may use one pool: they take turns. The split depends on count and thread_count only, so results are
  // repeatable.
  using Task = void (*)(void* context, int64_t begin, int64_t end, int thread);
  void run(int64_t count, Task task, void* context);

  // parallel_for with a callable: pool.for_each(n, [&](int64_t begin, int64_t end, int thread) {...}).
  template <class F>
  void for_each(int64_t count, F&& body) {
    run(
        count,
        [](void* context, int64_t begin, int64_t end, int thread) {
          (*static_cast<std::remove_reference_t<F>*>(context))(begin, end, thread);
        },
        &body);
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

int hardware_threads();

}  // namespace minnow
