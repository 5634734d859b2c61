#include "tests/simulation/fiber.h"

#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <utility>

#include "server/base/check.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#include <sanitizer/common_interface_defs.h>
#define LATCHKEY_FIBER_ASAN 1
#endif
#endif

// A frame that is left by a jump and not by its end must not be marked as one:
// what it marked would stay so.
#ifdef LATCHKEY_FIBER_ASAN
#define LATCHKEY_UNMARKED __attribute__((no_sanitize("address")))
#else
#define LATCHKEY_UNMARKED
#endif

namespace latchkey::simulation {
namespace {

// Unoptimised code with a sanitizer takes ten times the stack of other code;
// what is not touched takes no memory.
constexpr size_t kStackBytes = 1024 * 1024;

size_t GuardBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }

// The fiber that is being left, until the one that is entered has said so.
Fiber* leaving = nullptr;

}  // namespace

Fiber::Fiber(std::function<void()> body)
    : body_(std::move(body)), begun_(false) {
  void* const memory =
      mmap(nullptr, GuardBytes() + kStackBytes, PROT_READ | PROT_WRITE,
           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  LATCHKEY_CHECK(memory != MAP_FAILED, "there is memory for a stack");
  memory_ = static_cast<char*>(memory);
  LATCHKEY_CHECK(mprotect(memory_, GuardBytes(), PROT_NONE) == 0,
                 "a page can be protected");
  stack_bottom_ = memory_ + GuardBytes();
  stack_bytes_ = kStackBytes;
}

Fiber::~Fiber() {
  if (memory_ != nullptr) munmap(memory_, GuardBytes() + kStackBytes);
}

// _setjmp and _longjmp leave the signal mask alone, which swapcontext() asks
// the system for on every switch; it is used only to get onto a new stack.
LATCHKEY_UNMARKED void Fiber::Switch(Fiber& from, Fiber& to) {
  from.SayLeaving(to);
  leaving = &from;
  if (_setjmp(from.state_) == 0) {
    if (to.begun_) _longjmp(to.state_, 1);
    to.Begin();
  }
  from.SayEntered();
}

LATCHKEY_UNMARKED void Fiber::Begin() {
  begun_ = true;
  ucontext_t here;
  ucontext_t there;
  LATCHKEY_CHECK(getcontext(&there) == 0, "there is a context");
  there.uc_stack.ss_sp = memory_ + GuardBytes();
  there.uc_stack.ss_size = kStackBytes;
  there.uc_link = nullptr;
  const auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&there, reinterpret_cast<void (*)()>(&Fiber::Main), 2,
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
  swapcontext(&here, &there);
}

void Fiber::Main(unsigned high, unsigned low) {
  auto* const self =
      reinterpret_cast<Fiber*>(static_cast<uintptr_t>(high) << 32 | low);
  self->SayEntered();
  self->body_();
  LATCHKEY_CHECK(false, "a fiber's body does not return");
}

#ifdef LATCHKEY_FIBER_ASAN

void Fiber::SayLeaving(const Fiber& to) {
  __sanitizer_start_switch_fiber(&fake_stack_, to.stack_bottom_,
                                 to.stack_bytes_);
}

void Fiber::SayEntered() {
  // Tells where the stack of the one that was left is, too: that of a thread is
  // known only so.
  __sanitizer_finish_switch_fiber(fake_stack_, &leaving->stack_bottom_,
                                  &leaving->stack_bytes_);
}

#else

void Fiber::SayLeaving(const Fiber&) {}
void Fiber::SayEntered() {}

#endif

}  // namespace latchkey::simulation
