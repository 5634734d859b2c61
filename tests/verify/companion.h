// Companion is a second thread of a port: it runs what must happen at the same
// time as what the port does itself.
//
// Thread safety: an instance belongs to one thread.
//
// Example:
//   companion.Start([&] { second.Run(); });
//   first.Run();
//   companion.Wait();

#ifndef LATCHKEY_TESTS_VERIFY_COMPANION_H_
#define LATCHKEY_TESTS_VERIFY_COMPANION_H_

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace latchkey::verify {

class Companion {
 public:
  Companion() : thread_([this] { Serve(); }) {}
  ~Companion() {
    Hand(State::kEnding, nullptr);
    thread_.join();
  }

  Companion(const Companion&) = delete;
  Companion& operator=(const Companion&) = delete;

  // Returns when `work` is about to begin on the other thread.
  //
  // REQUIRES: what was started before has been waited for.
  void Start(std::function<void()> work) {
    Hand(State::kWork, std::move(work));
    Await(State::kWorking);
  }

  // Returns when it has ended.
  void Wait() { Await(State::kIdle); }

 private:
  enum class State { kIdle, kWork, kWorking, kEnding };

  void Hand(State state, std::function<void()> work) {
    const std::lock_guard lock(mutex_);
    state_ = state;
    work_ = std::move(work);
    changed_.notify_all();
  }

  // Work that has ended in the meantime has begun, too.
  void Await(State state) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock,
                  [&] { return state_ == state || state_ == State::kIdle; });
  }

  void Serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] {
        return state_ == State::kWork || state_ == State::kEnding;
      });
      if (state_ == State::kEnding) return;
      state_ = State::kWorking;
      changed_.notify_all();
      lock.unlock();
      work_();
      lock.lock();
      state_ = State::kIdle;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_; `work_` is the companion's own while it works.
  State state_ = State::kIdle;
  std::function<void()> work_;

  std::thread thread_;
};

}  // namespace latchkey::verify

#endif  // LATCHKEY_TESTS_VERIFY_COMPANION_H_
