#include "client/verify/violations.h"

#include <utility>

namespace latchkey::verify {

void Violations::Add(std::string_view sort, std::string detail) {
  ++count_;
  auto found = by_sort_.find(sort);
  if (found == by_sort_.end()) {
    found = by_sort_.emplace(std::string(sort), ViolationsOfSort()).first;
  }
  ViolationsOfSort& of_sort = found->second;
  ++of_sort.count;
  if (of_sort.details.size() < kDetailsPerSortMax) {
    of_sort.details.push_back(std::move(detail));
  }
}

bool Violations::WantsDetail(std::string_view sort) const {
  const auto found = by_sort_.find(sort);
  return found == by_sort_.end() ||
         found->second.details.size() < kDetailsPerSortMax;
}

uint64_t Violations::CountOf(std::string_view sort) const {
  const auto found = by_sort_.find(sort);
  return found == by_sort_.end() ? 0 : found->second.count;
}

void Violations::Merge(const Violations& other) {
  count_ += other.count_;
  for (const auto& [sort, theirs] : other.by_sort_) {
    ViolationsOfSort& ours = by_sort_[sort];
    ours.count += theirs.count;
    for (const std::string& detail : theirs.details) {
      if (ours.details.size() == kDetailsPerSortMax) break;
      ours.details.push_back(detail);
    }
  }
}

std::string Violations::ToString() const {
  std::string text;
  for (const auto& [sort, of_sort] : by_sort_) {
    for (const std::string& detail : of_sort.details) {
      text += sort + ": " + detail + "\n";
    }
  }
  return text;
}

}  // namespace latchkey::verify
