#include "tests/server/service/validation_rows.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/server/service/service_fixture.h"

namespace latchkey {

using absl::StrCat;

std::string Bytes(size_t count) { return std::string(count, 'x'); }

// Every field that holds a key, with good other fields.
std::vector<BadRow> KeyRows() {
  struct Place {
    std::string method;
    // The request before and after the bad key.
    std::string before;
    std::string after;
    std::string field;
    Kind kind;
    std::string index = "";
  };
  const std::vector<Place> places = {
      {"Get", "key: '", "'", "key", kRead},
      {"Get", "touch {} key: '", "'", "key", kWrite},
      {"BatchGet", "keys: 'a' keys: '", "'", "keys[1]", kRead, "1"},
      {"BatchGet", "atomic: true keys: '", "'", "keys[0]", kRead, "0"},
      {"Put", "key: '", "'", "key", kWrite},
      {"BatchPut", "puts { key: 'a' } puts { key: '", "' }", "puts[1].key",
       kWrite, "1"},
      {"Delete", "key: '", "'", "key", kWrite},
      {"BatchDelete", "deletes { key: '", "' }", "deletes[0].key", kWrite, "0"},
      {"Increment", "initial: 0 key: '", "'", "key", kWrite},
      {"Touch", "key: '", "'", "key", kWrite},
      {"Move", "destination_key: 'a' source_key: '", "'", "source_key", kWrite},
      {"Move", "source_key: 'a' destination_key: '", "'", "destination_key",
       kWrite},
      {"Transfer", "amount: 1 destination_key: 'a' source_key: '", "'",
       "source_key", kWrite},
      {"Transfer", "amount: 1 source_key: 'a' destination_key: '", "'",
       "destination_key", kWrite},
      {"Transact", "compares { precondition { exists: true } key: '", "' }",
       "compares[0].key", kWrite, "0"},
      {"Transact", "on_success { get { key: '", "' } }",
       "on_success[0].get.key", kWrite, "0"},
      {"Transact", "on_success { get { key: 'a' } } on_success { put { key: '",
       "' } }", "on_success[1].put.key", kWrite, "1"},
      {"Transact", "on_success { delete { key: '", "' } }",
       "on_success[0].delete.key", kWrite, "0"},
      {"Transact", "on_failure { increment { key: '", "' } }",
       "on_failure[0].increment.key", kWrite, "0"},
      {"Transact", "on_failure { touch { key: '", "' } }",
       "on_failure[0].touch.key", kWrite, "0"},
      {"Transact", "on_success { move { destination_key: 'a' source_key: '",
       "' } }", "on_success[0].move.source_key", kWrite, "0"},
      {"Transact",
       "on_success { transfer { amount: 1 source_key: 'a' destination_key: '",
       "' } }", "on_success[0].transfer.destination_key", kWrite, "0"},
  };
  std::vector<BadRow> rows;
  for (const Place& place : places) {
    for (const std::string& key : {std::string(), Bytes(1025)}) {
      rows.push_back({place.method, StrCat(place.before, key, place.after),
                      "INVALID_KEY", place.field, place.kind, place.index});
    }
  }
  rows.push_back({"Scan", StrCat("prefix: '", Bytes(1025), "'"), "INVALID_KEY",
                  "prefix", kRead});
  return rows;
}

std::vector<BadRow> ValueRows() {
  const std::string value = StrCat("value: '", Bytes(1024 * 1024 + 1), "'");
  const std::string precondition = StrCat("precondition { ", value, " }");
  const auto row = [](const std::string& method, const std::string& request,
                      const std::string& field, const std::string& index = "") {
    return BadRow{method, request, "VALUE_TOO_LARGE", field, kWrite, index};
  };
  return {
      row("Put", StrCat("key: 'a' ", value), "value"),
      row("BatchPut", StrCat("puts { key: 'a' ", value, " }"), "puts[0].value",
          "0"),
      row("Transact", StrCat("on_success { put { key: 'a' ", value, " } }"),
          "on_success[0].put.value", "0"),
      row("Put", StrCat("key: 'a' ", precondition), "precondition.value"),
      row("Delete", StrCat("key: 'a' ", precondition), "precondition.value"),
      row("BatchDelete", StrCat("deletes { key: 'a' ", precondition, " }"),
          "deletes[0].precondition.value", "0"),
      row("Move",
          StrCat("source_key: 'a' destination_key: 'b' source_", precondition),
          "source_precondition.value"),
      row("Move",
          StrCat("source_key: 'a' destination_key: 'b' destination_",
                 precondition),
          "destination_precondition.value"),
      row("Transact", StrCat("compares { key: 'a' ", precondition, " }"),
          "compares[0].precondition.value", "0"),
  };
}

// Every way in which an Expiration can be bad, in every place that has one.
std::vector<BadRow> ExpirationRows() {
  struct Bad {
    std::string expiration;
    std::string field;
  };
  const std::vector<Bad> bads = {
      {"ttl {}", "ttl"},
      {"ttl { seconds: -1 }", "ttl"},
      {"ttl { nanos: -1 }", "ttl"},
      // Malformed: too many nanos, or of two signs.
      {"ttl { nanos: 1000000000 }", "ttl"},
      {"ttl { seconds: 1 nanos: -1 }", "ttl"},
      {"ttl { seconds: 1 nanos: -1000000000 }", "ttl"},
      {"ttl { seconds: -1 nanos: 1 }", "ttl"},
      // Over 100 years, and over what 64 bits of nanoseconds hold.
      {StrCat("ttl { seconds: ", kExpirationMaxSeconds, " nanos: 1 }"), "ttl"},
      {"ttl { seconds: 9223372037 }", "ttl"},
      {"ttl { seconds: 9223372036854775807 }", "ttl"},
      {"ttl { seconds: -9223372036854775808 }", "ttl"},
      {"expire_time { seconds: 1800000000 nanos: -1 }", "expire_time"},
      {"expire_time { seconds: 1800000000 nanos: 1000000000 }", "expire_time"},
      {StrCat("expire_time { seconds: ",
              kRowsNowSeconds + kExpirationMaxSeconds, " nanos: 1 }"),
       "expire_time"},
      {"expire_time { seconds: 253402300799 }", "expire_time"},
      {"expire_time { seconds: 9223372036854775807 }", "expire_time"},
      // In the past: the store's to judge.
      {"expire_time {}", "expire_time"},
      {"expire_time { seconds: -9223372036854775808 }", "expire_time"},
      {StrCat("expire_time { seconds: ", kRowsNowSeconds, " }"), "expire_time"},
      {"keep: false", "keep"},
  };
  struct Place {
    std::string method;
    std::string before;
    std::string after;
    std::string field;
    std::string index = "";
  };
  const std::vector<Place> places = {
      {"Get", "key: 'k' touch { ", " }", "touch."},
      {"Put", "key: 'k' expiration { ", " }", "expiration."},
      {"Touch", "key: 'k' expiration { ", " }", "expiration."},
      {"Increment", "key: 'k' expiration { ", " }", "expiration."},
      {"BatchPut", "puts { key: 'a' } puts { key: 'b' expiration { ", " } }",
       "puts[1].expiration.", "1"},
      {"Transact", "on_success { put { key: 'k' expiration { ", " } } }",
       "on_success[0].put.expiration.", "0"},
      {"Transact", "on_success { get { key: 'k' touch { ", " } } }",
       "on_success[0].get.touch.", "0"},
  };
  std::vector<BadRow> rows;
  for (const Place& place : places) {
    for (const Bad& bad : bads) {
      rows.push_back({place.method,
                      StrCat(place.before, bad.expiration, place.after),
                      "INVALID_EXPIRATION", StrCat(place.field, bad.field),
                      kWrite, place.index});
    }
  }
  rows.push_back(
      {"Get", "key: 'k' lease {}", "INVALID_EXPIRATION", "lease.ttl", kRead});
  rows.push_back({"Get", "key: 'k' lease { ttl { nanos: -1 } }",
                  "INVALID_EXPIRATION", "lease.ttl", kRead});
  return rows;
}

std::vector<BadRow> CountRows() {
  const auto row = [](const std::string& method, const std::string& request,
                      const std::string& field, Kind kind) {
    return BadRow{method, request, "TOO_MANY_OPERATIONS", field, kind};
  };
  const std::string compares =
      Repeat(43, "compares { key: 'k#' precondition { exists: false } }");
  const std::string on_success = Repeat(43, "on_success { get { key: 'k' } }");
  return {
      row("BatchGet", Repeat(10'001, "keys: 'k'"), "keys", kRead),
      row("BatchGet", StrCat("atomic: true ", Repeat(129, "keys: 'k'")), "keys",
          kRead),
      row("BatchPut", Repeat(129, "puts { key: 'k#' }"), "puts", kWrite),
      row("BatchDelete", Repeat(129, "deletes { key: 'k#' }"), "deletes",
          kWrite),
      row("Transact",
          Repeat(129, "compares { key: 'k' precondition { exists: true } }"),
          "compares", kWrite),
      row("Transact", Repeat(129, "on_success { get { key: 'k' } }"),
          "on_success", kWrite),
      row("Transact", Repeat(129, "on_failure { get { key: 'k' } }"),
          "on_failure", kWrite),
      // Each list is good by itself.
      row("Transact",
          StrCat(compares, on_success,
                 Repeat(43, "on_failure { get { key: 'k' } }")),
          "on_failure", kWrite),
      row("Transact",
          StrCat(Repeat(128, "on_success { get { key: 'k' } }"),
                 "compares { key: 'k' precondition { exists: true } }"),
          "on_success", kWrite),
  };
}

std::vector<BadRow> FieldRows() {
  const auto row = [](const std::string& method, const std::string& request,
                      const std::string& field, const std::string& index = "") {
    return BadRow{method, request, "INVALID_FIELD", field, kWrite, index};
  };
  return {
      row("Put", "key: 'k' precondition { version: 0 }",
          "precondition.version"),
      row("Delete", "key: 'k' precondition { version: 0 }",
          "precondition.version"),
      row("BatchPut", "puts { key: 'k' precondition { version: 0 } }",
          "puts[0].precondition.version", "0"),
      row("Move",
          "source_key: 'a' destination_key: 'b' "
          "source_precondition { version: 0 }",
          "source_precondition.version"),
      row("Move",
          "source_key: 'a' destination_key: 'b' "
          "destination_precondition { version: 0 }",
          "destination_precondition.version"),
      row("Move", "source_key: 'k' destination_key: 'k'", "destination_key"),
      row("Transfer", "source_key: 'k' destination_key: 'k' amount: 1",
          "destination_key"),
      row("Transfer", "source_key: 'a' destination_key: 'b'", "amount"),
      row("Transfer",
          "source_key: 'a' destination_key: 'b' amount: 9223372036854775808",
          "amount"),
      row("Transfer",
          "source_key: 'a' destination_key: 'b' amount: 18446744073709551615",
          "amount"),
      row("Increment", "key: 'k' initial: 0 min: 1 max: 0", "max"),
      row("Increment", "key: 'k' initial: 0 max: -9223372036854775808 min: 0",
          "max"),
      row("Transact", "on_success {}", "on_success[0].kind", "0"),
      row("Transact", "on_failure { get { key: 'k' } } on_failure {}",
          "on_failure[1].kind", "1"),
      row("Transact", "compares { key: 'k' }", "compares[0].precondition", "0"),
      row("Transact",
          "compares { key: 'k' precondition { exists: true } } "
          "compares { key: 'k' precondition {} }",
          "compares[1].precondition", "1"),
      row("Transact", "compares { key: 'k' precondition { version: 0 } }",
          "compares[0].precondition.version", "0"),
      row("Transact",
          "on_success { move { source_key: 'k' destination_key: 'k' } }",
          "on_success[0].move.destination_key", "0"),
      row("Transact",
          "on_failure { transfer { source_key: 'a' destination_key: 'b' } }",
          "on_failure[0].transfer.amount", "0"),
      // Leases inside a transaction or batch.
      row("Transact",
          "on_success { get { key: 'k' lease { ttl { seconds: 1 } } } }",
          "on_success[0].get.lease", "0"),
      row("Transact", "on_failure { put { key: 'k' lease_token: 't' } }",
          "on_failure[0].put.lease_token", "0"),
      row("BatchPut", "puts { key: 'k' lease_token: 't' }",
          "puts[0].lease_token", "0"),
      // Reads.
      {"Get",
       "key: 'k' lease { ttl { seconds: 1 } refresh_below { nanos: -1 } }",
       "INVALID_FIELD", "lease.refresh_below", kRead},
      {"Scan", "page_size: 1001", "INVALID_FIELD", "page_size", kRead},
  };
}

std::vector<BadRow> DuplicateKeyRows() {
  return {
      {"BatchPut", "puts { key: 'a' } puts { key: 'b' } puts { key: 'a' }",
       "DUPLICATE_KEY", "puts[2].key", kWrite, "2"},
      {"BatchDelete", "deletes { key: 'a' } deletes { key: 'a' }",
       "DUPLICATE_KEY", "deletes[1].key", kWrite, "1"},
  };
}

std::vector<BadRow> IdempotencyKeyRows() {
  constexpr char kReason[] = "INVALID_IDEMPOTENCY_KEY";
  std::vector<BadRow> rows = {
      {"GetOutcome", "", kReason, "idempotency_key", kRead},
      {"GetOutcome", StrCat("idempotency_key: '", Bytes(65), "'"), kReason,
       "idempotency_key", kRead},
  };
  const std::string too_long = StrCat("idempotency_key: '", Bytes(65), "'");
  const std::pair<const char*, const char*> requests[] = {
      {"Put", "key: 'k' "},
      {"BatchPut", "puts { key: 'k' } "},
      {"Delete", "key: 'k' "},
      {"BatchDelete", "deletes { key: 'k' } "},
      {"Increment", "key: 'k' "},
      {"Touch", "key: 'k' "},
      {"Move", "source_key: 'a' destination_key: 'b' "},
      {"Transfer", "source_key: 'a' destination_key: 'b' amount: 1 "},
      {"Transact", "on_success { get { key: 'k' } } "},
      // Without elements, too.
      {"BatchPut", ""},
      {"BatchDelete", ""},
      {"Transact", ""},
  };
  for (const auto& [method, request] : requests) {
    rows.push_back(
        {method, request + too_long, kReason, "idempotency_key", kWrite});
  }
  // Inside a batch or transaction even a good one is bad.
  const std::string good = "idempotency_key: 'i'";
  rows.push_back({"BatchPut", StrCat("puts { key: 'k' ", good, " }"), kReason,
                  "puts[0].idempotency_key", kWrite, "0"});
  rows.push_back({"BatchDelete", StrCat("deletes { key: 'k' ", good, " }"),
                  kReason, "deletes[0].idempotency_key", kWrite, "0"});
  const std::pair<const char*, const char*> operations[] = {
      {"put", "key: 'k' "},
      {"delete", "key: 'k' "},
      {"increment", "key: 'k' "},
      {"touch", "key: 'k' "},
      {"move", "source_key: 'a' destination_key: 'b' "},
      {"transfer", "source_key: 'a' destination_key: 'b' amount: 1 "},
  };
  for (const auto& [kind, operation] : operations) {
    rows.push_back(
        {"Transact",
         StrCat("on_success { ", kind, " { ", operation, good, " } }"), kReason,
         StrCat("on_success[0].", kind, ".idempotency_key"), kWrite, "0"});
  }
  return rows;
}

}  // namespace latchkey
