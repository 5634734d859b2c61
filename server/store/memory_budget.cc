#include "server/store/memory_budget.h"

namespace latchkey {
namespace {

uint8_t Enter(std::array<std::atomic<MemoryBudget*>, 256>& budgets,
              MemoryBudget* budget) {
  for (size_t id = 1; id < budgets.size(); ++id) {
    MemoryBudget* none = nullptr;
    if (budgets[id].compare_exchange_strong(none, budget)) {
      return static_cast<uint8_t>(id);
    }
  }
  LATCHKEY_CHECK(false, "a process has few budgets");
}

}  // namespace

std::array<std::atomic<MemoryBudget*>, 256> MemoryBudget::budgets_ = {};

MemoryBudget::MemoryBudget(size_t bytes_max)
    : bytes_max_(bytes_max), id_(Enter(budgets_, this)), usable_(bytes_max) {}

MemoryBudget::~MemoryBudget() { budgets_[id_].store(nullptr); }

}  // namespace latchkey
