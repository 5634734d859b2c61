#include "server/service/admin_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "latchkey/v1/admin.pb.h"
#include "server/service/request_parsing.h"
#include "server/service/time_conversion.h"

namespace latchkey {
namespace {

// The life of the server, as its stamps begin.
std::string IncarnationOf(const Store& store) {
  const std::string stamp = store.CurrentStamp().ToText();
  return stamp.substr(0, stamp.find('-'));
}

void FillServer(const ServerFacts& facts, const Store& store,
                v1::ServerStats* stats) {
  stats->set_version(std::string(facts.version));
  stats->set_transport(std::string(facts.transport));
  stats->set_incarnation(IncarnationOf(store));
  ToTimestamp(facts.started, stats->mutable_start_time());
  ToDuration(facts.now - facts.started, stats->mutable_uptime());
  stats->set_live_calls(static_cast<uint64_t>(facts.live_calls));
  if (facts.connections.has_value()) {
    stats->set_connections(static_cast<uint64_t>(*facts.connections));
  }
  stats->set_resident_bytes(facts.resident_bytes);
}

void FillKeys(const ShardCounters& counters, const Store& store,
              v1::KeyStats* stats) {
  stats->set_entries(counters.entries);
  stats->set_entries_expiring(counters.entries_expiring);
  stats->set_hits(counters.hits);
  stats->set_misses(counters.misses);
  stats->set_evictions(counters.evicted);
  stats->set_expirations(counters.expired);
  stats->set_lease_grants(counters.leases.grants);
  stats->set_lease_waits(counters.leases.waits);
  stats->set_commit_version(store.last_version());
}

void FillMemory(const ShardCounters& counters, const Store& store,
                v1::MemoryStats* stats) {
  const uint64_t idempotency = store.ledger_budget().bytes();
  const uint64_t known = counters.entry_bytes + counters.structure_bytes() +
                         counters.leases.bytes + idempotency;
  // What came after the counters were read counts as held, and what went then
  // has not to make the rest negative.
  const uint64_t used = std::max<uint64_t>(store.memory().used(), known);
  stats->set_max_bytes(store.memory().bytes_max());
  stats->set_usable_bytes(store.memory().usable());
  stats->set_used_bytes(used);
  stats->set_entry_bytes(counters.entry_bytes);
  stats->set_table_bytes(counters.table_bytes);
  stats->set_queue_bytes(counters.queue_bytes);
  stats->set_expiry_bytes(counters.expiry_bytes);
  stats->set_idempotency_bytes(idempotency);
  stats->set_lease_bytes(counters.leases.bytes);
  stats->set_held_bytes(used - known);
  stats->set_refusals(store.memory_refusals());
}

void FillIdempotency(const Store& store, v1::IdempotencyStats* stats) {
  const LedgerBudget& budget = store.ledger_budget();
  stats->set_records(budget.records());
  stats->set_record_bytes(budget.bytes());
  stats->set_max_record_bytes(budget.bytes_max());
  const LedgerCounters& counters = store.ledger_counters();
  stats->set_replays(counters.replays.load(std::memory_order_relaxed));
  stats->set_mismatches(counters.mismatches.load(std::memory_order_relaxed));
  stats->set_refusals(counters.refusals.load(std::memory_order_relaxed));
}

}  // namespace

AdminService::AdminService(const Store& store, const RulesKeeper* rules,
                           std::function<ServerFacts()> facts)
    : store_(store), access_(rules), facts_(std::move(facts)) {}

void AdminService::Register(MethodTable& methods) {
  methods.AddUnary(
      "/latchkey.v1.Admin/GetStats",
      [this](Call& call, std::string_view bytes) { GetStats(call, bytes); });
}

void AdminService::GetStats(Call& call, std::string_view bytes) const {
  RequestArena arena;
  const auto request = ParseRequest<v1::GetStatsRequest>(bytes, arena);
  absl::Status status = request.status();
  if (status.ok()) status = access_.Check(call, Verb::kAdmin, "");
  if (!status.ok()) {
    call.Fail(status);
    return;
  }
  auto* response = arena.Make<v1::GetStatsResponse>();
  const ShardCounters counters = store_.Counters();
  FillServer(facts_(), store_, response->mutable_server());
  FillKeys(counters, store_, response->mutable_keys());
  FillMemory(counters, store_, response->mutable_memory());
  FillIdempotency(store_, response->mutable_idempotency());
  call.Reply(*response);
}

}  // namespace latchkey
