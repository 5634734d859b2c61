// Turns results of the store into the messages of cache.proto.
//
// Thread safety: free functions, no shared state.

#ifndef LATCHKEY_SERVER_SERVICE_ENCODE_H_
#define LATCHKEY_SERVER_SERVICE_ENCODE_H_

#include <cstdint>

#include "latchkey/v1/cache.pb.h"
#include "server/store/operations.h"
#include "server/store/scan_page.h"
#include "server/store/store.h"

namespace latchkey {

// All messages are empty before.
void Encode(const GetResult& result, v1::GetResponse* response);
// With the lease, where there is one to tell of; `store` knows its token.
void Encode(const LeasedGet& answer, Nanos ttl, const Store& store,
            v1::GetResponse* response);

void Encode(const BatchGetResult& result, v1::BatchGetResponse* response);

// The result of one operation of a commit whose version is `version`.  An
// operation that had nothing to do (a Delete or Touch of a missing key) answers
// with version 0, also where others of its commit did.
//
// REQUIRES: `result` holds the kind of `response`.
void Encode(const OperationResult& result, uint64_t version,
            v1::GetResponse* response);
void Encode(const OperationResult& result, uint64_t version,
            v1::PutResponse* response);
void Encode(const OperationResult& result, uint64_t version,
            v1::DeleteResponse* response);
void Encode(const OperationResult& result, uint64_t version,
            v1::IncrementResponse* response);
void Encode(const OperationResult& result, uint64_t version,
            v1::TouchResponse* response);
void Encode(const OperationResult& result, uint64_t version,
            v1::MoveResponse* response);
void Encode(const OperationResult& result, uint64_t version,
            v1::TransferResponse* response);

// One page of a scan; without the values where only the keys were asked for.
void Encode(const ScanPage& page, bool keys_only, v1::ScanResponse* response);

// Whole writes.
void Encode(const TransactionResult& result, v1::BatchPutResponse* response);
void Encode(const TransactionResult& result, v1::BatchDeleteResponse* response);
void Encode(const TransactionResult& result, v1::TransactResponse* response);

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_ENCODE_H_
