// What an operator can choose about latchkeyd.  command_line.h fills it in, and
// says the defaults of --threads, --bulk-threads and --memory-max-bytes, which
// depend on the
// machine, and of --http-listen.

#ifndef LATCHKEY_SERVER_CONFIG_OPTIONS_H_
#define LATCHKEY_SERVER_CONFIG_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "server/tls/options.h"

namespace latchkey {

struct ServerOptions {
  // HOST:PORT, an IPv6 address in brackets.  Port 0: the system chooses one.
  std::string listen = "127.0.0.1:7411";

  // Where the operations port listens, as `listen`; empty for none.  What
  // command_line.h fills in is 127.0.0.1:7412, or port 0 where `listen` has
  // that.
  std::string http_listen;

  // With a certificate and its key calls are served over TLS; else both are
  // empty.
  TlsOptions tls;
  bool has_tls() const { return !tls.certificate_file.empty(); }

  // Who may call, and by which token; empty: anybody who can connect.
  std::string tokens_file;

  // What each principal may do; empty: anything.
  std::string rules_file;

  // How much each principal may use; empty: as much as it likes.
  std::string limits_file;

  // Whether clients beyond this machine may be served without TLS.
  bool allow_insecure = false;

  // What carries the calls: "native", HTTP/2 by nghttp2, or "grpc", the gRPC
  // library.
  std::string transport = "native";

  // Origins whose web pages may call, of the native transport, or "*": all.
  std::vector<std::string> cors_origins;

  // Threads that answer requests.
  int threads = 1;

  // Connections at a time, of the native transport.
  int connections_max = 10'000;
  // Of one address; 0: half of all, and any number of this machine's own.
  int connections_per_address_max = 0;
  // How long they may have no call, and live; 0: for ever.
  int connection_idle_seconds = 0;
  int connection_age_seconds = 0;

  // Calls in flight of one connection and of all, until their handlers end.
  int calls_per_connection_max = 1'000;
  int calls_max = 100'000;

  // The deadline of a call, other than a stream, whose client gave none.
  int call_seconds_max = 10;

  // Threads of the bulk lane: scans and batches of many keys.
  int bulk_threads = 1;

  // Requests that may wait for one of them.
  int bulk_queue_max = 256;

  // How long calls may finish after SIGTERM before they are cancelled.
  int drain_seconds = 10;

  // The longest key and value that a write may have.
  int key_bytes_max = 1024;
  int value_bytes_max = 1024 * 1024;

  // How long the outcome of a write with an idempotency key is kept, and what
  // all outcomes may take in memory.
  int idempotency_window_seconds = 120;
  int64_t idempotency_bytes_max = 256 * 1024 * 1024;

  // What all data may take in memory, overhead, outcomes and snapshots
  // included.
  int64_t memory_max_bytes = 1024 * 1024 * 1024;

  // Which entries leave where that is reached: "tinylfu", "s3fifo", "lru" or
  // "none".
  std::string eviction = "tinylfu";

  // What one snapshot scan may hold of entries that were changed before it came
  // to them.
  int64_t snapshot_bytes_max = 64 * 1024 * 1024;

  // CPU that each operation burns beside its own.
  int test_service_time_us = 0;

  // One of "trace", "debug", "info", "warn", "error", "off".
  std::string log_level = "info";

  // "text" (key=value) or "json".
  std::string log_format = "text";
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_CONFIG_OPTIONS_H_
