// ScanHandler answers one Scan: it sends a page, and makes the next one when
// the transport has taken that.  So the transport's flow control is the scan's:
// between two pages it holds no lock and no thread.
//
// Each page is a task of the bulk lane; it begins on the transport's thread and
// goes on there when it was sent.
//
// Thread safety: as StreamHandler; the methods come one after the other, also
// while a thread of the lane makes a page.

#ifndef LATCHKEY_SERVER_SERVICE_SCAN_HANDLER_H_
#define LATCHKEY_SERVER_SERVICE_SCAN_HANDLER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/runtime/worker_pool.h"
#include "server/service/access_check.h"
#include "server/service/decode.h"
#include "server/store/store.h"

namespace latchkey {

class ScanHandler final : public StreamHandler {
 public:
  // All must outlive the handler.  Where `bulk` is null, pages are made on the
  // transport's thread.
  ScanHandler(Store& store, const Clock& clock, const Decoder& decoder,
              const AccessCheck& access, WorkerPool* bulk, Call& call);

  void OnMessage(std::string_view message) override;
  void OnHalfClose() override;
  void OnSent() override;
  void OnCancel() override;

 private:
  // Begins the scan that the request asks for.
  absl::Status Start(std::string_view message);

  // Who may use the call and the scan, and what it has missed.
  enum class State : uint8_t {
    // The transport's thread.
    kIdle,
    // Who makes and sends a page.
    kBusy,
    // As kBusy; the page has gone out.
    kBusySent,
    // As kBusy; the call has ended.
    kBusyCancelled,
  };

  // Lets the lane make the next page.  REQUIRES: the state is kBusy.
  void StartPage();
  // Makes a page and sends it, unless `fate` says otherwise.
  void MakePage(const absl::Status& fate);
  absl::StatusOr<ScanPage> ReadPage();
  absl::Status CheckToken() const;
  // The page has gone out: ends the call, or starts the next page.
  //
  // REQUIRES: the caller may use the call.
  void GoOn();
  // Fails with what the lane said.
  void Refuse(const absl::Status& error);
  void Fail(const absl::Status& error);
  // Adds the server's stamp to the answer where the client asked for it.
  void AddStamp();

  Store& store_;
  const Clock& clock_;
  const Decoder& decoder_;
  const AccessCheck& access_;
  WorkerPool* const bulk_;
  Call& call_;

  // Whoever hands the call over does so with release, and its next user
  // observes with acquire.
  std::atomic<State> state_ = State::kIdle;

  // Belong to who may use the call.
  std::unique_ptr<Scan> scan_;
  bool keys_only_ = false;
  // The page on its way is the last.
  bool at_end_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_SCAN_HANDLER_H_
