#include "tests/bench/cachesim/traces.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <numbers>
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

// A number of its own for each key, from 0 to below 1.
double DrawOf(uint64_t key, uint64_t purpose) {
  return static_cast<double>(MixBits(key ^ MixBits(purpose)) >> 11) * 0x1.0p-53;
}

// traces.h says where the numbers are from.
Trace MakeTwitterTrace(uint64_t keys, uint64_t requests) {
  constexpr double kSkew = 1.2;
  constexpr double kMedianBytes = 230;
  constexpr double kSigma = 1.18;
  constexpr uint32_t kBytesMax = 64 * 1024;
  constexpr uint32_t kHour = 3'600;
  constexpr uint64_t kSeconds = 48 * kHour;
  constexpr uint32_t kTtls[] = {1'200, 1'200, 12 * kHour, 0};
  Trace trace = {.name = "twitter", .key_bytes = 38};
  const Zipf zipf(keys, kSkew);
  FastRandom random(1);
  for (uint64_t i = 0; i < requests; ++i) {
    const uint64_t key = zipf.Draw(random);
    // Box and Muller's way to a normal number.
    const double normal = std::sqrt(-2 * std::log(1 - DrawOf(key, 1))) *
                          std::cos(2 * std::numbers::pi * DrawOf(key, 2));
    const double bytes = kMedianBytes * std::exp(kSigma * normal) -
                         static_cast<double>(trace.key_bytes);
    trace.requests.push_back(
        {.key = key,
         .bytes = static_cast<uint32_t>(
             std::clamp(bytes, 1.0, static_cast<double>(kBytesMax))),
         .seconds = static_cast<uint32_t>(i * kSeconds / requests),
         .ttl_seconds = kTtls[static_cast<size_t>(4 * DrawOf(key, 3))]});
  }
  return trace;
}

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
  if (name == "twitter") return MakeTwitterTrace(keys, requests);
  Trace trace = {.name = name};
  FastRandom random(1);
  if (name == "loop") {
    for (uint64_t i = 0; i < requests; ++i) {
      trace.requests.push_back({i % keys, bytes});
    }
    return trace;
  }
  const bool scan = name == "scan";
  const bool shift = name == "shift";
  if (!scan && !shift && !name.starts_with("zipf-")) {
    trace.error = "no such trace";
    return trace;
  }
  const Zipf zipf(
      keys, scan || shift ? 0.99 : std::strtod(name.c_str() + 5, nullptr));
  if (shift) {
    constexpr uint64_t kShifts = 20;
    for (uint64_t i = 0; i < requests; ++i) {
      const uint64_t rank = zipf.Draw(random);
      // Ranks shift in turn, each by its own time.
      const uint64_t shifts = (i * kShifts / requests + MixBits(rank) % 4) / 4;
      const uint64_t by = shifts == 0 ? 0 : MixBits(shifts);
      trace.requests.push_back({(rank + by) % keys, bytes});
    }
    return trace;
  }
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
