// What Stream does for gRPC-Web's requests.

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/status/status.h"
#include "server/rpc/overload.h"
#include "server/transport/native/cors.h"
#include "server/transport/native/session.h"
#include "server/transport/native/stream.h"
#include "server/transport/native/worker.h"

namespace latchkey {

const char* Stream::BeginWeb() {
  const std::optional<std::string_view> origin =
      headers_.FindMetadata("origin");
  std::string_view allowed;
  if (origin.has_value()) {
    allowed = AllowedOrigin(worker_.options().cors_origins, *origin);
    // Not only its answer is kept from a page that is not allowed.  One whose
    // name was made to resolve to this server's address would not even be
    // asked by its browser whether it may call.
    if (allowed.empty()) return "403";
  }
  if (headers_.is_options() && !allowed.empty() &&
      headers_.FindMetadata("access-control-request-method").has_value()) {
    web_ = std::make_unique<Web>();
    web_->allowed_origin = allowed;
    return "204";
  }
  if (!headers_.is_post()) return "405";
  const BodyKind kind = headers_.body_kind();
  if (kind == BodyKind::kOther) return "415";
  web_ = std::make_unique<Web>();
  web_->allowed_origin = allowed;
  web_->text_request = kind == BodyKind::kWebText;
  switch (BodyKindOf(headers_.FindMetadata("accept").value_or(""))) {
    case BodyKind::kWeb:
      break;
    case BodyKind::kWebText:
      web_->text_answer = true;
      break;
    default:
      web_->text_answer = web_->text_request;
  }
  return nullptr;
}

bool Stream::DecodeText(std::string_view* data) {
  web_->decoded.clear();
  if (!web_->text.Read(*data, &web_->decoded)) return false;
  // What it is shorter by was taken, too.
  Consume(data->size() - std::min(data->size(), web_->decoded.size()));
  *data = web_->decoded;
  return true;
}

bool Stream::IsTextCut() const {
  return web_->text_request && !web_->text.is_whole();
}

void Stream::EndWeb() { web_.reset(); }

void Stream::FailText() {
  const absl::Status error =
      absl::InternalError("the body of the request is no Base64");
  if (is_unary()) {
    call_->Fail(NotRun(error));
  } else {
    AnswerInstead(error);
  }
}

}  // namespace latchkey
