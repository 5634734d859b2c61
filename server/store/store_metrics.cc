#include "server/store/store_metrics.h"

namespace latchkey {
namespace {

void CollectShards(const ShardCounters& counters, MetricsText& text) {
  text.Family("latchkey_db_keys", MetricType::kGauge,
              "Entries held, with those that have expired and were not yet "
              "swept.");
  text.Sample({}, counters.entries);
  text.Family("latchkey_db_keys_expiring", MetricType::kGauge,
              "Entries held that have an expiry.");
  text.Sample({}, counters.entries_expiring);

  text.Family("latchkey_keyspace_hits_total", MetricType::kCounter,
              "Keys of Get and BatchGet that were found. A Get with touch and "
              "the reads of a transaction are not counted.");
  text.Sample({}, counters.hits);
  text.Family("latchkey_keyspace_misses_total", MetricType::kCounter,
              "Keys of Get and BatchGet that were not found, or had expired.");
  text.Sample({}, counters.misses);

  text.Family("latchkey_expired_keys_total", MetricType::kCounter,
              "Entries that the sweep removed because they had expired; not "
              "those that a write replaced first.");
  text.Sample({}, counters.expired);

  text.Family("latchkey_evicted_keys_total", MetricType::kCounter,
              "Entries that were removed because memory was full.");
  text.Sample({}, counters.evicted);

  text.Family("latchkey_shard_lock_waits_total", MetricType::kCounter,
              "Times that a thread had to wait for a shard's lock.");
  text.Sample({}, counters.lock_waits);
  text.Family("latchkey_shard_lock_wait_seconds_total", MetricType::kCounter,
              "Time that threads waited for a shard's lock.");
  text.SampleSeconds({}, counters.lock_wait_sum);
}

void CollectLeases(const LeaseCounters& leases, MetricsText& text) {
  text.Family("latchkey_leases", MetricType::kGauge,
              "Leases that are held, with those that have ended and were not "
              "yet swept.");
  text.Sample({}, leases.held);
  text.Family("latchkey_lease_waiting", MetricType::kGauge,
              "Calls that wait for another caller's lease.");
  text.Sample({}, leases.waiting);
  text.Family("latchkey_lease_grants_total", MetricType::kCounter,
              "Leases that were granted.");
  text.Sample({}, leases.grants);
  text.Family("latchkey_lease_ends_total", MetricType::kCounter,
              "Leases that ended, by what ended them: a write of the key, its "
              "removal, or their time.");
  text.Sample({{"by", "write"}}, leases.ends_by_write);
  text.Sample({{"by", "removal"}}, leases.ends_by_removal);
  text.Sample({{"by", "time"}}, leases.ends_by_time);
  text.Family("latchkey_lease_waits_total", MetricType::kCounter,
              "Calls that began to wait for another caller's lease.");
  text.Sample({}, leases.waits);
  text.Family("latchkey_lease_waits_ended_total", MetricType::kCounter,
              "How those waits ended: with the entry, with the lease, or by "
              "the call's own end or a drain.");
  text.Sample({{"outcome", "filled"}}, leases.waits_filled);
  text.Sample({{"outcome", "granted"}}, leases.waits_granted);
  text.Sample({{"outcome", "ended"}}, leases.waits_ended);
  text.Family("latchkey_lease_refusals_total", MetricType::kCounter,
              "Calls that found too many leases, or too many waiting.");
  text.Sample({}, leases.refusals);
}

void CollectMemory(const Store& store, const ShardCounters& counters,
                   MetricsText& text) {
  text.Family("latchkey_memory_used_bytes", MetricType::kGauge,
              "What is counted against latchkey_memory_max_bytes: that of "
              "latchkey_memory_bytes, what snapshots and answers on their way "
              "hold, and what is being written.");
  text.Sample({}, store.memory().used());
  text.Family("latchkey_memory_max_bytes", MetricType::kGauge,
              "The most that may be used: --memory-max-bytes.");
  text.Sample({}, store.memory().bytes_max());
  text.Family("latchkey_memory_usable_bytes", MetricType::kGauge,
              "How much of it may be used at present: less where the allocator "
              "loses so much that the process would hold more than that.");
  text.Sample({}, store.memory().usable());
  text.Family("latchkey_memory_bytes", MetricType::kGauge,
              "Memory by what it holds: entries with their keys and values, "
              "the tables, queues and indexes of the shards, the outcomes of "
              "keyed writes, and leases.");
  text.Sample({{"kind", "entries"}}, counters.entry_bytes);
  text.Sample({{"kind", "structure"}}, counters.structure_bytes());
  text.Sample({{"kind", "idempotency"}}, store.ledger_budget().bytes());
  text.Sample({{"kind", "leases"}}, counters.leases.bytes);
  text.Family("latchkey_memory_refusals_total", MetricType::kCounter,
              "Times that memory was full and nothing could be evicted: writes "
              "that were refused with OUT_OF_MEMORY.");
  text.Sample({}, store.memory_refusals());
}

void CollectLedger(const Store& store, MetricsText& text) {
  const LedgerBudget& budget = store.ledger_budget();
  text.Family("latchkey_idempotency_records", MetricType::kGauge,
              "Outcomes of keyed writes that are kept, with those that have "
              "outlived the window and were not yet swept.");
  text.Sample({}, budget.records());
  text.Family("latchkey_idempotency_bytes", MetricType::kGauge,
              "What those outcomes take of --idempotency-bytes-max.");
  text.Sample({}, budget.bytes());

  const LedgerCounters& counters = store.ledger_counters();
  text.Family("latchkey_idempotency_replays_total", MetricType::kCounter,
              "Copies of keyed writes that got the outcome of the first.");
  text.Sample({}, counters.replays.load(std::memory_order_relaxed));
  text.Family("latchkey_idempotency_mismatches_total", MetricType::kCounter,
              "Keyed writes whose key had come before with another request.");
  text.Sample({}, counters.mismatches.load(std::memory_order_relaxed));
  text.Family("latchkey_idempotency_refusals_total", MetricType::kCounter,
              "Keyed writes and fences that found no room for a record.");
  text.Sample({}, counters.refusals.load(std::memory_order_relaxed));
}

}  // namespace

void CollectStoreMetrics(const Store& store, MetricsText& text) {
  const ShardCounters counters = store.Counters();
  CollectShards(counters, text);
  CollectLeases(counters.leases, text);
  CollectMemory(store, counters, text);
  CollectLedger(store, text);
  text.Family("latchkey_commit_version", MetricType::kGauge,
              "Version of the last commit; its rate is that of commits.");
  text.Sample({}, store.last_version());
}

}  // namespace latchkey
