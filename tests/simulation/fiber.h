// Fiber is a stack of its own, on which functions run that can be left in the
// middle and gone on with later, all on one thread of the system.
//
// A switch costs some ten nanoseconds: it makes no system call.
//
// Thread safety: all fibers of a thread belong to that thread.
//
// Example:
//   Fiber main;                       // The stack of the caller.
//   Fiber other([&] { ... Fiber::Switch(other, main); ... });
//   Fiber::Switch(main, other);       // Until `other` switches back.

#ifndef LATCHKEY_TESTS_SIMULATION_FIBER_H_
#define LATCHKEY_TESTS_SIMULATION_FIBER_H_

#include <setjmp.h>

#include <cstddef>
#include <functional>

namespace latchkey::simulation {

class Fiber {
 public:
  // The stack that this is called on.
  Fiber() = default;

  // A new stack; the first switch to it calls `body`, which never returns.
  explicit Fiber(std::function<void()> body);

  // What is on its stack is not destroyed.
  ~Fiber();

  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Returns when somebody switches back to `from`.
  //
  // REQUIRES: the caller runs on `from`, which is not `to`.
  static void Switch(Fiber& from, Fiber& to);

 private:
  static void Main(unsigned high, unsigned low);

  // Calls body_ on the new stack.
  void Begin();

  // Tell a sanitizer which stack is in use.
  void SayLeaving(const Fiber& to);
  void SayEntered();

  std::function<void()> body_;
  // Null where the stack is not ours.
  char* memory_ = nullptr;
  bool begun_ = true;
  jmp_buf state_;

  // For the address sanitizer.
  [[maybe_unused]] void* fake_stack_ = nullptr;
  const void* stack_bottom_ = nullptr;
  size_t stack_bytes_ = 0;
};

}  // namespace latchkey::simulation

#endif  // LATCHKEY_TESTS_SIMULATION_FIBER_H_
