// ScanHandler answers one Scan: it sends a page, and makes the next one when
// the transport has taken that.  So the transport's flow control is the scan's:
// between two pages it holds no lock and no thread.
//
// Each page is a bounded amount of work on the thread of the call's transport,
// which serves other calls in between.
//
// Thread safety: as StreamHandler; the methods come one after the other.

#ifndef LATCHKEY_SERVER_SERVICE_SCAN_HANDLER_H_
#define LATCHKEY_SERVER_SERVICE_SCAN_HANDLER_H_

#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "server/base/clock.h"
#include "server/rpc/call.h"
#include "server/rpc/method_table.h"
#include "server/service/decode.h"
#include "server/store/store.h"

namespace latchkey {

class ScanHandler final : public StreamHandler {
 public:
  // All must outlive the handler.
  ScanHandler(Store& store, const Clock& clock, const Decoder& decoder,
              Call& call);

  void OnMessage(std::string_view message) override;
  void OnHalfClose() override;
  void OnSent() override;
  void OnCancel() override;

 private:
  // Begins the scan that the request asks for.
  absl::Status Start(std::string_view message);

  // Makes the next page and sends it.
  void SendPage();
  void Fail(const absl::Status& error);
  // Adds the server's stamp to the answer where the client asked for it.
  void AddStamp();

  Store& store_;
  const Clock& clock_;
  const Decoder& decoder_;
  Call& call_;

  std::unique_ptr<Scan> scan_;
  bool keys_only_ = false;
  // The page on its way is the last.
  bool at_end_ = false;
};

}  // namespace latchkey

#endif  // LATCHKEY_SERVER_SERVICE_SCAN_HANDLER_H_
