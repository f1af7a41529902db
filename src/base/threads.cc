#include "base/threads.h"

#include <algorithm>
#include <cstddef>

#if !defined(MINNOW_THREADS)
#if defined(__EMSCRIPTEN__) && !defined(__EMSCRIPTEN_PTHREADS__)
#define MINNOW_THREADS 0
#else
#define MINNOW_THREADS 1
#endif
#endif

#if MINNOW_THREADS
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>
#endif

namespace minnow {

namespace {

// The range of part `index` when [0, count) is cut into `parts` whose sizes differ by at most one.
struct Range {
  int64_t begin;
  int64_t end;
};

Range part_of(int64_t count, int64_t parts, int64_t index) {
  const int64_t size = count / parts;
  const int64_t longer = count % parts;  // the first parts take one more
  const int64_t begin = index * size + std::min(index, longer);
  return {begin, begin + size + (index < longer ? 1 : 0)};
}

void run_serially(int64_t count, int64_t parts, ThreadPool::Task task, void* context) {
  for (int64_t i = 0; i < parts; ++i) {
    const Range range = part_of(count, parts, i);
    task(context, range.begin, range.end, static_cast<int>(i));
  }
}

}  // namespace

#if MINNOW_THREADS

namespace {

// A pool of more threads than this is a mistake in a configuration, not a machine.
constexpr int kMaxThreads = 1024;

// Polls before going to sleep. A pause takes 40 to 140 cycles on x86, so this is some tens of microseconds: longer than
// the gap between two kernels of a network, shorter than a scheduler's time slice.
constexpr int kSpins = 2000;

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__) || (defined(__arm__) && __ARM_ARCH >= 7)
  __asm__ volatile("yield");
#endif
}

}  // namespace

struct ThreadPool::State {
  std::vector<std::thread> workers;
  int spins = 0;

  std::mutex turn;  // held by the caller whose job runs

  // The job: written by the caller before `generation` grows, read by workers after.
  Task task = nullptr;
  void* context = nullptr;
  int64_t count = 0;
  int64_t parts = 0;

  std::atomic<uint64_t> generation{0};
  std::atomic<size_t> pending{0};  // workers that have not finished this generation
  std::atomic<bool> stop{false};
  std::mutex mutex;  // guards sleeping, on either condition
  std::condition_variable wake;
  std::condition_variable done;

  template <class Condition>
  void wait_until(std::condition_variable* variable, const Condition& condition) {
    for (int i = 0; i < spins; ++i) {
      if (condition()) return;
      pause_briefly();
    }
    std::unique_lock<std::mutex> lock(mutex);
    variable->wait(lock, condition);
  }

  void work(int index);
};

namespace {

// True on a thread that is running a task. A task that calls a pool again (its own, or one that waits for its own)
// would wait for itself: inner calls run on the thread they come from.
thread_local bool inside_task = false;

}  // namespace

void ThreadPool::State::work(int index) {
  inside_task = true;
  uint64_t seen = 0;
  for (;;) {
    wait_until(&wake, [&] {
      return generation.load(std::memory_order_acquire) != seen || stop.load(std::memory_order_acquire);
    });
    if (stop.load(std::memory_order_acquire)) return;
    seen = generation.load(std::memory_order_acquire);
    if (index < parts) {
      const Range range = part_of(count, parts, index);
      task(context, range.begin, range.end, index);
    }
    if (pending.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      // Taking the lock keeps the notice from falling between the caller's test and its sleep.
      const std::lock_guard<std::mutex> lock(mutex);
      done.notify_one();
    }
  }
}

ThreadPool::ThreadPool(int thread_count) : state_(std::make_unique<State>()) {
  const int wanted = std::clamp(thread_count, 1, kMaxThreads);
  // Spinning threads that share a core keep each other from working.
  state_->spins = wanted <= hardware_threads() ? kSpins : 0;
  state_->workers.reserve(static_cast<size_t>(wanted - 1));
  try {
    for (int i = 1; i < wanted; ++i) state_->workers.emplace_back([state = state_.get(), i] { state->work(i); });
  } catch (const std::system_error&) {
    // The system gives no more threads: the pool works with those it has.
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard<std::mutex> lock(state_->mutex);
    state_->stop.store(true, std::memory_order_release);
  }
  state_->wake.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::thread_count() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::run(int64_t count, Task task, void* context) {
  if (count <= 0) return;
  State& state = *state_;
  const int64_t parts = std::min<int64_t>(count, thread_count());
  if (parts == 1 || inside_task) return run_serially(count, parts, task, context);
  const std::lock_guard<std::mutex> turn(state.turn);
  state.task = task;
  state.context = context;
  state.count = count;
  state.parts = parts;
  state.pending.store(state.workers.size(), std::memory_order_relaxed);
  {
    const std::lock_guard<std::mutex> lock(state.mutex);
    state.generation.fetch_add(1, std::memory_order_release);
  }
  state.wake.notify_all();
  inside_task = true;
  const Range range = part_of(count, parts, 0);
  task(context, range.begin, range.end, 0);
  inside_task = false;
  state.wait_until(&state.done, [&] { return state.pending.load(std::memory_order_acquire) == 0; });
}

int hardware_threads() { return static_cast<int>(std::max(1u, std::thread::hardware_concurrency())); }

#else

struct ThreadPool::State {};

ThreadPool::ThreadPool(int) {}
ThreadPool::~ThreadPool() = default;
int ThreadPool::thread_count() const { return 1; }

void ThreadPool::run(int64_t count, Task task, void* context) {
  if (count > 0) run_serially(count, 1, task, context);
}

int hardware_threads() { return 1; }

#endif

}  // namespace minnow
