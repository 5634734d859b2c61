#include "server/transport/native/session_settings.h"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>

#include "server/base/check.h"
#include "server/transport/native/session.h"

namespace latchkey {
namespace {

Session& SessionOf(void* user_data) {
  return *static_cast<Session*>(user_data);
}

int BeginHeaders(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  SessionOf(user).OnBeginHeaders(*frame);
  return 0;
}

int Header(nghttp2_session*, const nghttp2_frame*, const uint8_t* name,
           size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
           void* user) {
  // After that the block is decoded, since the table may change, but its
  // headers are neither checked nor told.
  return SessionOf(user).OnHeader(wire::View(name, name_size),
                                  wire::View(value, value_size))
             ? 0
             : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
}

int FrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  SessionOf(user).OnFrame(*frame);
  return 0;
}

int DataReceived(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data,
                 size_t size, void* user) {
  SessionOf(user).OnData(id, wire::View(data, size));
  return 0;
}

int FrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  SessionOf(user).OnSent(*frame);
  return 0;
}

int StreamClosed(nghttp2_session*, int32_t id, uint32_t error, void* user) {
  SessionOf(user).OnClosed(id, error);
  return 0;
}

int SendData(nghttp2_session*, nghttp2_frame*, const uint8_t* head,
             size_t length, nghttp2_data_source* source, void* user) {
  return SessionOf(user).CopyData(*static_cast<Stream*>(source->ptr), head,
                                  length);
}

}  // namespace

SessionSettings::SessionSettings(const NativeServerOptions& options)
    : options_(options) {
  LATCHKEY_CHECK(nghttp2_session_callbacks_new(&callbacks_) == 0 &&
                     nghttp2_option_new(&option_) == 0,
                 "there is memory for a start");
  nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks_,
                                                          BeginHeaders);
  nghttp2_session_callbacks_set_on_header_callback(callbacks_, Header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks_,
                                                       FrameReceived);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks_,
                                                            DataReceived);
  nghttp2_session_callbacks_set_on_frame_send_callback(callbacks_, FrameSent);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks_,
                                                         StreamClosed);
  nghttp2_session_callbacks_set_send_data_callback(callbacks_, SendData);
  // Who sends ahead of a streaming handler waits for it.
  nghttp2_option_set_no_auto_window_update(option_, 1);
  // The answers of ordinary calls use no table (DirectPath), and for the few
  // others it is not worth its memory on each connection.
  nghttp2_option_set_max_deflate_dynamic_table_size(option_, 0);
  // nghttp2 has a limit of its own, which Session's comes before.
  const auto resets = static_cast<uint64_t>(options.resets_per_second_max) * 2;
  nghttp2_option_set_stream_reset_rate_limit(option_, resets, resets);
}

SessionSettings::~SessionSettings() {
  nghttp2_option_del(option_);
  nghttp2_session_callbacks_del(callbacks_);
}

nghttp2_session* SessionSettings::NewSession(Session* session) const {
  nghttp2_session* http = nullptr;
  LATCHKEY_CHECK(
      nghttp2_session_server_new2(&http, callbacks_, session, option_) == 0,
      "there is memory for a session");
  const nghttp2_settings_entry entries[] = {
      // nghttp2 remembers as many, open and closed together.
      {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
       static_cast<uint32_t>(streams_max())},
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
       static_cast<uint32_t>(options_.stream_window_bytes)},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
       static_cast<uint32_t>(options_.metadata_bytes_max)},
  };
  nghttp2_submit_settings(http, NGHTTP2_FLAG_NONE, entries, std::size(entries));
  nghttp2_session_set_local_window_size(http, NGHTTP2_FLAG_NONE, 0,
                                        options_.connection_window_bytes);
  return http;
}

}  // namespace latchkey
