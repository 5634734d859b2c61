#include "tests/bench/cachesim/traces.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string_view>

#include "tests/bench/workload.h"

namespace latchkey {
namespace {

// A trace's key as a number.
uint64_t NumberOf(std::string_view key) {
  uint64_t number = key.size();
  for (const char c : key) {
    number = MixBits(number ^ static_cast<unsigned char>(c));
  }
  return number;
}

void ReadCsv(std::ifstream& in, Trace& trace) {
  for (std::string line; std::getline(in, line);) {
    const size_t first = line.find(',');
    const size_t second = line.find(',', first + 1);
    if (second == std::string::npos) {
      trace.error = "not time,key,size: " + line;
      return;
    }
    char* end = nullptr;
    const char* size = line.c_str() + second + 1;
    const unsigned long bytes = std::strtoul(size, &end, 10);
    // A heading.
    if (end == size && trace.requests.empty()) continue;
    if (end == size || bytes > UINT32_MAX) {
      trace.error = "not a size: " + line;
      return;
    }
    trace.requests.push_back(
        {NumberOf(std::string_view(line).substr(first + 1, second - first - 1)),
         static_cast<uint32_t>(bytes)});
  }
}

void ReadOracleGeneral(std::ifstream& in, Trace& trace) {
  char record[24];
  while (in.read(record, sizeof(record))) {
    Request request;
    std::memcpy(&request.key, record + 4, sizeof(request.key));
    std::memcpy(&request.bytes, record + 12, sizeof(request.bytes));
    trace.requests.push_back(request);
  }
  if (in.gcount() != 0) trace.error = "the last record is cut";
}

void ReadKeys(std::ifstream& in, uint32_t bytes, Trace& trace) {
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) trace.requests.push_back({NumberOf(line), bytes});
  }
}

// Draws ranks below `keys`, the first the most often.
class Zipf {
 public:
  Zipf(uint64_t keys, double skew) : sums_(keys) {
    double sum = 0;
    for (uint64_t i = 0; i < keys; ++i) {
      sum += std::pow(static_cast<double>(i + 1), -skew);
      sums_[i] = sum;
    }
  }

  uint64_t Draw(FastRandom& random) const {
    const double point =
        static_cast<double>(random.Next() >> 11) * 0x1.0p-53 * sums_.back();
    return static_cast<uint64_t>(
        std::lower_bound(sums_.begin(), sums_.end(), point) - sums_.begin());
  }

 private:
  std::vector<double> sums_;
};

}  // namespace

Trace ReadTrace(const std::string& path, uint32_t bytes) {
  Trace trace = {.name = path.substr(path.rfind('/') + 1)};
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    trace.error = "cannot be read";
  } else if (path.ends_with(".csv")) {
    ReadCsv(in, trace);
  } else if (path.ends_with(".oracleGeneral") || path.ends_with(".bin")) {
    ReadOracleGeneral(in, trace);
  } else {
    ReadKeys(in, bytes, trace);
  }
  if (trace.error.empty() && trace.requests.empty()) trace.error = "is empty";
  return trace;
}

Trace MakeTrace(const std::string& name, uint64_t keys, uint64_t requests,
                uint32_t bytes) {
  Trace trace = {.name = name};
  FastRandom random(1);
  if (name == "loop") {
    for (uint64_t i = 0; i < requests; ++i) {
      trace.requests.push_back({i % keys, bytes});
    }
    return trace;
  }
  const bool scan = name == "scan";
  if (!scan && !name.starts_with("zipf-")) {
    trace.error = "no such trace";
    return trace;
  }
  const Zipf zipf(keys, scan ? 0.99 : std::strtod(name.c_str() + 5, nullptr));
  // Half of the requests of a scan trace are of keys that come once, a tenth of
  // the key space at a time.
  uint64_t once = keys;
  while (trace.requests.size() < requests) {
    for (uint64_t i = 0; i < keys / 10; ++i) {
      trace.requests.push_back({zipf.Draw(random), bytes});
    }
    for (uint64_t i = 0; scan && i < keys / 10; ++i) {
      trace.requests.push_back({once++, bytes});
    }
  }
  return trace;
}

}  // namespace latchkey
